"""Matches of one priority, action and kind, made disjoint.

An interval set of the kernel holds elements that do not overlap. A match is a box of peers × protocols × ports. Where
boxes of different rules overlap, the lowest rule id keeps its own; what is left of the others is cut to what remains
where that is simple, and otherwise put into further sets, the planes, asked one after the other.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.intervals import Cover, Interval, IntervalIndex

ANY_PROTOCOL: Interval = (0, 255)
ANY_PORT: Interval = (0, 65535)


@dataclass(frozen=True, slots=True)
class Box:
    """What one match of `rule` covers, as closed intervals; peers are group ids or addresses as numbers.

    A protocol is a single one or any, never a part of them.
    """

    rule: int
    peer: Interval
    protocol: Interval
    ports: Interval


def disjoint(boxes: Iterable[Box]) -> list[list[Box]]:
    """The boxes, least rule id first, as planes within which none overlaps another. What is covered by rules of
    lower ids is left out."""
    ordered = sorted(boxes, key=lambda box: (box.rule, box.peer, box.protocol, box.ports))
    return _planes(_cut_peers(_cut_ports(ordered)))


def _cut_ports(boxes: Iterable[Box]) -> list[Box]:
    """Of each box the ports that no earlier one takes for the same peers and protocol."""
    covers: defaultdict[tuple[Interval, Interval], Cover] = defaultdict(Cover)
    return [
        box if part == box.ports else replace(box, ports=part)
        for box in boxes
        for part in covers[box.peer, box.protocol].take(box.ports)
    ]


def _cut_peers(boxes: Iterable[Box]) -> list[Box]:
    """Of each box the peers that no earlier one takes for the same protocol and ports."""
    covers: defaultdict[tuple[Interval, Interval], Cover] = defaultdict(Cover)
    return [
        box if part == box.peer else replace(box, peer=part)
        for box in boxes
        for part in covers[box.protocol, box.ports].take(box.peer)
    ]


def _planes(boxes: Sequence[Box]) -> list[list[Box]]:
    """Each box into the lowest plane where nothing overlaps it; none at all if an earlier box covers it."""
    planes: list[list[Box]] = []
    place: list[int | None] = []
    for box, earlier in zip(boxes, _overlapping_earlier(boxes), strict=True):
        if any(_covers(boxes[other], box) for other in earlier):
            place.append(None)
            continue
        used = {place[other] for other in earlier}
        lowest = next(plane for plane in range(len(used) + 1) if plane not in used)
        if lowest == len(planes):
            planes.append([])
        planes[lowest].append(box)
        place.append(lowest)
    return planes


def _overlapping_earlier(boxes: Sequence[Box]) -> list[list[int]]:
    """For each box, the earlier ones it overlaps. A sweep along the peers, so that the cost is that of the answer:
    the boxes whose peers reach the current one are at hand, by protocol and ports."""
    earlier: list[list[int]] = [[] for _ in boxes]
    active: dict[Interval, IntervalIndex[int]] = {}
    leaving: list[tuple[int, int]] = []
    for index in sorted(range(len(boxes)), key=lambda i: boxes[i].peer):
        box = boxes[index]
        while leaving and leaving[0][0] < box.peer[0]:
            gone = heapq.heappop(leaving)[1]
            active[boxes[gone].protocol].remove(boxes[gone].ports, gone)
        for protocol in _meeting(box.protocol, active):
            for _, other in active[protocol].overlapping(box.ports):
                earlier[max(index, other)].append(min(index, other))
        active.setdefault(box.protocol, IntervalIndex()).add(box.ports, index)
        heapq.heappush(leaving, (box.peer[1], index))
    return earlier


def _meeting(protocol: Interval, known: Iterable[Interval]) -> list[Interval]:
    return [other for other in known if other[0] <= protocol[1] and protocol[0] <= other[1]]


def _covers(outer: Box, inner: Box) -> bool:
    return (
        outer.peer[0] <= inner.peer[0]
        and inner.peer[1] <= outer.peer[1]
        and outer.protocol[0] <= inner.protocol[0]
        and inner.protocol[1] <= outer.protocol[1]
        and outer.ports[0] <= inner.ports[0]
        and inner.ports[1] <= outer.ports[1]
    )
