"""The free numbers of a range against their slow, obvious twin: a set of numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.free import FreeSet
from core.tests.cases import repeatable

steps = st.lists(st.tuples(st.sampled_from(["take", "give", "lowest"]), st.integers(-3, 70), st.integers(0, 20)))


@repeatable
@given(st.integers(0, 5), st.integers(0, 60), steps)
def test_it_has_what_a_set_of_numbers_has(first: int, length: int, todo: list[tuple[str, int, int]]) -> None:
    last = first + length - 1
    free, twin = FreeSet.whole(first, last), set(range(first, last + 1))
    for what, begin, more in todo:
        area = set(range(begin, begin + more + 1))
        if what == "take":
            free, twin = free.take(begin, begin + more), twin - area
        elif what == "give":
            free, twin = free.give(begin, begin + more), twin | area & set(range(first, last + 1))
        elif (lowest := free.lowest()) is not None:
            free, twin = free.take(lowest), twin - {lowest}
        assert free.lowest() == min(twin, default=None)
        spans = list(free.spans())
        assert {n for a, b in spans for n in range(a, b + 1)} == twin
        assert all(one[1] + 1 < other[0] for one, other in pairwise(spans)), "as long as they are, in order"
        assert {n for n in range(-5, 80) if n in free} == twin


def test_what_came_before_a_change_stays_a_value() -> None:
    whole = FreeSet.whole(1, 9)
    assert whole.take(1, 4).lowest() == 5
    assert whole.lowest() == 1
    assert whole.take(3).give(3) == whole


def test_the_steps_of_a_change_do_not_depend_on_how_many_are_taken() -> None:
    """Counted, not timed: the blocks that one taking makes anew, in a /8 and in a /16 of IPv6."""
    for bits in (24, 112):
        free = FreeSet.whole(0, (1 << bits) - 1)
        for number in range(0, 2000, 2):
            free = free.take(number)
        assert free.lowest() == 1
        assert _new_blocks(free.take(1), free) <= bits


def _new_blocks(after: FreeSet, before: FreeSet) -> int:
    known, found, todo = set(), 0, [before.root]
    while todo:
        node = todo.pop()
        known.add(id(node))
        todo += node if isinstance(node, tuple) else ()
    todo = [after.root]
    while todo:
        node = todo.pop()
        if id(node) not in known:
            found += 1
            todo += node if isinstance(node, tuple) else ()
    return found
