"""The REST API of a Resource: one view set for every kind of object, its writes being the resource's verbs.

This kit knows no tenant and no right; the room that does (tenants.api) fills in what is declared here as a hook.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import models, transaction
from django.shortcuts import get_object_or_404
from django_filters.rest_framework import DjangoFilterBackend, FilterSet  # type: ignore[import-untyped]
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.filters import SearchFilter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from contivui.web.errors import BadParameter
from contivui.web.filters import filters_of, require_values
from contivui.web.paging import Ordering
from contivui.web.parameters import flag, only
from contivui.web.preconditions import etag_of, has_it_already, require_match
from contivui.web.resource import Resource
from contivui.web.strict import require_types

#: Parameters of every list, besides its filters.
OF_LISTS = frozenset({"search", "ordering", "cursor", "limit", "fields", "count"})


class MaySeeOrAct(BasePermission):
    """What can be refused before anything is read: verbs on what belongs to no tenant."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action in ("list", "retrieve"):
            view.require("view")
        elif view.action == "create" and view.resource.scope == "cluster":
            view.require("create")
        return True


@dataclass(frozen=True, slots=True)
class Done:
    """What a write came to. `tenants` are those whose intent it changed; `whole` says that `data` is the object as a
    read of it would answer."""

    data: Any
    status: int = status.HTTP_200_OK
    tenants: Sequence[Any] = ()
    headers: dict[str, str] = field(default_factory=dict)
    whole: bool = False


class Writes:
    """The frame of every write of the API, whatever does it: one transaction, undone at its end for a dry run."""

    request: Any

    def write(self, run: Callable[[], Done]) -> Response:
        """The answer to what `run` did. `?dry_run=true`: the same checks and the same answer, with what it would touch
        beside it, and nothing is stored."""
        only(self.request, "dry_run")  # A misspelt one would store what was only to be tried.
        dry = flag(self.request, "dry_run")
        with transaction.atomic():
            done = run()
            data, headers = done.data, {**done.headers, **self.progress(done.tenants)}
            if done.whole:
                headers["ETag"] = etag_of(data)
            if dry:
                data = {**({"results": data} if isinstance(data, list) else data or {}), "touches": self.touches(done)}
                transaction.set_rollback(True)
        empty = done.status == status.HTTP_204_NO_CONTENT
        return Response(data, status.HTTP_200_OK if dry and empty else done.status, headers=headers)

    def once(self, run: Callable[[], Response]) -> Response:
        """Hook: run it, or answer what it answered when the same was asked for before (Idempotency-Key)."""
        return run()

    def progress(self, tenants: Sequence[Any]) -> dict[str, str]:
        """Hook: headers that say which generation a write made and where to see how far it is live."""
        return {}

    def touches(self, done: Done) -> dict[str, Any]:
        """Hook: what a write would change on nodes. Asked within its transaction."""
        return {}


