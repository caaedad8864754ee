from __future__ import annotations

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from core.boxes import ANY_PROTOCOL, Box, BoxIndex
from core.planes import Claim, disjoint
from core.tests.cases import repeatable

intervals = st.builds(lambda first, length: (first, first + length), st.integers(0, 9), st.integers(0, 5))
boxes = st.builds(Box, intervals, st.sampled_from([(1, 1), (6, 6), ANY_PROTOCOL]), intervals)
claims = st.lists(st.builds(Claim, st.integers(1, 20), boxes), max_size=14)
POINTS = [
    Box((peer, peer), (protocol, protocol), (port, port))
    for peer, protocol, port in product(range(15), (1, 6, 99), range(15))
]


def takers(planes: list[list[Claim]], point: Box) -> list[int]:
    """The rules whose claims hold the point, in the order in which planes are asked."""
    return [claim.rule for plane in planes for claim in plane if claim.box.covers(point)]


@repeatable
@given(claims)
def test_planes_hold_every_point_that_was_claimed_and_no_other(given_claims: list[Claim]) -> None:
    planes = disjoint(given_claims)
    for point in POINTS:
        claimants = {claim.rule for claim in given_claims if claim.box.covers(point)}
        found = takers(planes, point)
        assert bool(found) == bool(claimants)
        assert set(found) <= claimants


@repeatable
@given(claims)
def test_nothing_overlaps_within_a_plane(given_claims: list[Claim]) -> None:
    for plane in disjoint(given_claims):
        assert plane, "no plane is empty"
        assert not any(one.box.overlaps(other.box) for one, other in combinations(plane, 2))


@repeatable
@given(claims, st.sampled_from(["peer", "ports"]))
def test_claims_alike_but_for_ports_or_but_for_peers_need_one_plane_and_the_lowest_id_wins(
    given_claims: list[Claim], axis: str
) -> None:
    alike = [
        Claim(
            claim.rule,
            Box(claim.box.peer, (6, 6), (3, 3)) if axis == "peer" else Box((3, 3), (6, 6), claim.box.ports),
        )
        for claim in given_claims
    ]
    planes = disjoint(alike)
    assert len(planes) <= 1
    for point in POINTS:
        claimants = [claim.rule for claim in alike if claim.box.covers(point)]
        assert takers(planes, point) == ([min(claimants)] if claimants else [])


def test_a_claim_that_an_earlier_rule_covers_is_left_out() -> None:
    everything = Claim(1, Box((0, 100), ANY_PROTOCOL, (0, 65535)))
    assert disjoint([Claim(2, Box((5, 5), (6, 6), (80, 80))), everything]) == [[everything]]


def test_claims_that_cross_go_to_two_planes() -> None:
    wide = Claim(1, Box((0, 100), (6, 6), (50, 50)))
    tall = Claim(2, Box((50, 50), (6, 6), (0, 100)))
    assert disjoint([tall, wide]) == [[wide], [tall]]


@repeatable
@given(st.lists(boxes, max_size=20), boxes)
def test_the_index_finds_what_looking_at_each_box_finds(known: list[Box], wanted: Box) -> None:
    index: BoxIndex[int] = BoxIndex()
    for number, box in enumerate(known):
        index.add(box, number)
    found = sorted(number for _, number in index.overlapping(wanted))
    assert found == [number for number, box in enumerate(known) if box.overlaps(wanted)]
