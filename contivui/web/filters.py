"""What lists of the API are narrowed by: exact values of a resource's paths, and what every kind of object has."""

from __future__ import annotations

import ipaddress
from typing import Any

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django_filters import BooleanFilter, CharFilter, Filter, IsoDateTimeFilter  # type: ignore[import-untyped]
from django_filters.rest_framework import FilterSet  # type: ignore[import-untyped]
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from contivui.web.fields import LARGEST_ID
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
        return qs.filter(**{f"{self.field_name}__name": value})


class WholeFilter(Filter):  # type: ignore[misc]
    """Rows whose number is this one (or, with a look-up, beyond it)."""

    field_class = forms.IntegerField

    def filter(self, qs: models.QuerySet[Any], value: int | None) -> models.QuerySet[Any]:
        if value is not None and abs(value) > LARGEST_ID:
            return qs.none()
        narrowed: models.QuerySet[Any] = super().filter(qs, value)
        return narrowed


class IdsField(forms.CharField):
    def clean(self, value: Any) -> list[int]:
        said = [part.strip() for part in (value or "").split(",") if part.strip()]
        if len(said) > MOST_IDS or any(not (part.isascii() and part.isdigit()) for part in said):
            raise forms.ValidationError(f"Give at most {MOST_IDS} ids, with commas between them, for example 3,8.")
        return [int(part) for part in said if int(part[:20]) <= LARGEST_ID] or ([0] if said else [])


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
            return ipaddress.ip_address(value)
        except ValueError:
            raise forms.ValidationError("Give one address, for example 20.1.1.5 or fd00:20:1::5.") from None


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
        if getattr(value, "scope_id", None):
            return qs.none()
        holding = [
            str(ipaddress.ip_network((value, length), strict=False)) for length in range(value.max_prefixlen + 1)
        ]
        return qs.filter(**{f"{self.paths[value.version]}__in": holding})


def filters_of(resource: Resource) -> type[FilterSet]:
    """Exact filters on the resource's paths; ids, times and generation of what has them; `tenant` by name."""
    declared: dict[str, Any] = {"id": IdsFilter(label="Ids, with commas between them")}
    for path in resource.filters:
        declared |= _filters(resource.model, path)
    declared |= {name: make() for name, make in resource.more_filters.items()}
    for column, word in (("created_at", "created"), ("updated_at", "updated"), ("at", "at")):
        if _has(resource.model, column):
            declared[f"{word}_after"] = IsoDateTimeFilter(field_name=column, lookup_expr="gt", label="Later than this")
            declared[f"{word}_before"] = IsoDateTimeFilter(field_name=column, lookup_expr="lt", label="Before this")
    if _has(resource.model, "generation"):
        declared["generation_after"] = WholeFilter(
            field_name="generation", lookup_expr="gt", label="Changed by a later generation than this"
        )
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
    if isinstance(field, models.IntegerField):
        return {path: WholeFilter(field_name=path)}
    return {path: CharFilter(field_name=path)}
