"""Which kinds of objects a document holds, in the order in which they can be made, and how each is told apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import models
from rest_framework import serializers

from contivui.web.fields import Ref, Refs
from contivui.web.resource import Resource
from networks.resources import ENDPOINT, GROUP, NETWORK, NODE, RESERVATION
from policies.resources import POLICY, PROFILE
from routing.resources import ACI_GATEWAY, APP_PROFILE, BGP_PEER, CONTRACT_GROUP, SERVICE
from tenants.resources import TENANT
from transfer.document import Item, without_empty


class Everyone:
    """Who carries things over sees everything: serializers ask `visible_to` of somebody."""

    is_authenticated = True
    is_active = True
    is_superuser = True


class Request:
    user = Everyone()


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind. `key` are the fields that tell one object from another within its tenant."""

    resource: Resource
    key: tuple[str, ...] = ("name",)

    @property
    def name(self) -> str:
        return self.resource.plural

    @cached_property
    def fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """What can be given to its verbs."""
        found = self.resource.serializer(context=self.context(None)).fields  # type: ignore[attr-defined]
        return {name: field for name, field in found.items() if not field.read_only and name != "tenant"}

    def context(self, tenant: models.Model | None) -> dict[str, Any]:
        """A fresh one for each object: serializers remember in it what they looked up."""
        return {"request": Request(), **({"tenant": tenant} if tenant else {})}

    def rows(self, **where: Any) -> models.QuerySet[Any]:
        found: models.QuerySet[Any] = self.resource.model._default_manager.filter(**where)
        return found.select_related(*self.resource.select).prefetch_related(*self.resource.prefetch)

    def items(self, rows: Iterable[Any]) -> list[Item]:
        """Rows as items, in the order of their keys."""
        return sorted(map(self.item, rows), key=self.key_of)

    def item(self, row: Any) -> Item:
        """A row as its verbs would be given it, other objects by name."""
        shown = self.resource.serializer(row, context=self.context(None)).data
        return without_empty({name: named(field, shown[name]) for name, field in self.fields.items()})

    def key_of(self, item: Item) -> tuple[str, ...]:
        return tuple(str(item.get(field, "")) for field in self.key)

    def empty(self, field: str) -> Any:
        """What a field that an item leaves out is set to."""
        found = self.fields[field]
        if isinstance(found, serializers.DictField):
            return {}
        if isinstance(found, Refs | serializers.ListField):
            return []
        return None if found.allow_null else ""


def named(field: serializers.Field[Any, Any, Any, Any], shown: Any) -> Any:
    if isinstance(field, Refs):
        return sorted(one["name"] for one in shown)
    if isinstance(field, Ref) and shown is not None:
        return shown["name"]
    if isinstance(field, serializers.DictField):
        return dict(sorted(shown.items()))  # Databases keep keys in different orders.
    return shown


TENANTS = Kind(TENANT)
NODES = Kind(NODE)
POLICIES = Kind(POLICY)
RESERVATIONS = Kind(RESERVATION, ("network", "addresses"))
#: Of the cluster. There is one ACI gateway, so nothing tells it apart.
CLUSTER = (NODES, Kind(BGP_PEER), Kind(ACI_GATEWAY, ()))
#: Of a tenant, in the order in which they need each other.
OWNED = (
    Kind(NETWORK),
    RESERVATIONS,
    Kind(GROUP),
    Kind(PROFILE),
    POLICIES,
    Kind(APP_PROFILE),
    Kind(CONTRACT_GROUP),
    Kind(SERVICE),
    Kind(ENDPOINT),
)
