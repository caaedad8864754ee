"""The OpenAPI document: made from the code, then given what every operation has in common. The checked-in copy is
docs/openapi.json; `python manage.py openapi` renews it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from contivui.web.errors import MEDIA_TYPE

EXAMPLES = Path(__file__).with_name("examples.json")
Operation = dict[str, Any]


class OnceMade(SchemaGenerator):
    """The document as it was made when it was first asked for: it is the same for everybody, anybody may ask for it,
    and making it takes a second."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        return _document()


@cache
def _document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


class OnceWritten(OpenApiJsonRenderer):
    """The document as bytes that were written once; writing them takes as long as hundreds of answers."""

    def render(self, data: Any, media_type: Any = None, renderer_context: Any = None) -> bytes:
        made: bytes = _written() if data is _document() else super().render(data, media_type, renderer_context)
        return made


class OnceWrittenPlain(OnceWritten):
    """For who accepts JSON only."""

    media_type = "application/json"


#: How the document is given out.
WRITTEN = [OnceWritten, OnceWrittenPlain]


@cache
def _written() -> bytes:
    return OpenApiJsonRenderer().render(_document())


METHODS = ("get", "post", "put", "patch", "delete")
#: What there is one of.
SINGLE = ("/fabric/", "/sign-in/", "/sign-in/directory/", "/sign-in/provider/")
#: What each kind of refusal means, wherever it may happen.
REFUSALS = {
    "400": "Something in the body or the address is not right; `errors` says where and what would be.",
    "401": "No token, or one that opens nothing (any more).",
    "403": "You may see this, but not do that to it.",
    "404": "There is no such thing, or you may not see it.",
    "406": "Only JSON is spoken here.",
    "409": "It cannot be done as things stand; `users` names what stands in the way.",
    "412": "It is not any more what If-Match says; `current` is what it is.",
    "415": "Send JSON.",
    "422": "This Idempotency-Key was used for another request.",
    "429": "Too many requests in this minute; Retry-After says when to come again.",
}
HEADERS = {
    "RateLimit-Limit": "Requests a minute that you may make.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until they are all there again.",
    "Tenant-Generation": "blue=12: what the tenant's intent became.",
    "Link": 'rel="realization": how far that is live.',
    "ETag": "Of the object as it is now.",
}


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Parameters, headers, refusals and examples of every operation; called by drf-spectacular at its end."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update({"Problem": problem_schema(), "Touches": touches_schema()})
    components["responses"] = {f"Refused{code}": refusal(code) for code in REFUSALS}
    components["headers"] = {
        name: {"schema": {"type": "string"}, "description": words} for name, words in HEADERS.items()
    }
    for path, method, operation in operations(result):
        _name_parameters(path, method, operation)
        _describe_answers(path, method, operation)
        _add_refusals(path, method, operation)
        _add_examples(path, method, operation)
    return result


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, item in document["paths"].items():
        yield from ((path, method, item[method]) for method in METHODS if method in item)


def is_write(path: str, method: str) -> bool:
    return method != "get" and not path.endswith("/explain/")


def has_precondition(path: str, method: str) -> bool:
    return method in ("put", "patch", "delete") and ("{id}" in path or path.endswith(SINGLE))


def refusal(code: str) -> dict[str, Any]:
    value = {**examples()["problem"], **examples()["problems"].get(code, {}), "status": int(code)}
    media = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {"example": {"value": value}}}
    return {"description": REFUSALS[code], "content": {MEDIA_TYPE: media}}


def problem_schema() -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["field", "code", "message"],
        "properties": {
            "field": {"type": "string", "description": 'Where: "rules.0.ports"; "" is the whole.'},
            "pointer": {"type": "string", "description": "The same as a JSON pointer into the body."},
            "parameter": {"type": "string", "description": "Or the parameter of the address."},
            "code": {"type": "string"},
            "message": {"type": "string", "description": "The sentence a page shows."},
            "current": {"type": "object", "description": "In bulk, where If-Match failed: the object as it is."},
        },
    }
    return {
        "type": "object",
        "description": "A refusal (RFC 9457). `type` is stable; the sentences may change.",
        "required": ["type", "title", "status", "detail", "errors", "users"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": error},
            "users": {"type": "array", "items": {"type": "string"}},
            "current": {"type": "object", "description": "Of a 412: the object as it is."},
        },
    }


def touches_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "Only in the answer to a dry run: what the write would change on nodes.",
        "properties": {
            "nodes": {"type": "array", "items": {"type": "string"}},
            "endpoints": {"type": "integer"},
            "endpoint_names": {"type": "array", "items": {"type": "string"}},
        },
    }


