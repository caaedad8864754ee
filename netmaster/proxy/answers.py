"""How auth_proxy answers: everything is called JSON, nothing is kept, and refusals are {"error": text}."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from contivui.web.problem import Problem
from netmaster.refusal import Refusal, text_of
from netmaster.wire import compact

View = Callable[..., HttpResponse]
#: A zero byte, and half a character.
UNKEPT = re.compile("[\0\ud800-\udfff]")
CONTENT_TYPE = "application/json; charset=utf-8"


class Denied(Exception):
    """A refusal of auth_proxy's own, with its status."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status, self.text = status, text


def answer(status: int, value: Any = None) -> HttpResponse:
    """A value as JSON; None is no body at all."""
    return dressed(HttpResponse(b"" if value is None else compact(value), status=status))


def dressed(found: HttpResponse) -> HttpResponse:
    """Any answer with the headers all of them have."""
    found["Content-Type"] = CONTENT_TYPE
    found["Cache-Control"] = "no-store"
    found["Strict-Transport-Security"] = "max-age=15768000"
    found._has_been_logged = True  # type: ignore[attr-defined]
    return found


def view(*methods: str) -> Callable[[View], View]:
    """A view for these verbs; a token is all it knows of who asks."""

    def made(handler: View) -> View:
        @wraps(handler)
        def handled(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                return nothing(request)
            try:
                return dressed(handler(request, *args, **kwargs))
            except Denied as denied:
                return answer(denied.status, {"error": denied.text} if denied.text else None)
            except (Refusal, ValidationError, Problem) as error:
                return answer(400, {"error": text_of(error)})

        return csrf_exempt(login_not_required(handled))

    return made


@csrf_exempt
@login_not_required
def nothing(request: HttpRequest) -> HttpResponse:
    return dressed(HttpResponse("404 page not found\n", status=404))


def members_of(request: HttpRequest) -> dict[str, Any]:
    """The object that a request carries, with its names in small letters: Go's decoder takes any. One that cannot be
    read is answered 500, as Contiv does."""
    try:
        found = json.loads(request.body or b"")
    except ValueError:
        raise Denied(500, "The request is no JSON object.") from None
    except RecursionError:
        raise Denied(400, "The request has too many lists or objects within each other.") from None
    if not isinstance(found, dict):
        raise Denied(500, "The request is no JSON object.")
    return {name.casefold(): value for name, value in found.items()}


def said(members: dict[str, Any], name: str) -> str:
    """A text of a request; "" where it is missing. Another type is refused."""
    found = members.get(name.casefold())
    if found is not None and not isinstance(found, str):
        raise Denied(500, f"{name} is to be a text.")
    if found and UNKEPT.search(found):
        raise Denied(400, f"{name} has a character that cannot be kept.")
    return found or ""
