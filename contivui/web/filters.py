"""What lists of the API are narrowed by: exact values of a resource's paths, and what every kind of object has."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django_filters import BooleanFilter, CharFilter, Filter, IsoDateTimeFilter  # type: ignore[import-untyped]
from django_filters.rest_framework import FilterSet  # type: ignore[import-untyped]
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from contivui.web.errors import BadParameter
from contivui.web.fields import LARGEST_ID
from contivui.web.problem import Problem
from contivui.web.resource import Resource

#: How many ids one address may name.
MOST_IDS = 500


class RefFilter(CharFilter):  # type: ignore[misc]
    """Rows that name one other object, by its id (digits) or its name."""

    def filter(self, qs: models.QuerySet[Any], value: str) -> models.QuerySet[Any]:
        if not value:
            return qs
        if value.isascii() and value.isdigit():
            return qs.filter(**{self.field_name: int(value)}) if int(value[:20]) <= LARGEST_ID else qs.none()
        related = qs.model._meta.get_field(self.field_name).related_model
        name = getattr(related, "USERNAME_FIELD", "name")
        return qs.filter(**{f"{self.field_name}__{name}": value})


class ThroughFilter(CharFilter):  # type: ignore[misc]
    """Rows that name one other object by way of what they are about ("rule__policy"), by its id or its name."""

    def __init__(self, path: str) -> None:
        super().__init__(field_name=path, label="Id or name")

    def filter(self, qs: models.QuerySet[Any], value: str) -> models.QuerySet[Any]:
        if not (value.isascii() and value.isdigit()):
            return qs.filter(**{f"{self.field_name}__name": value}) if value else qs
        return qs.filter(**{self.field_name: int(value)}) if int(value[:20]) <= LARGEST_ID else qs.none()


class WholeField(forms.IntegerField):
    """No column counts below zero, or beyond what any database holds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=LARGEST_ID, **options)


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": LARGEST_ID})
class WholeFilter(Filter):  # type: ignore[misc]
    """Rows whose number is this one (or, with a look-up, beyond it)."""

    field_class = WholeField


class IdsField(forms.CharField):
    def clean(self, value: Any) -> list[int]:
        said = [part.strip() for part in (value or "").split(",") if part.strip()]
        none = value is not None and not said  # "," is, and would be every row.
        if none or len(said) > MOST_IDS or any(not (part.isascii() and part.isdigit()) for part in said):
            raise forms.ValidationError(f"Give at most {MOST_IDS} ids, with commas between them, for example 3,8.")
        return [int(part) for part in said if int(part[:20]) <= LARGEST_ID] or ([0] if said else [])


@extend_schema_field(OpenApiTypes.STR)
class IdsFilter(Filter):  # type: ignore[misc]
    """Rows with one of these ids: "3,8"."""

    field_class = IdsField

    def filter(self, qs: models.QuerySet[Any], value: list[int] | None) -> models.QuerySet[Any]:
        return qs.filter(pk__in=value) if value else qs


class AddressField(forms.CharField):
    def clean(self, value: Any) -> Any:
        if not value:
            return None
        try:
            found = ipaddress.ip_address(value)
        except ValueError:
            raise forms.ValidationError("Give one address, for example 20.1.1.5 or fd00:20:1::5.") from None
        if getattr(found, "scope_id", None):
            raise forms.ValidationError("Give the address without its zone, for example fe80::1.")
        return found


@extend_schema_field(OpenApiTypes.STR)
class AddressFilter(Filter):  # type: ignore[misc]
    """Rows whose address is this one, however it is written."""

    field_class = AddressField

    def filter(self, qs: models.QuerySet[Any], value: Any) -> models.QuerySet[Any]:
        return qs if value is None else qs.filter(**{self.field_name: str(value)})


@extend_schema_field(OpenApiTypes.STR)
class ContainsFilter(Filter):  # type: ignore[misc]
    """Rows whose subnet holds this address. Subnets are stored as canonical text, and an address is in at most 33
    (129) of them, so this is a look-up of equal texts on every database."""

    field_class = AddressField

    def __init__(self, *, v4: str, v6: str, **options: Any) -> None:
        super().__init__(label="An address; subnets that hold it", **options)
        self.paths = {4: v4, 6: v6}

    def filter(self, qs: models.QuerySet[Any], value: Any) -> models.QuerySet[Any]:
        if value is None:
            return qs
        holding = [
            str(ipaddress.ip_network((value, length), strict=False)) for length in range(value.max_prefixlen + 1)
        ]
        return qs.filter(**{f"{self.paths[value.version]}__in": holding})


