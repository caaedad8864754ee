"""What of a range is free and what is not, as parts in order: the answer to "what is free", and its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Literal

from core.intervals import Interval
from core.spans import Span

State = Literal["free", "pool", "endpoint", "gateway", "reserved", "mixed"]


@dataclass(frozen=True, slots=True)
class Part:
    """The numbers first..last, all in one state. `what` names whose they are: the group of a pool (free in it), the
    note of a reservation; endpoints that are neighbours are one part without a name. `mixed` is only in pictures."""

    first: int
    last: int
    state: State
    what: str = ""

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A part as it is drawn: where it begins and how wide it is, in thousandths of the picture."""

    at: float
    width: float
    state: State


def parts(
    room: Interval,
    free: Iterable[Span],
    gateway: int | None,
    reserved: Sequence[tuple[Interval, str]],
    pools: Mapping[int, str],
    start: int = 0,
) -> Iterator[Part]:
    """The parts of a room, from the one with `start` on; read as they are asked for. `free` begins there too and is in
    order. A gateway outside the room is a part of its own. What nothing else explains is endpoints'."""
    at = max(room[0], start)
    marks = sorted((part for part in _marks(gateway, reserved) if part.last >= start), key=_first)
    for part in merge(_free(free, pools), marks, key=_first):
        if at < part.first and at <= room[1]:
            yield Part(at, min(part.first - 1, room[1]), "endpoint")
        yield part
        at = max(at, part.last + 1)
    if at <= room[1]:
        yield Part(at, room[1], "endpoint")


def drawn(shown: Sequence[Part], most: int, least: float) -> list[Piece]:
    """A picture of parts: widths as their counts are, but none thinner than `least` thousandths, so that one address
    of a million is still seen; no more than `most` pieces, neighbours drawn together as mixed if need be."""
    few = list(_together(shown, -(-len(shown) // most))) if shown else []
    total = sum(part.count for part in few)
    wide = [max(least, 1000 * part.count / total) for part in few]
    pieces, at = [], 0.0
    for part, width in zip(few, wide, strict=True):
        scaled = 1000 * width / sum(wide)
        pieces.append(Piece(round(at, 3), round(scaled, 3), part.state))
        at += scaled
    return pieces


def _together(shown: Sequence[Part], several: int) -> Iterator[Part]:
    for at in range(0, len(shown), several):
        some = shown[at : at + several]
        states = {part.state for part in some}
        yield Part(some[0].first, some[-1].last, states.pop() if len(states) == 1 else "mixed")


def _marks(gateway: int | None, reserved: Iterable[tuple[Interval, str]]) -> Iterator[Part]:
    """Gateway and reservations; the gateway cuts a reservation it lies in."""
    if gateway is not None:
        yield Part(gateway, gateway, "gateway")
    for (first, last), note in reserved:
        if gateway is None or not first <= gateway <= last:
            yield Part(first, last, "reserved", note)
            continue
        if first < gateway:
            yield Part(first, gateway - 1, "reserved", note)
        if gateway < last:
            yield Part(gateway + 1, last, "reserved", note)


def _free(spans: Iterable[Span], pools: Mapping[int, str]) -> Iterator[Part]:
    for first, last, pool in spans:
        yield Part(first, last, "free") if pool is None else Part(first, last, "pool", pools.get(pool, ""))


def _first(part: Part) -> int:
    return part.first
