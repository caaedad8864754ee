"""Matches of one priority, action and kind, made disjoint.

An interval set of the kernel holds elements that do not overlap. Where boxes of different rules overlap, the rule of
the lowest id keeps its own. The others are cut to what is left where that is simple, and otherwise put into further
sets, the planes, asked one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace

from core.boxes import Box, BoxIndex
from core.intervals import Cover, Interval


@dataclass(frozen=True, slots=True)
class Claim:
    """A rule and a box of what it matches."""

    rule: int
    box: Box


def disjoint(claims: Iterable[Claim]) -> list[list[Claim]]:
    """The claims as planes; within a plane none overlaps another, and the union of all stays what it was.

    A point that several rules claim goes to the lowest of their ids, unless these differ both in peer and in
    protocol, ports or own addresses: then to one of them, for a plane more would cost every packet a look-up.
    """
    ordered = sorted(claims, key=lambda claim: (claim.rule, astuple(claim.box)))
    return _planes(_cut_peers(_cut_ports(ordered)))


def _cut_ports(claims: Iterable[Claim]) -> list[Claim]:
    """Of each claim the ports that no earlier one takes for the same peers, protocol and own addresses."""
    covers: defaultdict[tuple[Interval, ...], Cover] = defaultdict(Cover)
    return [
        claim if part == claim.box.ports else Claim(claim.rule, replace(claim.box, ports=part))
        for claim in claims
        for part in covers[claim.box.peer, claim.box.protocol, claim.box.own].take(claim.box.ports)
    ]


def _cut_peers(claims: Iterable[Claim]) -> list[Claim]:
    """Of each claim the peers that no earlier one takes for the same protocol, ports and own addresses."""
    covers: defaultdict[tuple[Interval, ...], Cover] = defaultdict(Cover)
    return [
        claim if part == claim.box.peer else Claim(claim.rule, replace(claim.box, peer=part))
        for claim in claims
        for part in covers[claim.box.protocol, claim.box.ports, claim.box.own].take(claim.box.peer)
    ]


def _planes(claims: Iterable[Claim]) -> list[list[Claim]]:
    """Each claim into the lowest plane where nothing overlaps it; none at all if an earlier one covers it."""
    planes: list[list[Claim]] = []
    placed: BoxIndex[int] = BoxIndex()
    for claim in claims:
        others = placed.overlapping(claim.box)
        if any(box.covers(claim.box) for box, _ in others):
            continue
        used = {plane for _, plane in others}
        lowest = next(plane for plane in range(len(used) + 1) if plane not in used)
        if lowest == len(planes):
            planes.append([])
        planes[lowest].append(claim)
        placed.add(claim.box, lowest)
    return planes
