"""What both kernels promise: the docstrings of agent/kernel/interface.py, one test for each."""

from __future__ import annotations

import select
from dataclasses import replace

import pytest

from agent.kernel.interface import ApplyError
from agent.tests.kernel.cases import TENANT, WEB, desired, endpoint, intent, moved, with_rules
from agent.tests.kernel.conftest import Bench
from core import ids
from core.diff import diff
from core.model import TCP, BandwidthProfile, Network, Peer, PortRange, Rule
from core.plan import Op, plan
from core.ruleset import Chain, Element, Set, chain
from core.state import Address, Namespace, Neighbour, Port, Tbf

#: One address, two, a whole prefix, a range that is none; of either family, and several at once.
ADDRESSES = [
    "20.1.1.12", "20.1.1.12/31", "20.1.1.0/24", "20.1.1.11-20.1.1.13", "0.0.0.0/0", "20.1.1.11 20.1.1.13-20.1.1.14",
    "fd01::c", "fd01::c/127", "fd01::/64", "fd01::b-fd01::d", "::/0", "fd01::b fd00::/32 20.1.1.12",
]  # fmt: skip


def readable(fileno: int) -> bool:
    return bool(select.select([fileno], [], [], 0)[0])


def test_what_was_applied_is_what_is_observed(bench: Bench) -> None:
    wanted = bench.realize(intent())
    delta = diff(wanted, bench.kernel.observe(TENANT))
    assert delta.empty, delta


def test_a_second_apply_does_nothing(bench: Bench) -> None:
    wanted = bench.realize(intent())
    assert bench.reach(wanted) == ()


@pytest.mark.parametrize("addresses", ADDRESSES)
@pytest.mark.parametrize("narrowed", ["peer", "own", "group"])
def test_rules_about_addresses_are_observed_as_they_were_applied(bench: Bench, addresses: str, narrowed: str) -> None:
    """The kernel prints one address, a prefix and a range each in its own way."""
    ranges = tuple(addresses.split())
    peer = {"peer": Peer("address", ranges=ranges), "own": Peer("any"), "group": Peer("group", WEB, ranges)}[narrowed]
    own = ranges if narrowed == "own" else ()
    wanted = bench.realize(with_rules(intent(), Rule(104, "in", 20, "allow", peer, TCP, (PortRange(443, 443),), own)))
    delta = diff(wanted, bench.kernel.observe(TENANT))
    assert delta.empty, delta
    assert bench.reach(wanted) == ()


def test_doing_it_twice_is_doing_it_once(bench: Bench) -> None:
    """Ops made from a wrong belief: everything is there already."""
    wanted = bench.realize(intent())
    bench.kernel.apply(TENANT, plan(diff(wanted, {})))
    assert bench.ops(wanted) == ()


def test_what_is_gone_already_may_be_deleted_again(bench: Bench) -> None:
    before = bench.realize(intent())
    after = bench.realize(moved(intent(), 12, 2))
    bench.kernel.apply(TENANT, plan(diff(after, before)))
    assert bench.ops(after) == ()


def test_rules_come_go_and_change_in_place(bench: Bench) -> None:
    bench.realize(intent())
    rules = (
        Rule(104, "in", 10, "allow", Peer("group", 1), TCP, (PortRange(5432, 5432),)),
        Rule(105, "out", 20, "deny", Peer("address", None, ("10.0.0.0/8", "20.1.2.7-20.1.2.9", "fd09::/16"))),
        Rule(106, "in", 30, "allow", Peer("any"), 132),
    )
    for step in (rules, rules[1:], rules[:2], (), rules):
        wanted = bench.realize(with_rules(intent(), *step))
        assert bench.ops(wanted) == ()


def test_a_change_of_default_is_a_change_of_a_few_chains(bench: Bench) -> None:
    bench.realize(intent())
    wanted = desired(intent("deny"), sorted(bench.kernel.attached(TENANT)))
    ops = bench.reach(wanted)
    assert {op.subject.key[-1] for op in ops} == {"current", "stamp", "default"}
    assert bench.ops(wanted) == ()


@pytest.mark.parametrize("number", [12, 14])
def test_an_endpoint_moves_from_node_to_node(bench: Bench, number: int) -> None:
    bench.realize(intent())
    for node in (1, 2, 1):
        tenant = moved(intent(), number, node)
        wanted = bench.realize(tenant)
        if node == 2 and number in bench.kernel.attached(TENANT):
            bench.kernel.detach(TENANT, number)
        assert bench.ops(wanted) == ()


def test_rate_and_mark_change_in_place(bench: Bench) -> None:
    bench.realize(intent())
    for rate, dscp in ((1_000_000, 46), (1_000_000_001, None), (123_456_789, 0), (10_000_000_000, 8)):
        tenant = replace(intent(), profiles=(BandwidthProfile(1, "slow", rate, 0, dscp),))
        wanted = bench.realize(tenant)
        assert any(isinstance(thing, Tbf) for thing in wanted.values())
        assert bench.ops(wanted) == ()


