from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.intervals import Cover, IntervalIndex
from core.tests.cases import repeatable

intervals = st.builds(lambda first, length: (first, first + length), st.integers(0, 60), st.integers(0, 20))
far = st.builds(lambda first, bits: (first, first + (1 << bits) - 1), st.integers(0, 2**128), st.integers(0, 127))


@repeatable
@given(st.lists(intervals, max_size=30))
def test_a_cover_gives_each_number_once_to_who_asks_first(asked: list[tuple[int, int]]) -> None:
    cover, taken = Cover(), set()
    for first, last in asked:
        parts = cover.take((first, last))
        numbers = [number for low, high in parts for number in range(low, high + 1)]
        assert numbers == [number for number in range(first, last + 1) if number not in taken]
        assert all(high + 1 < low for (_, high), (low, _) in pairwise(parts)), "parts are whole"
        taken |= set(numbers)


@repeatable
@given(st.lists(intervals | far, max_size=40), intervals | far)
def test_the_index_finds_what_looking_at_each_interval_finds(
    known: list[tuple[int, int]], wanted: tuple[int, int]
) -> None:
    index: IntervalIndex[int] = IntervalIndex()
    for number, interval in enumerate(known):
        index.add(interval, number)
    expected = [n for n, (first, last) in enumerate(known) if first <= wanted[1] and wanted[0] <= last]
    assert sorted(index.overlapping(wanted)) == expected
