"""One tenant on two nodes, as small as shows everything: two networks of both families, three groups, rates, rules."""

from __future__ import annotations

from dataclasses import replace

from core import ids
from core.compile import compile_tenant
from core.model import (
    TCP,
    BandwidthProfile,
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
from core.render import NodeFacts, render
from core.spec import Item
from core.state import KernelObject, Key

TENANT = 7
WEB, DB, CLIENT = 1, 2, 3
NODES = (Node(1, "node-1", "192.0.2.1"), Node(2, "node-2", "192.0.2.2"))
FACTS = {node.id: NodeFacts(node.vtep, "up0", 1500) for node in NODES}
FIRST, SECOND = "20.1.1.0/24", "20.1.2.0/24"
#: web-1 and db-2 on node 1, web-3 and db-4 on node 2; client-5 and client-6 of the other network, one on each.
PLACES = {11: (WEB, 1, 1), 12: (DB, 1, 1), 13: (WEB, 1, 2), 14: (DB, 1, 2), 15: (CLIENT, 2, 1), 16: (CLIENT, 2, 2)}


def endpoint(number: int, group: int | None, network: int, node: int) -> Endpoint:
    ip4 = f"20.1.{network}.{number}"
    return Endpoint(number, f"e{number}", network, ids.endpoint_mac(ip4), group, node, ip4, f"fd0{network}::{number:x}")


def intent(default: str = "allow") -> TenantIntent:
    """db takes 5432 from web and nothing else; a client has 10 Mbit/s and marks its packets."""
    allow = Rule(101, "in", 10, "allow", Peer("group", WEB), TCP, (PortRange(5432, 5433),))
    ping = Rule(103, "in", 10, "allow", Peer("network", 1), 1)
    deny = Rule(102, "in", 1, "deny", Peer("any"))
    return TenantIntent(
        TENANT,
        "blue",
        1,
        default,  # type: ignore[arg-type]
        networks=(
            Network(1, "first", "vxlan", 3280, FIRST, "20.1.1.254", "fd01::/64", "fd01::ff"),
            Network(2, "second", "vxlan", 3281, SECOND, "20.1.2.254", "fd02::/64", "fd02::ff"),
        ),
        groups=(EndpointGroup(WEB, "web", 1), EndpointGroup(DB, "db", 1), EndpointGroup(CLIENT, "client", 2, 1)),
        endpoints=tuple(endpoint(number, *place) for number, place in PLACES.items()),
        policies=(Policy(1, "db", (DB,), (allow, deny, ping)),),
        profiles=(BandwidthProfile(1, "slow", 10_000_000, 0, 46),),
        nodes=NODES,
    )


def with_rules(tenant: TenantIntent, *rules: Rule) -> TenantIntent:
    """The same tenant with these rules for its db group."""
    return replace(tenant, policies=(replace(tenant.policies[0], rules=rules),))


def moved(tenant: TenantIntent, number: int, node: int) -> TenantIntent:
    endpoints = tuple(replace(e, node_id=node) if e.id == number else e for e in tenant.endpoints)
    return replace(tenant, endpoints=endpoints)


def items(tenant: TenantIntent, node: int = 1) -> tuple[Item, ...]:
    return compile_tenant(tenant)[node]


def here(tenant: TenantIntent, node: int = 1) -> list[Endpoint]:
    return [e for e in tenant.endpoints if e.node_id == node]


def desired(tenant: TenantIntent, attached: list[int], node: int = 1) -> dict[Key, KernelObject]:
    return render(items(tenant, node), attached, FACTS[node])
