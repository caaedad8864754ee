"""Random tenants and random flows in them, from a seed: small enough to overlap all the time."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from core import ids
from core.model import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Endpoint,
    EndpointGroup,
    Flow,
    Network,
    Node,
    Peer,
    Policy,
    PortRange,
    Rule,
    TenantIntent,
)

#: Few ports, so that rules and flows meet; 90 stands between two ranges.
PORTS = (80, 81, 90, 443, 8000)
#: A number without a name, to see that rules on plain protocol numbers hold (RFC 3692: for experiments).
EXPERIMENT = 253
RANGES = ("20.1.1.0/30", "20.1.0.0/16", "20.1.1.2-20.1.1.3", "20.1.2.1", "0.0.0.0/0", "fd01::/64", "fd02::1", "::/0")
GROUPS = (1, 2, 3)
#: A group and a network that are nobody's: such a peer must match nothing.
NOBODY = 99


def tenant(nodes: tuple[Node, ...]) -> TenantIntent:
    """Two networks of both families; three groups and an endpoint in none, everywhere on both nodes."""
    networks = tuple(
        Network(n, f"net{n}", "vxlan", 100 + n, f"20.1.{n}.0/24", f"20.1.{n}.254", f"fd0{n}::/64", f"fd0{n}::ff")
        for n in (1, 2)
    )
    places = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (1, None), (2, None)]
    endpoints = tuple(
        Endpoint(
            id=number,
            name=f"e{number}",
            network_id=network,
            mac=ids.endpoint_mac(f"20.1.{network}.{number}"),
            group_id=group,
            node_id=nodes[number % len(nodes)].id,
            ip4=f"20.1.{network}.{number}",
            ip6=f"fd0{network}::{number}",
        )
        for number, (network, group) in enumerate(places, 1)
    )
    groups = tuple(EndpointGroup(g, f"group{g}", 1) for g in GROUPS)
    return TenantIntent(1, "chance", 1, "allow", networks, groups, endpoints, nodes=nodes)


def with_policies(intent: TenantIntent, random: Random) -> TenantIntent:
    """Another default and other rules for the same endpoints."""
    rules = [_rule(number, random) for number in range(1, random.randint(2, 14))]
    policies = tuple(
        Policy(
            number,
            f"policy{number}",
            tuple(random.sample(GROUPS, random.randint(1, 3))),
            tuple(rule for rule in rules if rule.id % 2 == number % 2),
        )
        for number in (1, 2)
    )
    default = random.choice(("allow", "deny"))
    return replace(intent, generation=intent.generation + 1, default=default, policies=policies)


def _rule(number: int, random: Random) -> Rule:
    protocol = random.choice((None, None, TCP, TCP, TCP, UDP, UDP, ICMP, EXPERIMENT))
    return Rule(
        id=number,
        direction=random.choice(("in", "out")),
        priority=random.choice((1, 5, 10)),
        action=random.choice(("allow", "deny")),
        peer=_peer(random),
        protocol=protocol,
        ports=_ports(random) if protocol in (TCP, UDP) else (),
        own=tuple(random.sample(RANGES, random.randint(1, 2))) if random.random() < 0.3 else (),
    )


def _peer(random: Random) -> Peer:
    kind = random.choice(("any", "group", "group", "network", "address", "address"))
    if kind == "group":
        narrowed = tuple(random.sample(RANGES, 2)) if random.random() < 0.3 else ()
        return Peer("group", random.choice((*GROUPS, *GROUPS, NOBODY)), narrowed)
    if kind == "network":
        return Peer("network", random.choice((1, 2, NOBODY)))
    if kind == "address":
        return Peer("address", ranges=tuple(random.sample(RANGES, random.randint(1, 2))))
    return Peer("any")


def _ports(random: Random) -> tuple[PortRange, ...]:
    return random.choice(
        (
            (),
            (PortRange(80, 80),),
            (PortRange(80, 81), PortRange(443, 443)),
            (PortRange(1, 100),),
            (PortRange(8000, 65535),),
        )
    )


def flows(intent: TenantIntent, random: Random, count: int) -> list[tuple[Endpoint, Endpoint, Flow]]:
    """Flows to be sent at the same time. Without ports the two ways between two addresses are one connection, of which
    the one way is the answer to the other: of such only one way is asked."""
    asked: list[tuple[Endpoint, Endpoint, Flow]] = []
    spoken: set[tuple[str, str]] = set()
    while len(asked) < count:
        one = _flow(intent, random)
        ends = (one[2].source, one[2].destination)
        if one[2].protocol == EXPERIMENT:
            if ends[::-1] in spoken:
                continue
            spoken.add(ends)
        asked.append(one)
    return asked


def _flow(intent: TenantIntent, random: Random) -> tuple[Endpoint, Endpoint, Flow]:
    """From one endpoint to another of the tenant, in either family."""
    source, destination = random.sample(intent.endpoints, 2)
    six = random.random() < 0.4
    protocol = random.choice((TCP, TCP, UDP, UDP, ICMPV6 if six else ICMP, EXPERIMENT))
    port = random.choice(PORTS) if protocol in (TCP, UDP) else None
    addresses = (source.ip6, destination.ip6) if six else (source.ip4, destination.ip4)
    return source, destination, Flow(addresses[0] or "", addresses[1] or "", protocol, None, port)
