from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.diff import Delta, diff
from core.tests.cases import repeatable

states = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))


def test_it_tells_create_update_and_delete_apart() -> None:
    assert diff({"new": 1, "changed": 2, "same": 3}, {"changed": 1, "same": 3, "old": 4}) == Delta(
        create={"new": 1}, update={"changed": (1, 2)}, delete={"old": 4}
    )


@repeatable
@given(states, states)
def test_following_the_delta_leads_to_what_is_desired(desired: dict[str, int], actual: dict[str, int]) -> None:
    delta = diff(desired, actual)
    after = {key: value for key, value in actual.items() if key not in delta.delete}
    after |= delta.create | {key: new for key, (_, new) in delta.update.items()}
    assert after == desired
    assert delta.empty == (desired == actual)
    assert {key: old for key, (old, _) in delta.update.items()}.items() <= actual.items()
