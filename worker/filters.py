"""What lists of what nodes report are narrowed by, beyond equal values."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django_filters import CharFilter  # type: ignore[import-untyped]

from contivui.web.fields import LARGEST_ID
from networks.models import Endpoint


class PartyFilter(CharFilter):  # type: ignore[misc]
    """Flows from or to an endpoint, or the endpoints of a group: `path` leads from an endpoint to what is named, by id
    (digits) or name. An address says who it was only within its tenant."""

    def __init__(self, path: str) -> None:
        super().__init__(label="Id or name: flows from it or to it")
        self.path = path

    def filter(self, qs: models.QuerySet[Any], value: str) -> models.QuerySet[Any]:
        if not value:
            return qs
        by_id = value.isascii() and value.isdigit()
        if by_id and int(value[:20]) > LARGEST_ID:
            return qs.none()
        named = {f"{self.path}pk": int(value)} if by_id else {f"{self.path}name": value}
        has = Q(*((ip, OuterRef(end)) for ip in ("ip4", "ip6") for end in ("source", "destination")), _connector=Q.OR)
        return qs.filter(Exists(Endpoint.objects.filter(has, tenant=OuterRef("tenant"), **named)))