def test_a_limit_can_be_taken_away(bench: Bench) -> None:
    bench.realize(intent())
    tenant = intent()
    wanted = bench.realize(replace(tenant, groups=tuple(replace(g, profile_id=None) for g in tenant.groups)))
    assert bench.ops(wanted) == ()


def test_a_network_changes_its_tag_and_keeps_its_endpoints(bench: Bench) -> None:
    bench.realize(intent())
    tenant = intent()
    wanted = bench.realize(replace(tenant, networks=(replace(tenant.networks[0], tag=999), tenant.networks[1])))
    assert bench.ops(wanted) == ()


def test_networks_come_and_go(bench: Bench) -> None:
    full = intent()
    third = Network(3, "third", "vxlan", 3290, "20.1.3.0/25", "20.1.3.1")
    for networks in ((*full.networks, third), full.networks, (full.networks[0],), full.networks):
        known = {network.id for network in networks}
        tenant = replace(full, networks=networks, endpoints=tuple(e for e in full.endpoints if e.network_id in known))
        wanted = bench.realize(tenant)
        assert bench.ops(wanted) == ()


def test_an_endpoint_of_one_family_is_fine(bench: Bench) -> None:
    tenant = intent()
    wanted = bench.realize(replace(tenant, endpoints=(*tenant.endpoints, replace(endpoint(17, 1, 1, 1), ip6=None))))
    assert bench.ops(wanted) == ()


def test_what_nobody_wants_is_seen_and_swept(bench: Bench) -> None:
    wanted = bench.realize(intent())
    strangers = (
        Address("br1", "20.9.9.9/24"),
        Neighbour("br1", "20.1.1.99", "02:02:02:02:02:02"),
        Set("inet", "strange", "ipv4_addr"),
        Element("inet", "group4", "20.1.1.99", "77"),
        chain("inet", "stranger", ("drop",)),
    )
    bench.kernel.apply(TENANT, tuple(Op("create", new=thing) for thing in strangers))
    ops = bench.ops(wanted)
    assert {op.subject.key for op in ops} >= {thing.key for thing in strangers}
    assert {op.action for op in ops} == {"delete"}
    bench.reach(wanted)
    assert bench.ops(wanted) == ()


def test_a_tenant_that_goes_leaves_nothing(bench: Bench) -> None:
    bench.realize(intent())
    assert bench.kernel.tenants() == {TENANT}
    ops = plan(diff({}, bench.kernel.observe(TENANT)))
    assert ops == (Op("delete", old=Namespace()),)
    bench.kernel.apply(TENANT, ops)
    bench.kernel.apply(TENANT, ops)
    assert bench.kernel.tenants() == set()
    assert bench.kernel.observe(TENANT) == {}
    assert bench.kernel.attached(TENANT) == set()
    assert bench.kernel.counters(TENANT).endpoints == {}


def test_a_tenant_can_come_back(bench: Bench) -> None:
    for _ in range(2):
        wanted = bench.realize(intent())
        assert bench.ops(wanted) == ()
        bench.kernel.apply(TENANT, (Op("delete", old=Namespace()),))


def test_a_fresh_process_knows_its_own(bench: Bench) -> None:
    wanted = bench.realize(intent())
    again = bench.again()
    assert again.tenants() == {TENANT}
    assert again.attached(TENANT) == {11, 12, 15}
    assert diff(wanted, again.observe(TENANT)).empty


def test_a_refused_transaction_leaves_nft_as_it_was(bench: Bench) -> None:
    wanted = bench.realize(intent())
    good = Element("inet", "group4", "20.1.1.77", "1")
    bad = Element("inet", "no_such_set", "20.1.1.77", "1")
    with pytest.raises(ApplyError) as refused:
        bench.kernel.apply(TENANT, (Op("create", new=good), Op("create", new=bad)))
    assert refused.value.op == Op("create", new=bad)
    assert refused.value.reason.endswith(".")
    assert bench.ops(wanted) == ()


@pytest.mark.parametrize(
    "thing",
    [
        chain("inet", "stray", ("ip saddr @nowhere drop",)),
        chain("inet", "stray", ("goto nowhere",)),
        Element("inet", "egress4", "20.1.1.77", "jump nowhere"),
        Address("br99", "20.9.9.9/24"),
        Neighbour("br99", "20.1.1.99", "02:02:02:02:02:02"),
    ],
    ids=str,
)
def test_what_stands_on_nothing_is_refused(bench: Bench, thing: Chain | Element | Address | Neighbour) -> None:
    wanted = bench.realize(intent())
    with pytest.raises(ApplyError):
        bench.kernel.apply(TENANT, (Op("create", new=thing),))
    assert bench.ops(wanted) == ()


