"""What a request is refused with: one line of text, as Contiv's clients show it and tests compare it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError

from contivui.web.problem import Problem
from tenants.change import as_one


class Refusal(Exception):
    """The text is the whole answer. `leaves` is what Contiv does all the same, where clients can tell."""

    def __init__(self, text: str, leaves: Callable[[], None] | None = None) -> None:
        super().__init__(text)
        self.leaves = leaves


@contextmanager
def whole() -> Iterator[None]:
    """One transaction, so that a request is done or nothing of it is; but for what a refusal leaves."""
    try:
        with as_one():
            yield
    except Refusal as refusal:
        if refusal.leaves:
            refusal.leaves()
        raise


def text_of(error: Refusal | ValidationError | Problem) -> str:
    """One line for whatever a verb raised."""
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, Problem):
        return error.message
    return error.messages[0]
