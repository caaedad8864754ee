"""What a request is refused with: one line of text, as Contiv's clients show it and tests compare it."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from contivui.web.problem import Problem


class Refusal(Exception):
    """The text is the whole answer."""


def text_of(error: Refusal | ValidationError | Problem) -> str:
    """One line for whatever a verb raised."""
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, Problem):
        return error.message
    return error.messages[0]
