"""How the cards of an object's page stand beside each other."""

from __future__ import annotations

from contivui.web.views import Card, side_by_side


def cards(*widths: str) -> list[Card]:
    """Each with its place for content, to be told from the others."""
    return [Card(width, content={"place": place}) for place, width in enumerate(widths)]


def places(widths: tuple[str, ...]) -> list[tuple[list[int], list[int]]]:
    def of(column: object) -> list[int]:
        return [card.content["place"] for card in column]  # type: ignore[attr-defined]

    return [(of(left), of(right)) for left, right in side_by_side(cards(*widths))]


def test_halves_stand_in_two_columns_until_a_whole_one_comes() -> None:
    assert places(("half", "half", "half", "", "half", "half")) == [([0, 2], [1]), ([3], []), ([4], [5])]


def test_a_half_that_is_alone_has_the_whole_width() -> None:
    assert places(("half", "", "", "half")) == [([0], []), ([1], []), ([2], []), ([3], [])]
