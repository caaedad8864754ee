"""The REST API of a Resource: one view set for every kind of object, its writes being the resource's verbs.

This kit knows no tenant and no right; the room that does (tenants.api) fills in `actor` and `require`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db import models
from django_filters import CharFilter, Filter  # type: ignore[import-untyped]
from django_filters.rest_framework import FilterSet  # type: ignore[import-untyped]
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from contivui.web.fields import LARGEST_ID
from contivui.web.resource import Resource

#: Parameters of every list, besides its filters.
OF_LISTS = frozenset({"search", "ordering", "cursor", "limit"})


class RefFilter(CharFilter):  # type: ignore[misc]
    """Rows that name one other object, by its id (digits) or its name."""

    def filter(self, qs: models.QuerySet[Any], value: str) -> models.QuerySet[Any]:
        if not value:
            return qs
        if value.isascii() and value.isdigit():
            return qs.filter(**{self.field_name: int(value)}) if int(value[:20]) <= LARGEST_ID else qs.none()
        return qs.filter(**{f"{self.field_name}__name": value})


class WholeFilter(Filter):  # type: ignore[misc]
    """Rows whose number is this one."""

    field_class = forms.IntegerField


def filters_of(resource: Resource) -> type[FilterSet]:
    """Exact filters on the resource's paths, and `tenant` by name for what a tenant owns."""
    declared: dict[str, Any] = {path: _filter(resource.model, path) for path in resource.filters}
    if resource.scope == "tenant":
        declared["tenant"] = CharFilter(field_name=f"{_tenant_path(resource.model)}__name", label="Name of the tenant")
    declared["Meta"] = type("Meta", (), {"model": resource.model, "fields": []})
    return type(f"{resource.name.title()}Filters", (FilterSet,), declared)


def _tenant_path(model: type[models.Model]) -> str:
    return str(getattr(model, "tenant_path", "tenant"))


def _filter(model: type[models.Model], path: str) -> Filter:
    field: Any = model._meta.get_field(path)
    if field.is_relation:
        return RefFilter(field_name=path, label="Id or name", distinct=field.many_to_many)
    if isinstance(field, models.IntegerField):
        return WholeFilter(field_name=path)
    return CharFilter(field_name=path)


class MaySeeOrAct(BasePermission):
    """What can be refused before anything is read: verbs on what belongs to no tenant."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action in ("list", "retrieve"):
            view.require("view")
        elif view.action == "create" and view.resource.scope == "cluster":
            view.require("create")
        return True


class ResourceViewSet(GenericViewSet[Any]):
    """List, read, create, change and delete objects of `resource`, as far as it has the verbs.

    Rows are those `visible_to` the person: everything else is 404, whatever it is. A change answers the object as it
    is afterwards; PUT wants every required field, PATCH only what changes.
    """

    resource: ClassVar[Resource]
    lookup_value_regex = "[0-9]+"
    default_ordering: ClassVar[str] = "id"
    filterset_class: ClassVar[type[FilterSet]]
    search_fields: ClassVar[tuple[str, ...]] = ()
    ordering_fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "resource" in cls.__dict__:
            cls._declare(cls.resource)

    @classmethod
    def _declare(cls, resource: Resource) -> None:
        offered = {"post": resource.create, "put": resource.update, "patch": resource.update, "delete": resource.delete}
        cls.http_method_names = ["get", "head", "options", *(name for name, verb in offered.items() if verb)]
        cls.queryset = resource.model._default_manager.all()
        cls.serializer_class = resource.serializer
        cls.filterset_class = filters_of(resource)
        cls.search_fields = resource.search
        cls.ordering_fields = ("id", *(path for path in resource.ordering if "__" not in path))
        cls.permission_classes = [*cls.permission_classes, MaySeeOrAct]

    def actor(self) -> Any:
        """Who the record says it was."""
        raise NotImplementedError

    def require(self, action: str, row: Any = None, tenant: Any = None) -> None:
        """Raise unless the person may do this to the row, or in the tenant."""
        raise NotImplementedError

    def tenant_of(self, row: Any) -> Any:
        """The tenant a row belongs to; None for what belongs to the cluster."""
        return row.tenant if self.resource.scope == "tenant" else None

    def get_queryset(self) -> models.QuerySet[Any]:
        manager: Any = self.resource.model._default_manager
        rows: models.QuerySet[Any] = manager.visible_to(self.request.user)
        return rows.select_related(*self.resource.select).prefetch_related(*self.resource.prefetch)

    def filter_queryset(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.action == "list":
            self._refuse_unknown_parameters()
            return super().filter_queryset(queryset)
        return queryset

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def create(self, request: Request) -> Response:
        given = self.read(self.get_serializer(data=request.data))
        row = self.resource.create(actor=self.actor(), **given)  # type: ignore[misc]
        return Response(self.shown(row), status.HTTP_201_CREATED, headers={"Location": f"{request.path}{row.pk}/"})

    def update(self, request: Request, pk: str, partial: bool = False) -> Response:
        row = self.get_object()
        tenant = self.tenant_of(row)
        self.require("update", row, tenant)
        form = self.get_serializer(row, data=request.data, partial=partial, context=self.context_of(tenant))
        form.is_valid(raise_exception=True)
        given = {name: value for name, value in form.validated_data.items() if name != "tenant"}
        return Response(self.shown(self.resource.update(actor=self.actor(), row=row, **given)))  # type: ignore[misc]

    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk, partial=True)

    def destroy(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        self.require("delete", row, self.tenant_of(row))
        self.resource.delete(actor=self.actor(), row=row)  # type: ignore[misc]
        return Response(status=status.HTTP_204_NO_CONTENT)

    def read(self, form: BaseSerializer[Any]) -> dict[str, Any]:
        """What is asked for, as arguments of the create verb. Whether she may comes before what is wrong with it."""
        valid = form.is_valid()
        tenant = form.context.get("tenant")
        if self.resource.scope == "tenant" and tenant is not None:
            self.require("create", tenant=tenant)
        if not valid:
            raise ValidationError(dict(form.errors))
        return {**form.validated_data, **({"tenant": tenant} if tenant is not None else {})}

    def shown(self, row: Any) -> Any:
        """The row as the API answers it, read anew with what it is shown with."""
        return self.get_serializer(self.get_queryset().get(pk=row.pk)).data

    def context_of(self, tenant: Any) -> dict[str, Any]:
        return {**self.get_serializer_context(), "tenant": tenant}

    def _refuse_unknown_parameters(self) -> None:
        """A misspelt filter would quietly answer everything."""
        known = {*OF_LISTS, *self.filterset_class.base_filters}
        if wrong := sorted(set(self.request.query_params) - known):
            raise ValidationError(
                {name: [f"There is no such filter. There are: {', '.join(sorted(known))}."] for name in wrong}, "filter"
            )
