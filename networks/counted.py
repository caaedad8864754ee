"""What quotas count of networks, groups and endpoints."""

from __future__ import annotations

from networks.models import Endpoint, EndpointGroup, Network
from tenants.quotas import measure


def register() -> None:
    measure("networks", ["network"], lambda tenant: Network.objects.filter(tenant=tenant).count())
    measure("groups", ["group"], lambda tenant: EndpointGroup.objects.filter(tenant=tenant).count())
    measure("endpoints", ["endpoint"], lambda tenant: Endpoint.objects.filter(tenant=tenant).count())
