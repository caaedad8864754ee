"""Would this packet arrive? Asked of the fake, which walks the objects that the kernel would be given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.kernel.fake import Kernel
from agent.kernel.fake_fabric import Fabric, Packet, opening
from agent.kernel.interface import Attachment
from agent.tests.kernel.cases import (
    NODES,
    TENANT,
    desired,
    endpoint,
    here,
    intent,
    moved,
    with_rules,
)
from core.diff import diff
from core.model import ICMP, ICMPV6, TCP, UDP, Endpoint, Flow, Peer, PortRange, Rule, TenantIntent
from core.plan import plan

ONLY_5432 = (
    Rule(104, "in", 10, "allow", Peer("group", 1), TCP, (PortRange(5432, 5432),)),
    Rule(102, "in", 1, "deny", Peer("any")),
)


class Data:
    """Two fake nodes that carry a tenant."""

    def __init__(self, tenant: TenantIntent) -> None:
        self.kernels = {node.vtep: Kernel() for node in NODES}
        self.fabric = Fabric(self.kernels)
        self.bring(tenant)

    def bring(self, tenant: TenantIntent) -> None:
        for node in NODES:
            kernel, mine = self.kernels[node.vtep], here(tenant, node.id)
            for gone in kernel.attached(TENANT) - {one.id for one in mine}:
                kernel.detach(TENANT, gone)
            self._apply(kernel, tenant, node.id, [])
            for one in mine:
                kernel.attach(TENANT, plug(one))
            self._apply(kernel, tenant, node.id, [one.id for one in mine])

    @staticmethod
    def _apply(kernel: Kernel, tenant: TenantIntent, node: int, attached: list[int]) -> None:
        attached = attached or sorted(kernel.attached(TENANT))
        kernel.apply(TENANT, plan(diff(desired(tenant, attached, node), kernel.observe(TENANT))))

    def arrives(self, source: int, flow: Flow) -> bool:
        return self.fabric.send(TENANT, source, opening(flow)).arrived

    def talks(self, source: int, flow: Flow) -> bool:
        return self.fabric.converse(TENANT, source, flow)


def plug(one: Endpoint) -> Attachment:
    network = one.network_id
    return Attachment(
        one.id, "/", one.mac, "eth0", f"{one.ip4}/24", f"20.1.{network}.254", f"{one.ip6}/64", f"fd0{network}::ff"
    )


def flow(source: str, destination: str, port: int | None, protocol: int = TCP) -> Flow:
    return Flow(source, destination, protocol, None, port)


@pytest.fixture
def data() -> Data:
    return Data(intent())


@pytest.mark.parametrize(
    ("source", "there"), [("20.1.1.11", "20.1.1.12"), ("20.1.1.11", "20.1.1.14"), ("fd01::b", "fd01::e")]
)
def test_an_allowed_connection_passes_both_ways(data: Data, source: str, there: str) -> None:
    assert data.talks(11, flow(source, there, 5432))


@pytest.mark.parametrize("there", ["20.1.1.12", "20.1.1.14"])
def test_what_no_rule_allows_is_denied(data: Data, there: str) -> None:
    assert not data.arrives(11, flow("20.1.1.11", there, 80))
    assert not data.arrives(11, flow("20.1.1.11", there, 5432, UDP))
    assert not data.arrives(15, flow("20.1.2.15", there, 5432))


def test_networks_of_a_tenant_are_routed_to_each_other(data: Data) -> None:
    assert data.talks(15, flow("20.1.2.15", "20.1.1.13", 80))
    assert data.talks(15, flow("fd02::f", "fd01::d", 80))


def test_an_echo_is_judged_in_both_families(data: Data) -> None:
    assert data.talks(11, flow("20.1.1.11", "20.1.1.14", None, ICMP))
    assert data.talks(11, flow("fd01::b", "fd01::e", None, ICMPV6))
    assert not data.talks(15, flow("20.1.2.15", "20.1.1.14", None, ICMP))


def test_a_new_rule_cuts_what_it_forbids_and_nothing_else(data: Data) -> None:
    kept, cut = flow("20.1.1.11", "20.1.1.14", 5432), flow("20.1.1.11", "20.1.1.14", 5433)
    assert data.talks(11, kept) and data.talks(11, cut)
    data.bring(with_rules(intent(), *ONLY_5432))
    assert data.fabric.send(TENANT, 11, replace(opening(kept), opening=False)).arrived
    assert not data.fabric.send(TENANT, 11, replace(opening(cut), opening=False)).arrived
    assert data.fabric.send(TENANT, 14, opening(kept).answer).arrived
    assert not data.fabric.send(TENANT, 14, opening(cut).answer).arrived


def test_an_answer_may_be_the_first_packet_after_a_change(data: Data) -> None:
    running = flow("20.1.1.11", "20.1.1.14", 5432)
    assert data.talks(11, running)
    data.bring(with_rules(intent(), *ONLY_5432))
    assert data.fabric.send(TENANT, 14, opening(running).answer).arrived


def test_a_segment_of_an_unknown_connection_is_no_new_connection(data: Data) -> None:
    answer = opening(flow("20.1.1.11", "20.1.1.14", 5432)).answer
    assert not data.fabric.send(TENANT, 14, answer).arrived


def test_an_endpoint_uses_only_its_own_addresses(data: Data) -> None:
    own = opening(flow("20.1.1.13", "20.1.1.11", 80))
    assert data.fabric.send(TENANT, 13, own).arrived
    assert "addresses" in data.fabric.send(TENANT, 13, replace(own, source="20.1.1.14")).why
    assert "addresses" in data.fabric.send(TENANT, 13, replace(own, mac="02:02:14:01:01:0e")).why
    counters = data.kernels["192.0.2.2"].counters(TENANT)
    assert counters.spoofed == 2


def test_a_moved_endpoint_is_found_where_it_is_now(data: Data) -> None:
    data.bring(moved(intent(), 14, 1))
    fate = data.fabric.send(TENANT, 13, opening(flow("20.1.1.13", "20.1.1.14", 5432)))
    assert fate.endpoint == 14
    assert data.fabric.home(TENANT, 14)[0] == "192.0.2.1"


def test_a_limited_endpoint_sends_and_gets_through_its_rate(data: Data) -> None:
    sent = data.fabric.send(TENANT, 15, opening(flow("20.1.2.15", "20.1.2.16", 80)))
    assert sent.limits == (10_000_000, 10_000_000)
    assert data.fabric.send(TENANT, 11, opening(flow("20.1.1.11", "20.1.1.13", 80))).limits == ()


def test_hits_are_counted_once_and_by_rule(data: Data) -> None:
    assert data.talks(11, flow("20.1.1.11", "20.1.1.14", 5432))
    hits = [kernel.counters(TENANT).rules.get(101, (0, 0))[0] for kernel in data.kernels.values()]
    assert hits == [0, 1]


def test_a_denied_packet_is_sampled_where_it_is_dropped(data: Data) -> None:
    log = data.kernels["192.0.2.2"].denied_log(TENANT)
    assert not data.arrives(11, flow("20.1.1.11", "20.1.1.14", 80))
    (denied,) = log.read()
    assert (denied.source, denied.destination, denied.destination_port) == ("20.1.1.11", "20.1.1.14", 80)
    log.close()


def test_an_endpoint_in_no_group_is_under_the_default(data: Data) -> None:
    lonely = endpoint(17, None, 1, 2)
    for default, wanted in (("allow", True), ("deny", False)):
        tenant = intent(default)
        data.bring(replace(tenant, endpoints=(*tenant.endpoints, lonely)))
        assert data.arrives(13, flow("20.1.1.13", "20.1.1.17", 80)) is wanted


def test_broadcast_and_multicast_do_not_pass(data: Data) -> None:
    for destination in ("20.1.1.255", "224.0.0.5", "255.255.255.255"):
        packet = Packet("20.1.1.11", destination, UDP, 5000, 5000)
        assert not data.fabric.send(TENANT, 11, packet).arrived
