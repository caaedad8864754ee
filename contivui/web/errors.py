"""Refusals of the API as problem details (RFC 9457), with the field and the sentence a page would show."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from contivui.web.problem import Problem

MEDIA_TYPE = "application/problem+json"
#: One wrong field: what it is, what kind of wrong, and the sentence for the person.
FieldError = dict[str, str]


def as_problem(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an exception of a view; None for what is no refusal but a fault of ours."""
    found = _answer(exc)
    if found is not None:
        set_rollback()
    return found


def problem(
    status: int, code: str, detail: str, errors: list[FieldError] | None = None, users: list[str] | None = None
) -> Response:
    """A problem document. `type` ends with the code; `users` names what stands in the way of a deletion."""
    body = {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": errors or [],
        "users": users or [],
    }
    return Response(body, status=status, content_type=MEDIA_TYPE)


def _answer(exc: Exception) -> Response | None:
    if isinstance(exc, Problem):
        return problem(404 if exc.code == "gone" else exc.status, exc.code, exc.message, users=exc.users)
    if isinstance(exc, ValidationError):
        return _invalid(list(_of_verb(exc)))
    if isinstance(exc, exceptions.ValidationError):
        return _invalid(list(_of_form(exc.detail)))
    if isinstance(exc, Http404):
        return problem(404, "not_found", "There is no such thing here, or you may not see it.")
    if isinstance(exc, PermissionDenied):
        return problem(403, "forbidden", str(exc) or "You may not do this.")
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc)
    return None


def _invalid(errors: list[FieldError]) -> Response:
    codes = {error["code"] for error in errors}
    code = codes.pop() if len(codes) == 1 else "invalid"
    return problem(400, code, " ".join(error["message"] for error in errors), errors)


def _of_verb(exc: ValidationError) -> Iterator[FieldError]:
    for field, errors in exc.update_error_dict({}).items():
        for error in errors:
            for message in error.messages:
                yield _error("" if field == NON_FIELD_ERRORS else field, error.code or "invalid", message)


def _of_form(detail: Any, path: str = "") -> Iterator[FieldError]:
    """The framework's tree of errors as a flat list; what is inside a list is named by its position."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _of_form(inner, path if key == "non_field_errors" else f"{path}.{key}".lstrip("."))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            leaf = isinstance(inner, exceptions.ErrorDetail)
            yield from _of_form(inner, path if leaf else f"{path}.{position}".lstrip("."))
    else:
        yield _error(path, getattr(detail, "code", None) or "invalid", str(detail))


def _of_framework(exc: exceptions.APIException) -> Response:
    codes = exc.get_codes()
    found = problem(exc.status_code, codes if isinstance(codes, str) else exc.default_code, str(exc.detail))
    if header := getattr(exc, "auth_header", None):
        found["WWW-Authenticate"] = header
    if wait := getattr(exc, "wait", None):
        found["Retry-After"] = str(int(wait))
    return found


def _error(field: str, code: str, message: str) -> FieldError:
    return {"field": field, "code": code, "message": message}
