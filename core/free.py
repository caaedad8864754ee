"""Which numbers of a range are free, as a value.

Taking, giving back and asking for the lowest free number cost as many steps as the range has bits (24 for a /8),
however many numbers are taken and wherever they lie; whole intervals cost hardly more than single numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.intervals import Interval

#: Whether all numbers of a block are free, or else its lower and its upper half.
Node = bool | tuple["Node", "Node"]


@dataclass(frozen=True, slots=True)
class FreeSet:
    """The free numbers of `first`..`last`. Made by `whole`; each change answers another value."""

    first: int
    last: int
    bits: int
    root: Node

    @classmethod
    def whole(cls, first: int, last: int) -> FreeSet:
        """All of first..last is free."""
        size = max(0, last - first + 1)
        bits = max(0, size - 1).bit_length()
        return cls(first, last, bits, _with(False, bits, 0, size - 1, True) if size else False)

    def take(self, first: int, last: int | None = None) -> FreeSet:
        """Without first..last (that one number if `last` is not given). What is taken already, or outside, stays so."""
        return self._changed(first, first if last is None else last, False)

    def give(self, first: int, last: int | None = None) -> FreeSet:
        """With first..last free again, as far as it lies in the range."""
        return self._changed(first, first if last is None else last, True)

    def lowest(self) -> int | None:
        """The lowest free number; None when there is none."""
        at, bits, node = self.first, self.bits, self.root
        while isinstance(node, tuple):
            bits -= 1
            # A block that is neither wholly free nor wholly taken has something free in one half at least.
            if node[0] is False:
                at += 1 << bits
            node = node[0] or node[1]
        return at if node else None

    def spans(self) -> Iterator[Interval]:
        """The free intervals in order, as long as they are."""
        open_: Interval | None = None
        for first, last in _spans(self.root, self.bits, self.first):
            if open_ and open_[1] == first - 1:
                open_ = open_[0], last
                continue
            if open_:
                yield open_
            open_ = first, last
        if open_:
            yield open_

    def __contains__(self, number: int) -> bool:
        if not self.first <= number <= self.last:
            return False
        at, bits, node = number - self.first, self.bits, self.root
        while isinstance(node, tuple):
            bits -= 1
            node = node[at >> bits & 1]
        return node

    def _changed(self, first: int, last: int, free: bool) -> FreeSet:
        low, high = max(first, self.first) - self.first, min(last, self.last) - self.first
        if low > high:
            return self
        return FreeSet(self.first, self.last, self.bits, _with(self.root, self.bits, low, high, free))


def _with(node: Node, bits: int, first: int, last: int, free: bool) -> Node:
    """The block of 2**bits numbers in which first..last, counted from its begin, are `free`."""
    if node is free:
        return node
    if first <= 0 and last >= (1 << bits) - 1:
        return free
    half = 1 << (bits - 1)
    low, high = node if isinstance(node, tuple) else (node, node)
    if first < half:
        low = _with(low, bits - 1, first, last, free)
    if last >= half:
        high = _with(high, bits - 1, first - half, last - half, free)
    return free if low is high is free else (low, high)


def _spans(node: Node, bits: int, at: int) -> Iterator[Interval]:
    """The free blocks of a block that begins at `at`."""
    if isinstance(node, tuple):
        yield from _spans(node[0], bits - 1, at)
        yield from _spans(node[1], bits - 1, at + (1 << (bits - 1)))
    elif node:
        yield at, at + (1 << bits) - 1
