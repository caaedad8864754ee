"""Refusals of the API as problem details (RFC 9457), with the field and the sentence a page would show.

Everything under /api/v2/ that is no success leaves through here: what a verb refuses, what the framework refuses, and
what Django answers before or after either (404, 400, 500).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from contivui.web.problem import Problem

MEDIA_TYPE = "application/problem+json"
#: Where the API is: Django's own error pages are problem documents there.
PREFIX = "/api/v2/"
#: Every type that is not a verb's own word for why it refuses (those are 409, "in_use" for example). The last part of
#: `type`; docs/api.md says what each means.
TYPES: dict[str, int] = {
    "invalid": 400,
    "parse_error": 400,
    "bad_request": 400,
    "not_authenticated": 401,
    "authentication_failed": 401,
    "first_step": 403,
    "unconfirmed": 403,
    "forbidden": 403,
    "permission_denied": 403,
    "not_found": 404,
    "gone": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "precondition_failed": 412,
    "unsupported_media_type": 415,
    "key_reused": 422,
    "throttled": 429,
    "error": 500,
}
#: One wrong field: where it is, what kind of wrong, and the sentence for the person.
FieldError = dict[str, Any]


class BadParameter(exceptions.ValidationError):
    """Something in the address, not in the body, is wrong: {parameter: sentence}."""

    def __init__(self, wrong: dict[str, str], code: str = "parameter") -> None:
        super().__init__({name: [sentence] for name, sentence in wrong.items()}, code)


class PreconditionFailed(Problem):
    """The object is not any more what the caller thinks it is; `current` is what it is now."""

    status = 412

    def __init__(self, current: Any) -> None:
        super().__init__(
            "Somebody changed this meanwhile. Look at what it is now, and send your change again with its ETag.",
            code="precondition_failed",
        )
        self.current = current


class KeyReused(Problem):
    status = 422


class Several(Problem):
    """Some of many operations were refused, so none is done. `refused` are their problem documents, by their place."""

    def __init__(self, refused: list[tuple[str, dict[str, Any]]]) -> None:
        places = ", ".join(place for place, _ in refused[:8])
        super().__init__(f"Nothing was done, because of {places}. {refused[0][1]['detail']}", code="refused")
        self.status = refused[0][1]["status"]
        self.code = refused[0][1]["type"].rpartition("/")[2]
        self.users = refused[0][1]["users"]
        self.current = refused[0][1].get("current")
        self.errors = [error for place, each in refused for error in _within(place, each)]


def as_problem(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an exception of a view; None for what is no refusal but a fault of ours."""
    found = answer_of(exc, getattr(context.get("request"), "method", None))
    if found is not None:
        set_rollback()
    return found


def problem(
    status: int, code: str, detail: str, errors: list[FieldError] | None = None, users: list[str] | None = None
) -> Response:
    """A problem document. `type` ends with the code; `users` names what stands in the way of a deletion."""
    return Response(document(status, code, detail, errors, users), status=status, content_type=MEDIA_TYPE)


def document(
    status: int, code: str, detail: str, errors: list[FieldError] | None = None, users: list[str] | None = None
) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": errors or [],
        "users": users or [],
    }


def answer_of(exc: Exception, method: str | None = None) -> Response | None:
    """The problem document of an exception; None when it is none that refuses."""
    if isinstance(exc, PreconditionFailed):
        found = problem(exc.status, exc.code, exc.message)
        found.data["current"] = exc.current
        return found
    if isinstance(exc, Several):
        found = problem(exc.status, exc.code, exc.message, exc.errors, exc.users)
        found.data.update({} if exc.current is None else {"current": exc.current})
        return found
    if isinstance(exc, Problem):
        return problem(404 if exc.code == "gone" else exc.status, exc.code, exc.message, users=exc.users)
    if isinstance(exc, ValidationError):
        return _invalid(list(_of_verb(exc)), method in ("GET", "HEAD"))
    if isinstance(exc, exceptions.ValidationError):
        return _invalid(list(_of_form(exc.detail)), isinstance(exc, BadParameter) or method in ("GET", "HEAD"))
    if isinstance(exc, Http404):
        return problem(404, "not_found", "There is no such thing here, or you may not see it.")
    if isinstance(exc, PermissionDenied):
        return problem(403, "forbidden", str(exc) or "You may not do this.")
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc)
    return None


def _invalid(errors: list[FieldError], in_address: bool) -> Response:
    """Each error says where it is: a parameter of the address, or a JSON pointer into the body."""
    for error in errors:
        if in_address:
            error["parameter"] = error["field"]
        else:
            error["pointer"] = pointer(error["field"])
    return problem(400, "invalid", " ".join(error["message"] for error in errors), errors)


def pointer(field: str) -> str:
    """ "rules.0.ports" → "#/rules/0/ports" (RFC 6901, as a fragment)."""
    return "#" + "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in field.split(".") if field)


def _within(place: str, refused: dict[str, Any]) -> Iterator[FieldError]:
    """The errors of one operation, at its place; what is wrong with no field is wrong with the operation."""
    code = refused["type"].rpartition("/")[2]
    more = {"current": refused["current"]} if "current" in refused else {}
    for error in refused["errors"] or [_error("", code, refused["detail"])]:
        own = error["field"] in ("", "id", "body", "op") or refused["status"] != 400
        field = f"{place}.{error['field']}".rstrip(".") if own else f"{place}.body.{error['field']}"
        yield {**_error(field, error["code"], error["message"]), "pointer": pointer(field), **more}


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
        found["Retry-After"] = str(max(1, int(wait)))
    return found


def _error(field: str, code: str, message: str) -> FieldError:
    return {"field": field, "code": code, "message": message}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 400: a page for people, a problem document for programs."""
    if not request.path_info.startswith(PREFIX):
        return defaults.bad_request(request, exception)
    return plain(400, "bad_request", "This request makes no sense to a web server: its host, address or size.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500, likewise. What went wrong is in the log, not in the answer."""
    if not request.path_info.startswith(PREFIX):
        return defaults.server_error(request)
    return plain(500, "error", "This is our fault, not yours. It is in the log; nothing was changed.")


class NotAllowedPage:
    """What a browser shows of an address that only takes a form, when it is opened: a page, not nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED or "text/html" not in request.headers.get("Accept", ""):
            return answer
        if request.path_info.startswith(PREFIX):
            return answer
        page = render(request, "405.html", status=answer.status_code)
        page["Allow"] = answer.get("Allow", "POST")
        return page


def plain(status: int, code: str, detail: str) -> HttpResponse:
    """A problem document from outside the framework's views."""
    return JsonResponse(document(status, code, detail), status=status, content_type=MEDIA_TYPE)