class ResourceViewSet(Writes, GenericViewSet[Any]):
    """List, read, create, change and delete objects of `resource`, as far as it has the verbs.

    Rows are those `visible_to` the person: everything else is 404, whatever it is. A change answers the object as it
    is afterwards; PUT wants every required field, PATCH only what changes.
    """

    resource: ClassVar[Resource]
    lookup_value_regex = "[0-9]+"
    filter_backends = (DjangoFilterBackend, SearchFilter, Ordering)
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
        """Hook: who the record says it was."""
        raise NotImplementedError

    def require(self, action: str, row: Any = None, tenant: Any = None) -> None:
        """Hook: raise unless the person may do this to the row, or in the tenant."""
        raise NotImplementedError

    def lock(self, tenants: Sequence[Any], rows: Sequence[Any] = ()) -> None:
        """Hook: nobody else changes what these tenants own, nor these rows, before the end of the transaction."""

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

    # --- reading

    def list(self, request: Request) -> Response:
        wanted = self._fields()
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        form: Any = self.get_serializer(page, many=True)
        for name in set(form.child.fields) - wanted if wanted else ():
            form.child.fields.pop(name)
        return self.get_paginated_response(form.data)

    def retrieve(self, request: Request, pk: str) -> Response:
        wanted, data = self._fields(), self.get_serializer(self.find(pk)).data
        tag = etag_of(data)
        if has_it_already(request, tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        shown = {name: value for name, value in data.items() if not wanted or name in wanted}
        return Response(shown, headers={"ETag": tag})

    # --- writing

    def create(self, request: Request) -> Response:
        return self.once(lambda: self.write(lambda: self.make(request.data)))

    def update(self, request: Request, pk: str, partial: bool = False) -> Response:
        return self.write(lambda: self.alter(pk, request.data, partial, request.headers.get("If-Match")))

    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk, partial=True)

    def destroy(self, request: Request, pk: str) -> Response:
        return self.write(lambda: self.remove(pk, request.headers.get("If-Match")))

    def make(self, body: Any) -> Done:
        given = self.read(self.get_serializer(data=body))
        row = self.resource.create(actor=self.actor(), **given)  # type: ignore[misc]
        return self.made(row)

    def made(self, row: Any, **secret: str) -> Done:
        """What the making of a row answers, with what is said this once only."""
        headers = {"Location": f"{self.reverse_action('list', request=None)}{row.pk}/"}
        data = {**self.shown(row), **secret}
        return Done(data, 201, [self.tenant_of(row)], headers, whole=not secret)

    def alter(self, pk: str, body: Any, partial: bool, if_match: str | None) -> Done:
        row = self.find(pk)
        tenant = self.tenant_of(row)
        self.require("update", row, tenant)
        self.unless_changed(row, tenant, if_match)
        form = self.get_serializer(row, data=body, partial=partial, context=self.context_of(tenant))
        require_types(form)
        form.is_valid(raise_exception=True)
        given = {name: value for name, value in form.validated_data.items() if name != "tenant"}
        row = self.resource.update(actor=self.actor(), row=row, **given)  # type: ignore[misc]
        return Done(self.shown(row), tenants=[tenant], whole=True)

    def remove(self, pk: str, if_match: str | None) -> Done:
        row = self.find(pk)
        tenant = self.tenant_of(row)
        self.require("delete", row, tenant)
        self.unless_changed(row, tenant, if_match)
        self.resource.delete(actor=self.actor(), row=row)  # type: ignore[misc]
        return Done(None, status.HTTP_204_NO_CONTENT, [tenant])

    def unless_changed(self, row: Any, tenant: Any, if_match: str | None) -> None:
        """What If-Match is compared with stays so until the write is done."""
        if if_match is not None:
            self.lock([tenant], [row])
            require_match(if_match, self.shown(row))

    def find(self, pk: str) -> Any:
        return get_object_or_404(self.get_queryset(), pk=pk)

    def read(self, form: BaseSerializer[Any]) -> dict[str, Any]:
        """What is asked for, as arguments of the create verb. Whether she may comes before what is wrong with it."""
        if self.resource.scope == "cluster":
            self.require("create")
        require_types(form)
        valid = form.is_valid()
        tenant = form.context.get("tenant")
        if self.resource.scope == "tenant" and tenant is not None:
            self.require("create", tenant=tenant)
        if not valid:
            raise ValidationError(dict(form.errors))
        return {**form.validated_data, **({"tenant": tenant} if tenant is not None else {})}

    def shown(self, row: Any) -> Any:
        """The row as the API answers it, read anew with what it is shown with; 404 when it went meanwhile."""
        return self.get_serializer(self.find(row.pk)).data

    def context_of(self, tenant: Any) -> dict[str, Any]:
        return {**self.get_serializer_context(), "tenant": tenant}

    def _fields(self) -> set[str]:
        """The fields asked for; empty for all."""
        asked = {name.strip() for name in self.request.query_params.get("fields", "").split(",")} - {""}
        form: Any = self.get_serializer()
        known = [name for name, each in form.fields.items() if not each.write_only]
        if wrong := sorted(asked - set(known)):
            raise BadParameter({"fields": f"There is no field {wrong[0][:60]}. There are: {', '.join(known)}."})
        return asked

    def _refuse_unknown_parameters(self) -> None:
        """A misspelt filter would quietly answer everything."""
        known = {*OF_LISTS, *self.filterset_class.base_filters}
        if wrong := sorted(set(self.request.query_params) - known):
            there = f"There is no such filter. There are: {', '.join(sorted(known))}."
            raise BadParameter(dict.fromkeys(wrong, there), "filter")
        require_values(self.filterset_class.base_filters, self.request.query_params)