def test_overlapping_elements_of_a_layer_are_refused(bench: Bench) -> None:
    wanted = bench.realize(intent())
    layer = next(thing for thing in wanted.values() if isinstance(thing, Set) and thing.interval)
    peer = "1" if layer.type.startswith("mark") else "20.1.1.0/24"
    first, second = (Element("inet", layer.name, f"{peer} . 200 . {ports}") for ports in ("5-9", "7-12"))
    with pytest.raises(ApplyError):
        bench.kernel.apply(TENANT, (Op("create", new=first), Op("create", new=second)))
    assert bench.ops(wanted) == ()


def test_a_chain_in_use_cannot_go(bench: Bench) -> None:
    wanted = bench.realize(intent())
    with pytest.raises(ApplyError):
        bench.kernel.apply(TENANT, (Op("delete", old=wanted["chain", "inet", "deny"]),))
    assert bench.ops(wanted) == ()


def test_nothing_is_done_without_a_namespace(bench: Bench) -> None:
    with pytest.raises(ApplyError, match="no namespace"):
        bench.kernel.apply(TENANT, (Op("create", new=Address("br1", "20.1.1.1/24")),))
    with pytest.raises(ApplyError, match="no namespace"):
        bench.kernel.watch(TENANT)


def test_a_port_waits_until_it_is_wanted(bench: Bench) -> None:
    bench.realize(intent())
    bench.plug(endpoint(17, 1, 1, 1))
    assert 17 in bench.kernel.attached(TENANT)
    assert ("link", ids.port(17)) not in bench.kernel.observe(TENANT)


def test_plugging_in_twice_keeps_the_port(bench: Bench) -> None:
    wanted = bench.realize(intent())
    bench.plug(endpoint(11, 1, 1, 1))
    assert bench.ops(wanted) == ()


def test_an_endpoint_that_is_unplugged_takes_its_port_along(bench: Bench) -> None:
    wanted = bench.realize(intent())
    bench.kernel.detach(TENANT, 15)
    bench.kernel.detach(TENANT, 15)
    assert bench.kernel.attached(TENANT) == {11, 12}
    missing = {op.new for op in bench.ops(wanted) if op.action == "create"}
    assert any(isinstance(thing, Port) and thing.name == "ep15" for thing in missing)
    assert bench.ops(desired(intent(), [11, 12])) != ()
    bench.reach(desired(intent(), [11, 12]))
    assert bench.ops(desired(intent(), [11, 12])) == ()


def test_a_container_that_is_gone_cannot_be_plugged_in(bench: Bench) -> None:
    bench.realize(intent())
    bench.places[17] = "/run/bench/never-was"
    with pytest.raises(ApplyError, match="never-was"):
        bench.plug(endpoint(17, 1, 1, 1))
    assert 17 not in bench.kernel.attached(TENANT)


def test_a_watch_wakes_for_a_change_and_is_silent_after_draining(bench: Bench) -> None:
    bench.realize(intent())
    watch = bench.kernel.watch(TENANT)
    assert not readable(watch.fileno())
    assert not watch.drain()
    bench.kernel.apply(TENANT, (Op("create", new=Neighbour("br1", "20.1.1.99", "02:02:02:02:02:02")),))
    assert readable(watch.fileno())
    assert watch.drain()
    assert not readable(watch.fileno())
    watch.close()


def test_the_log_of_denied_packets_has_one_reader(bench: Bench) -> None:
    bench.realize(intent())
    log = bench.kernel.denied_log(TENANT)
    assert log.read() == []
    with pytest.raises(ApplyError):
        bench.kernel.denied_log(TENANT)
    log.close()
    bench.kernel.denied_log(TENANT).close()


def test_a_tagged_network_says_what_it_needs(bench: Bench) -> None:
    """Where the kernel can tag frames the network comes to be; where not, the reason names the module."""
    bench.realize(intent())
    tenant = intent()
    tagged = replace(tenant, networks=(*tenant.networks, Network(3, "tagged", "vlan", 33, "20.1.3.0/24", "20.1.3.1")))
    able = {feature.name: feature.present for feature in bench.kernel.features()}["8021q"]
    if able:
        assert bench.ops(bench.realize(tagged)) == ()
    else:
        with pytest.raises(ApplyError, match="8021q"):
            bench.realize(tagged)


def test_counters_name_endpoints_and_begin_at_nothing(bench: Bench) -> None:
    bench.realize(intent())
    counters = bench.kernel.counters(TENANT)
    assert counters.endpoints.keys() == {11, 12, 15}
    assert set(counters.rules.values()) <= {(0, 0)}
    assert counters.rules.keys() <= {101, 102, 103}
    assert counters.denied == 0


def test_features_have_names_and_what_is_missing_has_a_reason(bench: Bench) -> None:
    features = bench.kernel.features()
    assert len({feature.name for feature in features}) == len(features) >= 10
    assert all(feature.present or feature.why.endswith(".") or feature.why.endswith(")") for feature in features)
