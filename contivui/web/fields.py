"""Fields of the API that name another object: by id or by name, never one the person may not see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from django.db import models
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_array_type
from rest_framework import serializers

Row = TypeVar("Row", bound=models.Model)
#: The largest id a database column holds; a larger number is the id of nothing.
LARGEST_ID = 2**63 - 1
#: How much of a wrong word an error repeats.
LONGEST = 200


class TenantName(serializers.Field[Any, str, str, Any]):
    """The tenant of an object, by name. Given at creation; later it stays what it is.

    It comes before the other fields: what they name is looked for in this tenant only.
    """

    default_error_messages = {
        "unknown": "There is no tenant {said} that you may see. Name one of yours.",
        "fixed": "This belongs to tenant {has} and stays there.",
    }

    def __init__(self, model: type[models.Model], **options: Any) -> None:
        self.model = model
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        has = self.context.get("tenant")
        if has is not None:
            return has if data == has.name else self.fail("fixed", has=has.name)
        rows = _visible(self.model, self)
        found = rows.filter(name=data).first() if isinstance(data, str) and "\0" not in data else None
        if found is None:
            self.fail("unknown", said=_shown(data))
        _memory(self)["tenant"] = found
        return found

    def to_representation(self, value: Any) -> str:
        return str(value.name)


class Ref(serializers.Field[Any, Any, dict[str, Any], Any]):
    """One other object: written as its id (a number) or its name (a text), read as {"id", "name"}.

    `word` is what people call it. With `anchors`, the object itself says which tenant this is all about.
    """

    default_error_messages = {
        "unknown": "{where} has no {word} {said}. Choose one from its list.",
        "several": "Several tenants have a {word} {said}. Name the tenant, or give the id.",
        "kind": "Give the id of a {word} as a number, or its name as a text.",
    }

    def __init__(self, model: type[models.Model], word: str, *, anchors: bool = False, **options: Any) -> None:
        self.model, self.word, self.anchors = model, word, anchors
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        return self.look_up([data])[0]

    def to_representation(self, value: Any) -> dict[str, Any]:
        return {"id": value.pk, "name": value.name}

    def look_up(self, said: list[Any]) -> list[Any]:
        """The objects, in one query however many there are. Remembered for the length of the request."""
        for one in said:
            if type(one) not in (int, str) or "\0" in str(one):
                self.fail("kind", word=self.word)
        known: dict[Any, Any] = _memory(self).setdefault("refs", {}).setdefault(self.model, {})
        if missing := [one for one in said if one not in known]:
            known.update(_by_key(self.rows(missing), missing))
        for one in said:
            if one not in known:
                tenant = self.context.get("tenant")
                where = f"Tenant {tenant}" if tenant else "What you may see"
                self.fail("unknown", where=where, word=self.word, said=_shown(one))
        return [known[one] for one in said]

    def rows(self, said: list[Any]) -> Iterable[models.Model]:
        tenant = self.context.get("tenant")
        rows = _visible(self.model, self)
        if any(field.name == "tenant" for field in self.model._meta.concrete_fields):
            if tenant is not None:
                rows = rows.filter(tenant=tenant)
            elif not self.anchors:
                # Without a tenant nothing can be told apart by name; that it is missing is said at its own field.
                raise serializers.SkipField()
        ids = [one for one in said if isinstance(one, int) and 0 < one <= LARGEST_ID]
        names = [one for one in said if isinstance(one, str)]
        found = rows.filter(models.Q(pk__in=ids) | models.Q(name__in=names))
        return self._anchored(list(found.select_related("tenant"))) if self.anchors else found

    def _anchored(self, found: list[Any]) -> list[Any]:
        """The one that was named, which says what tenant this is about. Only a name can be that of several."""
        if len(found) > 1:
            self.fail("several", word=self.word, said=_shown(found[0].name))
        if found:
            _memory(self)["tenant"] = found[0].tenant
        return found


class Refs(Ref):
    """Any number of other objects, each as in Ref."""

    default_error_messages = {"list": "Give a list of ids or names.", "many": "Give at most {most} at once."}
    MOST = 5_000

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list):
            self.fail("list")
        if len(data) > self.MOST:
            self.fail("many", most=self.MOST)
        return list(dict.fromkeys(self.look_up(data)))

    def to_representation(self, value: Any) -> Any:
        rows = value.all() if isinstance(value, models.Manager) else value
        return [{"id": row.pk, "name": row.name} for row in sorted(rows, key=lambda row: str(row.name))]


def _memory(field: serializers.Field[Any, Any, Any, Any]) -> dict[str, Any]:
    """What the fields of one request tell each other: the framework shares one context between them."""
    return cast(dict[str, Any], field.context)


def _visible(model: type[models.Model], field: serializers.Field[Any, Any, Any, Any]) -> models.QuerySet[Any]:
    rows: models.QuerySet[Any] = model._default_manager.visible_to(field.context["request"].user)  # type: ignore[attr-defined]
    return rows


def _by_key(rows: Iterable[Any], said: list[Any]) -> dict[Any, Any]:
    wanted = set(said)
    return {key: row for row in rows for key in (row.pk, row.name) if key in wanted}


def _shown(said: Any) -> str:
    return str(said)[:LONGEST]


class TenantNameSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "contivui.web.fields.TenantName"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return {"type": "string", "description": "The tenant's name."}


class RefSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "contivui.web.fields.Ref"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        written = {"oneOf": [{"type": "integer"}, {"type": "string"}], "description": "Id or name."}
        read = {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
            "required": ["id", "name"],
        }
        one = written if direction == "request" else read
        return build_array_type(one) if isinstance(self.target, Refs) else one
