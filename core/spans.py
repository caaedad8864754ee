"""Free numbers as spans, each with the pool it is kept for: what a change of some numbers makes of the spans it meets.

A span is (first, last, pool); pool None is everybody's. Spans of one space are sorted, share no number, and two of the
same pool never touch. A caller with many spans gives only those that meet the area or touch it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from core.free import FreeSet
from core.intervals import Interval

Span = tuple[int, int, int | None]
#: A pool: its numbers, and whose they are.
Pool = tuple[Interval, int]


def take(spans: Iterable[Span], area: Interval) -> list[Span]:
    """The spans without the numbers of the area."""
    return [piece for span in spans for piece in _without(span, area)]


def give(spans: Iterable[Span], area: Interval, pools: Sequence[Pool] = ()) -> list[Span]:
    """The spans with the whole area free, each part of it for the pool it lies in."""
    parts = _by_pool(area, pools)
    return _joined(sorted([*take(spans, area), *parts], key=_first))


def keep_for(spans: Iterable[Span], area: Interval, pool: int | None) -> list[Span]:
    """The spans with what is free of the area kept for a pool, or for everybody (None)."""
    mine = [piece for span in spans for piece in _within(span, area)]
    rest = take(spans, area)
    return _joined(sorted([*rest, *((first, last, pool) for first, last, _ in mine)], key=_first))


def count(room: Interval, taken: Iterable[Interval], pools: Sequence[Pool] = ()) -> list[Span]:
    """The spans of a room from the beginning: what is free when these are taken."""
    free = FreeSet.whole(*room)
    for area in taken:
        free = free.take(*area)
    return [piece for area in free.spans() for piece in _by_pool(area, pools)]


def rest(area: Interval, spans: Iterable[Span]) -> Iterator[Interval]:
    """What of an area lies in none of the spans, which are in order."""
    at = area[0]
    for first, last, _ in spans:
        if at < first and at <= area[1]:
            yield at, min(first - 1, area[1])
        at = max(at, last + 1)
    if at <= area[1]:
        yield at, area[1]


def others_in(area: Interval, spans: Iterable[Span], known: Iterable[Interval]) -> int | None:
    """The lowest number of the area that is neither free nor in one of the known intervals; None when there is none."""
    left = FreeSet.whole(*area)
    for first, last in [*((first, last) for first, last, _ in spans), *known]:
        left = left.take(first, last)
    return left.lowest()


def _first(span: Span) -> int:
    return span[0]


def _without(span: Span, area: Interval) -> Iterator[Span]:
    first, last, pool = span
    if first < area[0]:
        yield first, min(last, area[0] - 1), pool
    if last > area[1]:
        yield max(first, area[1] + 1), last, pool


def _within(span: Span, area: Interval) -> Iterator[Span]:
    first, last = max(span[0], area[0]), min(span[1], area[1])
    if first <= last:
        yield first, last, span[2]


def _by_pool(area: Interval, pools: Sequence[Pool]) -> list[Span]:
    """The area cut where pools begin and end. Pools share no number."""
    whole: Span = (*area, None)
    kept = [(first, last, pool) for zone, pool in pools for first, last, _ in _within(whole, zone)]
    rest: list[Span] = [whole]
    for first, last, _ in kept:
        rest = take(rest, (first, last))
    return sorted([*rest, *kept], key=_first)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for first, last, pool in spans:
        if joined and joined[-1][1] == first - 1 and joined[-1][2] == pool:
            joined[-1] = joined[-1][0], last, pool
        else:
            joined.append((first, last, pool))
    return joined
