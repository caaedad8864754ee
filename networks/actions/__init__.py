"""The verbs on networks, reservations, groups, endpoints, nodes and the fabric, and those by which machines join.
All keyword-only, each inside tenants.change."""

from __future__ import annotations

from networks.actions.endpoint import (
    create_endpoint,
    delete_endpoint,
    place_endpoint,
    release_endpoint,
    update_endpoint,
)
from networks.actions.fabric import update_fabric
from networks.actions.group import create_group, delete_group, update_group
from networks.actions.join_token import end_join_token, make_join_token
from networks.actions.joining import join_node, renew_certificate, revoke_node
from networks.actions.knock import TurnedAway, turn_away
from networks.actions.network import create_network, delete_network, update_network
from networks.actions.network import recorded as recorded_network
from networks.actions.node import add_node, create_node, delete_node, hold_nodes, update_node
from networks.actions.reservation import create_reservation, delete_reservation, reserve_next, update_reservation

__all__ = [
    "TurnedAway",
    "add_node",
    "create_endpoint",
    "create_group",
    "create_network",
    "create_node",
    "create_reservation",
    "delete_endpoint",
    "delete_group",
    "delete_network",
    "delete_node",
    "delete_reservation",
    "end_join_token",
    "hold_nodes",
    "join_node",
    "make_join_token",
    "place_endpoint",
    "recorded_network",
    "release_endpoint",
    "renew_certificate",
    "reserve_next",
    "revoke_node",
    "turn_away",
    "update_endpoint",
    "update_fabric",
    "update_group",
    "update_network",
    "update_node",
    "update_reservation",
]
