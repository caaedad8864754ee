"""Answers as Go wrote them: compact JSON in the order given, text of one line, and nothing that says nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

#: Go's encoder writes these so that JSON can stand in HTML.
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
NOT_FOUND = "404 page not found"
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def compact(value: Any) -> str:
    text = _encode(value)
    return "".join(_ESCAPED.get(one, one) for one in text) if any(one in text for one in _ESCAPED) else text


def ok(value: Any) -> HttpResponse:
    return ready(compact(value).encode())


def ready(text: bytes) -> HttpResponse:
    """As ok, of JSON that is made already."""
    return HttpResponse([text, b"\n"], content_type="application/json")


def bare(value: Any) -> HttpResponse:
    """How /version, /info and /services answer: JSON that is called text."""
    return HttpResponse(compact(value), content_type="text/plain; charset=utf-8")


def refused(text: str) -> HttpResponse:
    """A refusal is Contiv's 500, and no fault of ours: it is not logged as one."""
    answer = HttpResponse(text + "\n", status=500, content_type="text/plain; charset=utf-8")
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def forbidden(text: str) -> HttpResponse:
    return HttpResponse(text + "\n", status=403, content_type="text/plain; charset=utf-8")


def not_found() -> HttpResponse:
    return HttpResponse(NOT_FOUND + "\n", status=404, content_type="text/plain; charset=utf-8")


def filled(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that say something, in the order of their names."""
    return {name: members[name] for name in sorted(members) if members[name] not in ("", 0, None, [], {})}


def map_text(labels: Mapping[str, str] | None) -> str:
    """Labels as Go prints a map."""
    return "map[" + " ".join(f"{name}:{value}" for name, value in sorted((labels or {}).items())) + "]"
