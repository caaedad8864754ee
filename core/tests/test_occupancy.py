"""What is free, as parts, against a twin that looks at every number by itself."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core import spans
from core.occupancy import Part, drawn, parts
from core.tests.cases import repeatable
from core.tests.test_spans import ROOM, areas, pools

Reserved = list[tuple[tuple[int, int], str]]
outside = st.integers(ROOM[0] - 3, ROOM[1] + 3)


def apart(some: list[tuple[int, int]]) -> Reserved:
    """Reservations that share no number."""
    kept: Reserved = []
    for at, (first, last) in enumerate(some):
        if all(last < low or high < first for (low, high), _ in kept):
            kept.append(((first, last), f"note {at}"))
    return kept


@repeatable
@given(pools, st.lists(areas, max_size=4).map(apart), st.none() | outside, st.sets(st.integers(*ROOM)), outside)
def test_each_number_is_in_one_part_that_says_what_it_is(
    kept: list[spans.Pool], reserved: Reserved, gateway: int | None, had: set[int], start: int
) -> None:
    had -= {gateway} | {n for (first, last), _ in reserved for n in range(first, last + 1)}
    taken = [area for area, _ in reserved] + [(n, n) for n in had]
    if gateway is not None:
        taken.append((gateway, gateway))
    free = [span for span in spans.count(ROOM, taken, kept) if span[1] >= start]
    names = {pool: f"group {pool}" for _, pool in kept}
    found = list(parts(ROOM, free, gateway, reserved, names, start))

    def twin(number: int) -> tuple[str, str]:
        if number == gateway:
            return "gateway", ""
        if note := [note for (first, last), note in reserved if first <= number <= last]:
            return "reserved", note[0]
        if number in had:
            return "endpoint", ""
        group = [names[pool] for (first, last), pool in kept if first <= number <= last]
        return ("pool", group[0]) if group else ("free", "")

    said = {n: (part.state, part.what) for part in found for n in range(part.first, part.last + 1)}
    wanted = set(range(ROOM[0], ROOM[1] + 1)) | ({gateway} if gateway is not None else set())
    assert {n for n in said if n >= start} == {n for n in wanted if n >= start}
    assert said == {n: twin(n) for n in said}
    assert [part.first for part in found] == sorted(part.first for part in found)
    assert sum(part.count for part in found) == len(said), "no number is in two parts"


@repeatable
@given(st.lists(st.tuples(st.integers(1, 10**6), st.sampled_from(["free", "endpoint"])), max_size=60))
def test_a_picture_fills_its_width_and_shows_the_smallest_part(given: list[tuple[int, str]]) -> None:
    at, shown = 0, []
    for count, state in given:
        shown.append(Part(at, at + count - 1, state))  # type: ignore[arg-type]
        at += count
    pieces = drawn(shown, most=20, least=6)
    assert len(pieces) <= 20
    assert all(piece.width >= 5 for piece in pieces)
    if pieces:
        assert pieces[0].at == 0
        assert abs(pieces[-1].at + pieces[-1].width - 1000) < 0.1
        assert all(abs(a.at + a.width - b.at) < 0.01 for a, b in pairwise(pieces))
    if len(shown) <= 20:
        assert [piece.state for piece in pieces] == [part.state for part in shown]


def test_neighbours_that_are_drawn_together_are_mixed_unless_they_are_alike() -> None:
    states = ["free", "free", "endpoint", "free"]
    shown = [Part(at, at, state) for at, state in enumerate(states)]  # type: ignore[arg-type]
    assert [piece.state for piece in drawn(shown, most=2, least=1)] == ["free", "mixed"]
    assert drawn([], most=2, least=1) == []
