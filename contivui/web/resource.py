"""What is uniform about a kind of object, declared once: its API, and what its screens need, are made from this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from rest_framework.serializers import BaseSerializer

#: A verb: keyword-only, returns the object (create, update) or None (delete). `create(actor=…, tenant=…, **fields)`,
#: `update(actor=…, row=…, **fields)`, `delete(actor=…, row=…)`. Raises ValidationError by field, or Refused.
Verb = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object. `name` is its word in URLs, API and messages ("network"); `plural` heads lists.

    `serializer` has a field per argument of the verbs, so that page and API validate the same way. `select` and
    `prefetch` are what a list needs to be a constant number of queries. `search` are look-up paths for full text,
    `filters` for exact values, `ordering` for sorting; `more_filters` makes filters that are no equality. `scope` is
    "tenant" or "cluster". A verb that is None is not offered anywhere. `hold`
    locks rows of the cluster in the order in which the verbs do; None: those rows alone.
    """

    model: type[models.Model]
    name: str
    plural: str
    serializer: type[BaseSerializer[Any]]
    create: Verb | None = None
    update: Verb | None = None
    delete: Verb | None = None
    search: tuple[str, ...] = ("name",)
    filters: tuple[str, ...] = ()
    more_filters: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    ordering: tuple[str, ...] = ("name",)
    select: tuple[str, ...] = ()
    prefetch: tuple[str, ...] = ()
    scope: str = "tenant"
    hold: Callable[[Sequence[Any]], object] | None = None
