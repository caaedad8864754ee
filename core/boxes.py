"""Boxes of peers × protocols × ports × own addresses: what one match covers, and which others it meets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from core.intervals import Interval, IntervalIndex

V = TypeVar("V")
T = TypeVar("T")

ANY_PROTOCOL: Interval = (0, 255)
ANY_PORT: Interval = (0, 65535)
#: What is not narrowed to addresses of its own side stands at one point, among others that are not.
NOT_NARROWED: Interval = (0, 0)


@dataclass(frozen=True, slots=True)
class Box:
    """Closed intervals. Peers are group ids or addresses as numbers, never both in one comparison."""

    peer: Interval
    protocol: Interval
    ports: Interval
    own: Interval = NOT_NARROWED

    def overlaps(self, other: Box) -> bool:
        return (
            _meet(self.peer, other.peer)
            and _meet(self.protocol, other.protocol)
            and _meet(self.ports, other.ports)
            and _meet(self.own, other.own)
        )

    def covers(self, other: Box) -> bool:
        return (
            _holds(self.peer, other.peer)
            and _holds(self.protocol, other.protocol)
            and _holds(self.ports, other.ports)
            and _holds(self.own, other.own)
        )


class BoxIndex(Generic[V]):
    """Values by box. Looking up costs as much as the boxes that share peers, those that share protocol and ports, or
    those that share own addresses: whichever are fewest, found by walking the lists in step until one ends."""

    def __init__(self) -> None:
        self._peers: IntervalIndex[tuple[Box, V]] = IntervalIndex()
        self._ports: dict[Interval, IntervalIndex[tuple[Box, V]]] = {}
        self._own: IntervalIndex[tuple[Box, V]] = IntervalIndex()

    def add(self, box: Box, value: V) -> None:
        self._peers.add(box.peer, (box, value))
        self._ports.setdefault(box.protocol, IntervalIndex()).add(box.ports, (box, value))
        if box.own != NOT_NARROWED:
            self._own.add(box.own, (box, value))

    def overlapping(self, box: Box) -> list[tuple[Box, V]]:
        """Every (box, value) that shares a point with `box`, in no particular order."""
        by_ports = chain.from_iterable(
            index.overlapping(box.ports) for protocol, index in self._ports.items() if _meet(protocol, box.protocol)
        )
        walks = [self._peers.overlapping(box.peer), by_ports]
        if box.own != NOT_NARROWED:
            walks.append(self._own.overlapping(box.own))
        candidates = _shortest(walks)
        return [entry for entry in candidates if box.overlaps(entry[0])]


def _shortest(iterators: Iterable[Iterator[T]]) -> list[T]:
    walks: list[tuple[Iterator[T], list[T]]] = [(iterator, []) for iterator in iterators]
    while True:
        for iterator, seen in walks:
            try:
                seen.append(next(iterator))
            except StopIteration:
                return seen


def _meet(one: Interval, other: Interval) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _holds(outer: Interval, inner: Interval) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
