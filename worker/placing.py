"""What an agent may ask for: that an endpoint of a given name lives on its own node, or no longer does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from networks.actions import place_endpoint, release_endpoint
from networks.models import Endpoint, Node
from tenants.change import Actor
from worker import wake

Verb = Callable[[Actor, Node, Mapping[str, Any]], dict[str, Any] | None]


def kept(verb: Verb, actor: Actor, node: Node, message: Mapping[str, Any]) -> tuple[dict[str, Any] | None, set[int]]:
    """What `verb` answers, and the tenants that are to be published because of it."""
    with wake.kept() as tenants:
        return verb(actor, node, message), tenants


def place(actor: Actor, node: Node, message: Mapping[str, Any]) -> dict[str, Any]:
    """Make or move an endpoint to this node. Answers what the agent needs to plug it in."""
    endpoint = place_endpoint(
        actor=actor,
        node=node,
        tenant=str(message["tenant"]),
        network=str(message.get("network") or ""),
        group=str(message.get("group") or ""),
        name=str(message["name"]),
        ip4=str(message.get("ip4") or ""),
        ip6=str(message.get("ip6") or ""),
    )
    return described(endpoint)


def release(actor: Actor, node: Node, message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The endpoint is no longer on this node. One that lives elsewhere by now, or nowhere, is left alone."""
    endpoint = Endpoint.objects.filter(pk=int(message["endpoint"]), node=node).first()
    if endpoint is None:
        return None
    return described(release_endpoint(actor=actor, row=endpoint, node=node))


def described(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.pk,
        "name": endpoint.name,
        "tenant": endpoint.tenant_id,
        "network": endpoint.network_id,
        "mac": endpoint.mac,
        "ip4": endpoint.ip4 or "",
        "ip6": endpoint.ip6 or "",
    }
