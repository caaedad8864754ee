"""Tenants and flows to try things on: small enough that rules meet, wide enough that every kind of peer is there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from core.model import (
    BandwidthProfile,
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

#: The same examples in every run: what a run of the tests says does not depend on luck.
repeatable = settings(max_examples=200, deadline=None, derandomize=True)

NETWORKS = (
    Network(1, "front", "vxlan", 100, "20.1.1.0/28", "20.1.1.1", "fd00:1::/124", "fd00:1::1"),
    Network(2, "back", "vxlan", 101, "20.1.2.0/28", "20.1.2.1", None, None),
)
GROUPS = (EndpointGroup(1, "web", 1), EndpointGroup(2, "db", 2, profile_id=9), EndpointGroup(3, "client", 1))
NODES = (Node(1, "alpha", "192.0.2.1"), Node(2, "beta", "192.0.2.2"), Node(3, "gamma", "192.0.2.3"))
PROFILE = BandwidthProfile(9, "slow", 10_000_000, 0, dscp=10)
ENDPOINTS = (
    Endpoint(1, "web-1", 1, "02:02:14:01:01:02", 1, 1, "20.1.1.2", "fd00:1::2"),
    Endpoint(2, "web-2", 1, "02:02:14:01:01:03", 1, 2, "20.1.1.3", None),
    Endpoint(3, "db-1", 2, "02:02:14:01:02:02", 2, 2, "20.1.2.2", None),
    Endpoint(4, "client-1", 1, "02:06:00:00:00:04", 3, 1, None, "fd00:1::4"),
    Endpoint(5, "loose", 1, "02:02:14:01:01:05", None, 1, "20.1.1.5", "fd00:1::5"),
    Endpoint(6, "unplaced", 1, "02:02:14:01:01:06", 1, None, "20.1.1.6", "fd00:1::6"),
)
BLUE = TenantIntent(7, "blue", 3, "allow", NETWORKS, GROUPS, ENDPOINTS, (), (PROFILE,), NODES)

ADDRESSES4 = [f"20.1.{network}.{host}" for network in (1, 2) for host in (1, 2, 3, 5, 6, 15)] + ["10.0.0.9"]
ADDRESSES6 = [f"fd00:1::{host}" for host in (1, 2, 4, 5, 6)] + ["fd00:9::9"]
RANGES = [
    "20.1.1.2/32",
    "20.1.1.0/29",
    "20.1.1.0/24",
    "20.1.1.2-20.1.1.5",
    "20.1.1.3-20.1.2.2",
    "10.0.0.0/8",
    "fd00:1::/125",
    "fd00:1::2-fd00:1::4",
    "::/0",
]
PROTOCOLS = [None, 1, 6, 17, 47, 58]

peers = st.one_of(
    st.just(Peer("any")),
    st.sampled_from([1, 2, 3, 99]).map(lambda id: Peer("group", id)),
    st.builds(
        lambda id, ranges: Peer("group", id, tuple(ranges)),
        st.sampled_from([1, 2, 3, 99]),
        st.lists(st.sampled_from(RANGES), min_size=1, max_size=2),
    ),
    st.sampled_from([1, 2, 99]).map(lambda id: Peer("network", id)),
    st.lists(st.sampled_from(RANGES), max_size=3).map(lambda ranges: Peer("address", ranges=tuple(ranges))),
    st.just(Peer("nothing")),
)
port_ranges = st.builds(
    lambda first, length: PortRange(first, min(first + length, 65535)),
    st.integers(1, 8) | st.just(65530),
    st.integers(0, 4) | st.just(65535),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A rule without an id of its own yet."""
    protocol = draw(st.sampled_from(PROTOCOLS))
    return Rule(
        id=0,
        direction=draw(st.sampled_from(["in", "out"])),
        priority=draw(st.sampled_from([1, 2, 100])),
        action=draw(st.sampled_from(["allow", "deny"])),
        peer=draw(peers),
        protocol=protocol,
        ports=tuple(draw(st.lists(port_ranges, max_size=3))) if protocol in (6, 17) else (),
        own=tuple(draw(st.just([]) | st.lists(st.sampled_from(RANGES), max_size=2))),
    )


@st.composite
def tenants(draw: st.DrawFn) -> TenantIntent:
    """The tenant blue with any policies and any default."""
    drawn = draw(st.lists(rules(), max_size=12))
    numbered = [replace(rule, id=id) for id, rule in enumerate(drawn, start=1)]
    cut = draw(st.integers(0, len(numbered)))
    groups = st.lists(st.sampled_from([1, 2, 3]), unique=True).map(tuple)
    policies = (
        Policy(1, "first", draw(groups), tuple(numbered[:cut])),
        Policy(2, "second", draw(groups), tuple(numbered[cut:])),
    )
    return replace(BLUE, default=draw(st.sampled_from(["allow", "deny"])), policies=policies)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow between members, gateways, strangers and unplaced endpoints, of either family."""
    addresses = draw(st.sampled_from([ADDRESSES4, ADDRESSES6]))
    protocol = draw(st.sampled_from([6, 17, 47, 1 if addresses is ADDRESSES4 else 58]))
    return Flow(
        source=draw(st.sampled_from(addresses)),
        destination=draw(st.sampled_from(addresses)),
        protocol=protocol,
        source_port=40000 if protocol in (6, 17) else None,
        destination_port=draw(st.integers(1, 12) | st.just(65535)) if protocol in (6, 17) else None,
    )
