from __future__ import annotations

from dataclasses import replace

import pytest

from core.model import ICMP, TCP, Endpoint, Flow, Network, Node, TenantIntent
from core.reach import Judge, Ways

NETWORKS = (
    Network(1, "app", "vxlan", 1, "10.9.0.0/24", "10.9.0.254", "fd01::/64", None),
    Network(2, "nogw", "vxlan", 2, "10.8.0.0/24", None, "fd02::/64", "fd02::ff"),
    Network(3, "db", "vxlan", 3, "10.7.0.0/24", "10.7.0.254", "fd03::/64", "fd03::ff"),
    # The prefix of app again, with another range: app has its gateway on the nodes, this one has none.
    Network(4, "twin", "vxlan", 4, "10.9.0.0/24", None),
    # Inside of it, and without a gateway.
    Network(5, "nested", "vxlan", 5, "10.7.0.128/25", None),
)
ENDPOINTS = (
    Endpoint(1, "f1", 1, "02:00:00:00:00:01", None, 1, "10.9.0.2", "fd01::2"),
    Endpoint(2, "f2", 1, "02:00:00:00:00:02", None, None, "10.9.0.3", "fd01::3"),
    Endpoint(3, "l1", 2, "02:00:00:00:00:03", None, 1, "10.8.0.2", "fd02::2"),
    Endpoint(4, "l2", 2, "02:00:00:00:00:04", None, 1, "10.8.0.3", "fd02::3"),
    Endpoint(5, "d1", 3, "02:00:00:00:00:05", None, 1, "10.7.0.2", "fd03::2"),
    Endpoint(6, "t1", 4, "02:00:00:00:00:06", None, 1, "10.9.0.100"),
    Endpoint(7, "t2", 4, "02:00:00:00:00:07", None, 1, "10.9.0.101"),
    Endpoint(8, "n1", 5, "02:00:00:00:00:08", None, 1, "10.7.0.130"),
)
INTENT = TenantIntent(1, "blue", 1, "allow", NETWORKS, (), ENDPOINTS, nodes=(Node(1, "alpha", "192.0.2.1"),))

NOGW = "Network nogw has no gateway of IPv4, so nothing gets across."
APP6 = "Network app has no gateway of IPv6, so nothing gets across."
TWIN = "Network twin shares addresses with app, which is the one of the two that nodes route, so nothing gets across."
NESTED = (
    "Network nested shares addresses with db, which is the one of the two that nodes route, so nothing gets across."
)


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("10.9.0.2", "10.9.0.3"),  # In one network, with a gateway or without, on a node or not.
        ("10.8.0.2", "10.8.0.3"),
        ("10.9.0.100", "10.9.0.101"),
        ("fd01::2", "fd01::3"),
        ("10.9.0.2", "10.7.0.2"),  # From one network to another, in a family in which both are routed.
        ("fd02::2", "fd03::2"),
        ("FD02:0::2", "fd03::2"),
        ("10.9.0.2", "10.9.0.254"),  # To the gateway, one's own and another's.
        ("10.9.0.2", "10.7.0.254"),
        ("10.9.0.2", "10.7.0.77"),  # To an address that could be somebody's.
    ],
)
def test_what_is_bridged_or_routed_has_a_way(source: str, destination: str) -> None:
    assert Ways(INTENT).missing(source, destination) is None


@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        ("10.9.0.2", "10.8.0.2", NOGW),
        ("10.8.0.2", "10.9.0.2", NOGW),
        ("10.8.0.2", "10.9.0.254", NOGW),
        ("10.8.0.2", "10.7.0.77", NOGW),
        ("fd01::2", "fd02::2", APP6),
        ("10.9.0.2", "10.9.0.100", TWIN),
        ("10.9.0.100", "10.7.0.2", TWIN),
        ("10.9.0.100", "10.9.0.254", TWIN),
        ("10.7.0.130", "10.7.0.2", NESTED),
    ],
)
def test_what_has_no_gateway_on_the_nodes_has_no_way_to_others(source: str, destination: str, why: str) -> None:
    assert str(Ways(INTENT).missing(source, destination)) == why


@pytest.mark.parametrize(("source", "destination"), [("10.9.0.2", "8.8.8.8"), ("8.8.8.8", "10.9.0.2")])
def test_a_tenant_has_no_way_out_and_none_in(source: str, destination: str) -> None:
    why = "8.8.8.8 is in no network of the tenant, and a tenant has no way out, so nothing gets across."
    assert str(Ways(INTENT).missing(source, destination)) == why


def test_a_flow_passes_where_policy_lets_it_and_there_is_a_way() -> None:
    judge = Judge(INTENT)
    across = judge.answer(Flow("10.9.0.2", "10.8.0.2", ICMP))
    assert (across.action, across.decision.action, str(across.no_way)) == ("deny", "allow", NOGW)
    inside = judge.answer(Flow("10.9.0.2", "10.9.0.3", TCP, None, 80))
    assert (inside.action, inside.no_way) == ("allow", None)
    denied = Judge(replace(INTENT, default="deny")).answer(Flow("10.9.0.2", "10.8.0.2", ICMP))
    assert (denied.action, denied.decision.action, str(denied.no_way)) == ("deny", "deny", NOGW)


@pytest.mark.parametrize("destination", ["255.255.255.255", "224.0.0.5", "10.8.0.255"])
def test_what_is_not_unicast_is_refused_for_that(destination: str) -> None:
    answer = Judge(INTENT).answer(Flow("10.9.0.2", destination, ICMP))
    assert (answer.action, answer.no_way) == ("deny", None)
    assert str(answer.decision.outgoing.reason).startswith("Only unicast")
