"""Closed intervals of whole numbers: what a set of them already covers, and which of them meet a given one."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, TypeVar

V = TypeVar("V")
Interval = tuple[int, int]


class Cover:
    """Numbers that are taken. Each interval taken leaves one longer piece, so many takings stay cheap."""

    def __init__(self) -> None:
        self._taken: list[Interval] = []

    def take(self, interval: Interval) -> list[Interval]:
        """Take all of `interval`; returns the parts of it that were still free, in order."""
        first, last = interval
        at = self._first_meeting(first)
        free: list[Interval] = []
        start, low, high, end = first, first, last, at
        while end < len(self._taken) and self._taken[end][0] <= last:
            taken_first, taken_last = self._taken[end]
            if start < taken_first:
                free.append((start, taken_first - 1))
            start = taken_last + 1
            low, high = min(low, taken_first), max(high, taken_last)
            end += 1
        if start <= last:
            free.append((start, last))
        self._taken[at:end] = [(low, high)]
        return free

    def _first_meeting(self, first: int) -> int:
        """Where the first taken interval is that ends at `first` or later."""
        at = bisect_left(self._taken, (first, first))
        return at - 1 if at and self._taken[at - 1][1] >= first else at


class IntervalIndex(Generic[V]):
    """Values by interval; intervals may overlap. Looking up costs about as much as there are answers.

    Intervals of about the same length 2ᵏ lie in a grid of cells 2ᵏ wide, where each begins in one cell and ends in
    that or the next: a look-up visits, for every length there is, the cells it touches and the one before.
    """

    def __init__(self) -> None:
        self._grids: dict[int, _Grid[V]] = {}

    def add(self, interval: Interval, value: V) -> None:
        self._grid(interval).add(interval, value)

    def overlapping(self, interval: Interval) -> Iterator[V]:
        """The value of every interval that shares a number with `interval`, in no particular order."""
        first, last = interval
        for grid in self._grids.values():
            for (low, high), value in grid.near(first, last):
                if low <= last and first <= high:
                    yield value

    def _grid(self, interval: Interval) -> _Grid[V]:
        bits = (interval[1] - interval[0]).bit_length()
        if bits not in self._grids:
            self._grids[bits] = _Grid(bits)
        return self._grids[bits]


class _Grid(Generic[V]):
    """Intervals of at most 2**bits numbers, by the cell of that width in which they begin."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._cells: dict[int, list[tuple[Interval, V]]] = {}
        self._order: list[int] = []

    def add(self, interval: Interval, value: V) -> None:
        cell = interval[0] >> self._bits
        if cell not in self._cells:
            self._cells[cell] = []
            insort(self._order, cell)
        self._cells[cell].append((interval, value))

    def near(self, first: int, last: int) -> Iterator[tuple[Interval, V]]:
        low, high = (first >> self._bits) - 1, last >> self._bits
        at = bisect_left(self._order, low)
        while at < len(self._order) and self._order[at] <= high:
            yield from self._cells[self._order[at]]
            at += 1
