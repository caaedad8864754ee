"""The proof expects nothing to pass where there is no way, whatever rules say."""

from __future__ import annotations

from core.model import Endpoint, Network, Node, TenantIntent
from launcher.expected import Question, Seat, Tenant

NETWORKS = (
    Network(1, "app", "vxlan", 1, "10.9.0.0/24", "10.9.0.254", "fd01::/64", "fd01::ff"),
    Network(2, "nogw", "vxlan", 2, "10.8.0.0/24", None, "fd02::/64", "fd02::ff"),
)
ENDPOINTS = (
    Endpoint(1, "f1", 1, "02:00:00:00:00:01", None, 1, "10.9.0.2", "fd01::2"),
    Endpoint(2, "f2", 1, "02:00:00:00:00:02", None, 1, "10.9.0.3", "fd01::3"),
    Endpoint(3, "l1", 2, "02:00:00:00:00:03", None, 1, "10.8.0.2", "fd02::2"),
    Endpoint(4, "l2", 2, "02:00:00:00:00:04", None, 1, "10.8.0.3", "fd02::3"),
)
INTENT = TenantIntent(1, "blue", 1, "allow", NETWORKS, (), ENDPOINTS, nodes=(Node(1, "alpha", "192.0.2.1"),))


def questions() -> list[Question]:
    return list(Tenant(INTENT, [Seat(e.name, "blue", e) for e in ENDPOINTS]).questions())


def test_without_a_gateway_nothing_is_expected_across_networks() -> None:
    across = [q for q in questions() if q.source.endpoint.network_id != q.destination.endpoint.network_id]
    assert {(q.family, q.passes) for q in across} == {(4, False), (6, True)}
    assert {q.kind for q in across if q.family == 4} == {"icmp", "tcp denied", "udp"}


def test_within_a_network_none_is_needed() -> None:
    within = [q for q in questions() if q.source.endpoint.network_id == q.destination.endpoint.network_id]
    assert {(q.family, q.passes) for q in within} == {(4, True), (6, True)}