@extend_schema_field(OpenApiTypes.STR)
class LabelsFilter(CharFilter):  # type: ignore[misc]
    """Rows that a selector of labels chooses."""

    def __init__(self) -> None:
        super().__init__(label="A selector: tier=web, env!=prod, tier in (web,db), owner, !owner; all with commas")

    def filter(self, qs: models.QuerySet[Any], value: str) -> models.QuerySet[Any]:
        if not value:
            return qs
        try:
            narrowed: models.QuerySet[Any] = qs.labelled(value)  # type: ignore[attr-defined]
        except Problem as problem:
            raise BadParameter({"labels": problem.message}, problem.code) from None
        return narrowed


class MomentFilter(IsoDateTimeFilter):  # type: ignore[misc]
    """Rows later or earlier than a moment, which is UTC before any database sees it: not each takes every offset.
    `name` is what the address calls it."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(**options)
        self.name = name

    def filter(self, qs: models.QuerySet[Any], value: datetime | None) -> models.QuerySet[Any]:
        try:
            moment = value.astimezone(UTC) if value else None
        except OverflowError:
            raise BadParameter({self.name: "Give a moment between the years 1 and 9999."}) from None
        narrowed: models.QuerySet[Any] = super().filter(qs, moment)
        return narrowed


#: How programs write yes and no.
YES_OR_NO = ("true", "false", "True", "False")


def require_values(filters: Mapping[str, Filter], said: Mapping[str, str]) -> None:
    """Raise BadParameter for what would be taken for "not asked" and answer everything: nothing, as of a script's
    variable that was never set, or a "perhaps"; and for words that no database looks for."""
    wrong = {}
    for name in filters.keys() & said.keys():
        if isinstance(filters[name], BooleanFilter) and said[name] not in YES_OR_NO:
            wrong[name] = f"Say {name}=true or {name}=false."
        elif not said[name].strip():
            wrong[name] = f"Give {name} a value or leave it out."
    if "\0" in said.get("search", ""):
        wrong["search"] = "Search for words; a zero byte is in none."
    if wrong:
        raise BadParameter(wrong)


#: Columns that hold a moment, and the word that filters by it begin with.
MOMENTS = (("created_at", "created"), ("updated_at", "updated"), ("at", "at"), ("found_at", "found"))


def filters_of(resource: Resource) -> type[FilterSet]:
    """Exact filters on the resource's paths; ids, times, generation and labels of what has them; `tenant` by name."""
    declared: dict[str, Any] = {"id": IdsFilter(label="Ids, with commas between them")}
    for path in resource.filters:
        declared |= _filters(resource.model, path)
    declared |= {name: make() for name, make in resource.more_filters.items()}
    for column, word in MOMENTS:
        if _has(resource.model, column):
            for name, look_up, label in (
                (f"{word}_after", "gt", "Later than this"),
                (f"{word}_before", "lt", "Before this"),
            ):
                declared[name] = MomentFilter(name, field_name=column, lookup_expr=look_up, label=label)
    if _has(resource.model, "generation"):
        declared["generation_after"] = WholeFilter(
            field_name="generation", lookup_expr="gt", label="Changed by a later generation than this"
        )
    if _has(resource.model, "labels"):
        declared["labels"] = LabelsFilter()
    if resource.scope == "tenant":
        declared["tenant"] = CharFilter(field_name=f"{_tenant_path(resource.model)}__name", label="Name of the tenant")
    declared["Meta"] = type("Meta", (), {"model": resource.model, "fields": []})
    return type(f"{resource.name.title()}Filters", (FilterSet,), declared)


def _tenant_path(model: type[models.Model]) -> str:
    return str(getattr(model, "tenant_path", "tenant"))


def _has(model: type[models.Model], name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).concrete)
    except FieldDoesNotExist:
        return False


def _filters(model: type[models.Model], path: str) -> dict[str, Filter]:
    """The filter of one path, and for what may be absent whether there is one."""
    field: Any = model._meta.get_field(path)
    if field.is_relation:
        found: dict[str, Filter] = {path: RefFilter(field_name=path, label="Id or name", distinct=field.many_to_many)}
        if field.null or field.many_to_many:
            label = "Whether there is one"
            found[f"has_{path}"] = BooleanFilter(
                field_name=path, lookup_expr="isnull", exclude=True, distinct=field.many_to_many, label=label
            )
        return found
    if isinstance(field, models.GenericIPAddressField):
        return {path: AddressFilter(field_name=path, label="An address")}
    if isinstance(field, models.IntegerField):
        return {path: WholeFilter(field_name=path)}
    if isinstance(field, models.BooleanField):
        return {path: BooleanFilter(field_name=path)}
    return {path: CharFilter(field_name=path)}
