"""Spans of free numbers against their slow, obvious twin: a dictionary from free number to pool."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core import spans
from core.spans import Pool, Span
from core.tests.cases import repeatable

ROOM = (3, 60)
Twin = dict[int, int | None]

areas = st.tuples(st.integers(*ROOM), st.integers(0, 20)).map(lambda one: (one[0], min(one[0] + one[1], ROOM[1])))
#: Pools that share no number: cut points, every other piece a pool.
pools = st.lists(st.integers(*ROOM), max_size=8, unique=True).map(
    lambda cuts: [((low, high - 1), at) for at, (low, high) in enumerate(pairwise(sorted(cuts))) if at % 2 == 0]
)
steps = st.lists(st.tuples(st.sampled_from(["take", "give", "keep"]), areas), max_size=12)


def pool_of(number: int, kept: list[Pool]) -> int | None:
    return next((pool for (first, last), pool in kept if first <= number <= last), None)


def numbers(found: list[Span]) -> Twin:
    return {number: pool for first, last, pool in found for number in range(first, last + 1)}


def tidy(found: list[Span]) -> bool:
    return all(
        one[0] <= one[1] < other[0] and (one[1] + 1 < other[0] or one[2] != other[2]) for one, other in pairwise(found)
    )


@repeatable
@given(pools, steps)
def test_changes_do_to_spans_what_they_do_to_each_number(
    kept: list[Pool], todo: list[tuple[str, tuple[int, int]]]
) -> None:
    found = spans.count(ROOM, [], kept)
    twin: Twin = {number: pool_of(number, kept) for number in range(ROOM[0], ROOM[1] + 1)}
    for what, (first, last) in todo:
        area = range(first, last + 1)
        if what == "take":
            found = spans.take(found, (first, last))
            twin = {number: pool for number, pool in twin.items() if number not in area}
        elif what == "give":
            found = spans.give(found, (first, last), kept)
            twin |= {number: pool_of(number, kept) for number in area}
        else:
            found = spans.keep_for(found, (first, last), 99)
            twin |= {number: 99 for number in area if number in twin}
        assert numbers(found) == twin
        assert tidy(found)


@repeatable
@given(pools, steps, areas)
def test_spans_that_neither_meet_nor_touch_the_area_make_no_difference(
    kept: list[Pool], todo: list[tuple[str, tuple[int, int]]], area: tuple[int, int]
) -> None:
    found = spans.count(ROOM, [where for _, where in todo], kept)
    near = [span for span in found if span[1] >= area[0] - 1 and span[0] <= area[1] + 1]
    far = [span for span in found if span not in near]
    for change in (
        lambda some: spans.take(some, area),
        lambda some: spans.give(some, area, kept),
        lambda some: spans.keep_for(some, area, None),
    ):
        assert sorted([*change(near), *far]) == change(found)


@repeatable
@given(pools, st.lists(areas, max_size=8))
def test_counting_from_the_beginning_is_taking_one_after_the_other(
    kept: list[Pool], taken: list[tuple[int, int]]
) -> None:
    twin: Twin = {number: pool_of(number, kept) for number in range(ROOM[0], ROOM[1] + 1)}
    for first, last in taken:
        twin = {number: pool for number, pool in twin.items() if not first <= number <= last}
    found = spans.count(ROOM, taken, kept)
    assert numbers(found) == twin
    assert tidy(found)


@repeatable
@given(areas, st.lists(areas, max_size=5), st.lists(areas, max_size=3))
def test_somebody_else_has_what_is_neither_free_nor_known(
    area: tuple[int, int], taken: list[tuple[int, int]], known: list[tuple[int, int]]
) -> None:
    free = spans.count(ROOM, taken)
    had = {n for first, last in taken for n in range(first, last + 1)}
    said = {n for first, last in known for n in range(first, last + 1)}
    twin = [n for n in range(area[0], area[1] + 1) if n in had and n not in said]
    assert spans.others_in(area, free, known) == min(twin, default=None)


@repeatable
@given(areas, st.lists(areas, max_size=6))
def test_the_rest_of_an_area_is_each_number_that_no_span_holds(
    area: tuple[int, int], taken: list[tuple[int, int]]
) -> None:
    free = spans.count(ROOM, taken)
    held = {n for first, last, _ in free for n in range(first, last + 1)}
    found = list(spans.rest(area, free))
    assert [n for first, last in found for n in range(first, last + 1)] == [
        n for n in range(area[0], area[1] + 1) if n not in held
    ]
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))
