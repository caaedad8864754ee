"""What quotas count of services."""

from __future__ import annotations

from routing.models import Service
from tenants.quotas import measure


def register() -> None:
    measure("services", ["service"], lambda tenant: Service.objects.filter(tenant=tenant).count())
