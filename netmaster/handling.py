"""How a view of the dialect answers: which verbs it has, and refusals as one line of text."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from contivui.web.problem import Problem
from netmaster import wire
from netmaster.refusal import Refusal, text_of
from netmaster.scanner import decode

View = Callable[..., HttpResponse]
JSON = "application/json"


def view(*methods: str) -> Callable[[View], View]:
    """A view for these verbs; another verb finds nothing, as in Contiv. It knows no session: neither cookies nor forms
    mean anything to it."""

    def made(handler: View) -> View:
        @wraps(handler)
        def handled(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                return wire.not_found()
            try:
                return handler(request, *args, **kwargs)
            except (Refusal, ValidationError, Problem) as error:
                return wire.refused(text_of(error))

        return csrf_exempt(login_not_required(handled))

    return made


def body_of(request: HttpRequest) -> Any:
    """The JSON of a request. Raises Refusal in the decoder's words."""
    return decode(request.body.decode("utf-8", "replace"))
