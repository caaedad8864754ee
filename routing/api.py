"""The API's side of services, application profiles, contract groups, BGP peers and the ACI gateway."""

from __future__ import annotations

from typing import Any

from routing.resources import ACI_GATEWAY, APP_PROFILE, BGP_PEER, CONTRACT_GROUP, SERVICE
from tenants.api import ObjectViewSet, viewset

VIEWSETS: dict[str, type[Any]] = {
    "services": viewset(SERVICE, ObjectViewSet),
    "app-profiles": viewset(APP_PROFILE, ObjectViewSet),
    "contract-groups": viewset(CONTRACT_GROUP, ObjectViewSet),
    "bgp-peers": viewset(BGP_PEER, ObjectViewSet),
    "aci-gateways": viewset(ACI_GATEWAY, ObjectViewSet),
}
