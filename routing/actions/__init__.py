"""The verbs on services, application profiles, contract groups, BGP peers and the ACI gateway."""

from __future__ import annotations

from routing.actions.aci import create_gateway, delete_gateway, update_gateway
from routing.actions.app_profile import create_app_profile, delete_app_profile, update_app_profile
from routing.actions.bgp import create_bgp_peer, delete_bgp_peer, update_bgp_peer
from routing.actions.contracts import create_contract_group, delete_contract_group, update_contract_group
from routing.actions.service import create_service, delete_service, update_service

__all__ = [
    "create_app_profile",
    "create_bgp_peer",
    "create_contract_group",
    "create_gateway",
    "create_service",
    "delete_app_profile",
    "delete_bgp_peer",
    "delete_contract_group",
    "delete_gateway",
    "delete_service",
    "update_app_profile",
    "update_bgp_peer",
    "update_contract_group",
    "update_gateway",
    "update_service",
]
