"""Intents that measurements stand on."""

from __future__ import annotations

from core import ids
from core.model import (
    Direction,
    Endpoint,
    EndpointGroup,
    Network,
    Node,
    Peer,
    Policy,
    PortRange,
    Rule,
    TenantIntent,
)

DIRECTIONS: tuple[Direction, Direction] = ("in", "out")


def network() -> Network:
    return Network(1, "net", "vxlan", 4242, "20.0.0.0/8", "20.255.255.254")


def endpoint(number: int, node: int, group: int | None = None) -> Endpoint:
    """The `number`-th endpoint, at the `number`-th address of the network."""
    ip4 = f"20.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return Endpoint(number, f"e{number}", 1, ids.endpoint_mac(ip4), group, node, ip4)


def pair(nodes: tuple[Node, ...], tenant: int = 1, name: str = "pair") -> TenantIntent:
    """Two endpoints on two nodes, nothing forbidden, nothing limited."""
    first, second = nodes
    return TenantIntent(
        tenant, name, 1, "allow", (network(),), (), (endpoint(1, first.id), endpoint(2, second.id)), nodes=nodes
    )


def crowd(nodes: tuple[Node, ...], tenant: int, *, rules: int, members: int) -> TenantIntent:
    """The same two endpoints in a group under `rules` rules, in a tenant with `members` more group members on the
    second node. All rules but the last are of other ports; the last lets the measurement through."""
    first, second = nodes
    groups = (EndpointGroup(1, "measured", 1), EndpointGroup(2, "others", 1))
    pair_of = (endpoint(1, first.id, 1), endpoint(2, second.id, 1))
    others = tuple(endpoint(number, second.id, 2) for number in range(3, members + 3))
    return TenantIntent(
        tenant,
        "crowd",
        1,
        "deny",
        (network(),),
        groups,
        pair_of + others,
        (Policy(1, "measured", (1,), many_rules(rules)),),
        nodes=nodes,
    )


def many_rules(count: int) -> tuple[Rule, ...]:
    """`count` rules on tcp: `count - 2` that do not match the measurement, then one that lets it in and one out."""
    others = tuple(
        Rule(n, "in" if n % 2 else "out", 1 + n % 3, "allow", Peer("group", 2), 6, (PortRange(10_000 + n, 10_000 + n),))
        for n in range(1, count - 1)
    )
    through = tuple(
        Rule(count - 1 + i, direction, 1, "allow", Peer("group", 1), 6, (PortRange(5000, 5999),))
        for i, direction in enumerate(DIRECTIONS)
    )
    return others + through