def _parameter(name: str, where: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": where, "schema": schema, "description": description}


def _name_parameters(path: str, method: str, operation: Operation) -> None:
    text, switch = {"type": "string"}, {"type": "string", "enum": ["true", "false"]}
    more, known = [], {parameter["name"] for parameter in operation.get("parameters", [])}
    if is_write(path, method):
        more.append(_parameter("dry_run", "query", switch, "Check and answer the same, store nothing."))
    if method == "post" and is_write(path, method) and not path.endswith("/token/"):
        key = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
        more.append(_parameter("Idempotency-Key", "header", key, "Sent again within a day: done once, answered again."))
    if has_precondition(path, method):
        more.append(_parameter("If-Match", "header", text, "The ETag it must still have."))
    if "ETag" in _headers(path, method) and method == "get":
        more.append(_parameter("If-None-Match", "header", text, "The ETag of what you have: 304 if that is still it."))
    if "ETag" in _headers(path, method) and method == "get" and "{id}" in path:
        more.append(_parameter("fields", "query", text, "Only these fields, with commas between them."))
    if "cursor" in known:
        more.append(_parameter("fields", "query", text, "Only these fields, with commas between them."))
        more.append(_parameter("count", "query", switch, "Count what matches, too. That costs a query."))
    parameters = [*operation.get("parameters", []), *more]
    for parameter in parameters:
        if parameter["name"] == "limit":
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
        if parameter["name"] == "ordering":
            parameter["description"] = "A field, with - before it for down."
    if parameters:
        operation["parameters"] = parameters


def _headers(path: str, method: str) -> set[str]:
    headers = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    if is_write(path, method):
        headers |= {"Tenant-Generation", "Link"}
    owns = path.endswith(("/{id}/", *SINGLE)) or (method == "post" and path.count("/") == 4)
    if owns and method != "delete" and not path.endswith(("/tokens/", "/explain/")):
        headers.add("ETag")
    return headers


def _describe_answers(path: str, method: str, operation: Operation) -> None:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(_headers(path, method))}
    responses = operation["responses"]
    if is_write(path, method) and "204" in responses:
        touched = {"type": "object", "properties": {"touches": {"$ref": "#/components/schemas/Touches"}}}
        responses["200"] = {"content": {"application/json": {"schema": touched}}, "description": "Of a dry run."}
    for answer in responses.values():
        answer["headers"] = headers
    if "ETag" in headers and method == "get":
        responses["304"] = {"description": "You have it already.", "headers": {"ETag": headers["ETag"]}}


def _add_refusals(path: str, method: str, operation: Operation) -> None:
    codes = {"400", "401", "403", "404", "406", "429"}
    if is_write(path, method):
        codes |= {"409"}
        codes |= {"412"} if has_precondition(path, method) or "{id}" in path or "/bulk/" in path else set()
        codes |= {"422"} if method == "post" else set()
    codes |= {"415"} if method in ("post", "put", "patch") else set()
    for code in sorted(codes):
        operation["responses"].setdefault(code, {"$ref": f"#/components/responses/Refused{code}"})
    operation["responses"] = dict(sorted(operation["responses"].items()))


@cache
def examples() -> dict[str, Any]:
    """By kind of object: "request" and "response"; by operation where it is none of the usual ones."""
    found: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def _add_examples(path: str, method: str, operation: Operation) -> None:
    asked, answered = example_of(path, method)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media["examples"] = {"example": {"value": asked}}
    only_tried = "204" in operation["responses"]
    for answer in operation["responses"].values():
        for media in answer.get("content", {}).values():
            value = {"touches": examples()["touches"]} if only_tried else answered
            media["examples"] = {"example": {"value": value}}


def example_of(path: str, method: str) -> tuple[Any, Any]:
    """What one could send to an operation, and what would come back."""
    known = examples()
    key = f"{method} {path.removeprefix('/api/v2')}"
    if key in known:
        return known[key].get("request"), known[key].get("response")
    kind = path.split("/")[3]
    if path.endswith("/realization/"):
        return None, known["realization"]
    own = known[kind]
    if path.endswith("/bulk/"):
        return _bulk(own)
    if path.endswith("/{id}/"):
        return own["patch"] if method == "patch" else own.get("request"), own["response"]
    if method == "get":
        return None, {"next": None, "previous": None, "results": [own["response"]]}
    return own.get("request"), own.get("created", own["response"])


def _bulk(own: dict[str, Any]) -> tuple[Any, Any]:
    made = {"op": "create", "body": own["request"]}
    ended = {"op": "delete", "id": own["response"]["id"]}
    answered = own.get("created", own["response"])
    results = [{"status": 201, "body": answered}, {"status": 204, "body": None}]
    return {"operations": [made, ended]}, {"results": results}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        words = "Authorization: Token cvui_…, as made under /api/v2/tokens/."
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": words}
