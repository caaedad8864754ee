"""Quotas of a tenant in a document: under one word, beside what the tenant is and what it owns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ValidationError

from tenants import quotas
from tenants.models import Tenant
from tenants.serializers import LimitsSerializer
from transfer.document import Item, without_empty

QUOTA = "quota"
#: By the names of tenants.quotas; None: any number.
Limits = Mapping[str, int | None]


def written(row: Tenant) -> Item:
    """The tenant's limits under their word; nothing where it has none."""
    return without_empty({QUOTA: {name: row.limits[name] for name in quotas.NAMES if name in row.limits}})


def read(said: Any) -> Limits:
    """Limits as a document says them. Raises ValidationError naming what is none."""
    if not isinstance(said, dict):
        raise ValidationError({QUOTA: ["Write limits by their names, for example networks: 10."]})
    if unknown := said.keys() - set(quotas.NAMES):
        says = f"There is no such quota. There are: {', '.join(quotas.NAMES)}."
        raise ValidationError({str(name): [says] for name in sorted(unknown, key=str)})
    form = LimitsSerializer(data=said)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def wider(said: Any, has: Limits) -> Limits:
    """Of the limits there are, those that a document raises or takes away, as they are to be."""
    wants = said if isinstance(said, dict) else has
    changed = {name: wants.get(name) for name in quotas.NAMES if name in has and wants.get(name) != has[name]}
    return {
        name: new for name, new in changed.items() if new is None or (isinstance(new, int) and new > (has[name] or 0))
    }
