"""What items become in the kernel, and that each stands for itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from core import ids
from core.diff import diff
from core.render import NodeFacts, context, mtu, render, render_item
from core.ruleset import Chain, Element, Set
from core.spec import ChainItem, EndpointItem, Item, Layer, MatchItem, NetworkItem, RemoteItem, TenantItem
from core.state import (
    Address,
    BridgeFdb,
    KernelObject,
    Key,
    Neighbour,
    Port,
    Redirect,
    Route,
    Tbf,
    Vlan,
    Vxlan,
    VxlanFdb,
)

NODE = NodeFacts("192.0.2.1", "up0", 1500)
ALLOW = Layer(10, "allow", "group")
NET = Layer(10, "deny", "net4", 1)
TENANT = TenantItem(7, "blue", "allow", 4711)
NETWORK = NetworkItem(
    7, 1, "first", "vxlan", 3280, ids.gateway_mac(1), "20.1.1.0/24", "20.1.1.254", "fd01::/64", "fd01::ff"
)
HERE = EndpointItem(7, 11, "web-1", 1, 5, "02:02:14:01:01:0b", "20.1.1.11", "fd01::b", 10_000_000, 20_000, 46)
THERE = RemoteItem(7, 12, 1, 6, "02:02:14:01:01:0c", "192.0.2.2", "20.1.1.12")
CHAIN = ChainItem(7, 5, "in", (NET, ALLOW))
MATCH = MatchItem(7, 5, "in", 101, 0, ALLOW, "6", (6, 6), (5432, 5440))
ITEMS: tuple[Item, ...] = (TENANT, NETWORK, HERE, THERE, CHAIN, MATCH)


def made(*items: Item, attached: tuple[int, ...] = (11,)) -> dict[Key, KernelObject]:
    return render(items, attached, NODE)


def of(kind: type, objects: dict[Key, KernelObject]) -> list[KernelObject]:
    return [thing for thing in objects.values() if isinstance(thing, kind)]


def test_no_two_items_give_the_same_object() -> None:
    """Else one item's going would take away what the other still needs."""
    around = context(ITEMS, {11}, NODE)
    keys = [thing.key for item in ITEMS for thing in render_item(item, around)]
    assert len(keys) == len(set(keys)) == len(made(*ITEMS))


def test_the_order_of_items_does_not_matter() -> None:
    assert diff(made(*ITEMS), made(*reversed(ITEMS))).empty


def test_everything_an_object_leads_to_is_there() -> None:
    objects = made(*ITEMS)
    for element in of(Element, objects):
        assert isinstance(element, Element)
        assert ("set", element.family, element.set) in objects
        if element.data.startswith("jump "):
            assert ("chain", element.family, element.data[5:]) in objects
    chains = [thing for thing in of(Chain, objects) if isinstance(thing, Chain)]
    words = [word for thing in chains for rule in thing.rules for word in rule.split()]
    assert {w[1:] for w in words if w.startswith("@") and not w.startswith("@th")} <= {
        key[2] for key in objects if key[0] == "set"
    }
    jumps = {after for word, after in pairwise(words) if word in ("jump", "goto")}
    assert jumps <= {thing.name for thing in chains}


def test_a_tunnel_takes_fifty_bytes_and_a_tag_none() -> None:
    assert mtu(NETWORK, NODE) == 1450
    assert mtu(replace(NETWORK, encap="vlan"), NODE) == 1500
    assert [v.mtu for v in of(Vxlan, made(*ITEMS)) if isinstance(v, Vxlan)] == [1450]
    tagged = made(TENANT, replace(NETWORK, encap="vlan", tag=33), THERE)
    assert of(Vxlan, tagged) == [] and [v.tag for v in of(Vlan, tagged) if isinstance(v, Vlan)] == [33]
    assert of(VxlanFdb, tagged) == []
    assert BridgeFdb("vl1", THERE.mac) in of(BridgeFdb, tagged)


def test_a_gateway_brings_address_and_route_and_none_brings_none() -> None:
    assert Route("20.1.1.0/24", "br1", source="20.1.1.254") in of(Route, made(*ITEMS))
    assert {Address("br1", "20.1.1.254/24"), Address("br1", "fd01::ff/64")} == set(of(Address, made(*ITEMS)))
    bare = made(TENANT, replace(NETWORK, gateway4=None, gateway6=None))
    assert of(Address, bare) == of(Route, bare) == []


def test_a_remote_endpoint_is_known_by_neighbour_and_both_forwarding_tables() -> None:
    objects = made(*ITEMS)
    assert Neighbour("br1", "20.1.1.12", THERE.mac) in of(Neighbour, objects)
    assert BridgeFdb("vx1", THERE.mac, generation=3280) in of(BridgeFdb, objects)
    assert VxlanFdb("vx1", THERE.mac, "192.0.2.2", 3280) in of(VxlanFdb, objects)


def test_another_tag_means_every_entry_is_written_again() -> None:
    """The device is made anew, and a new device is empty."""
    step = diff(made(TENANT, replace(NETWORK, tag=99), THERE), made(TENANT, NETWORK, THERE))
    assert {key[0] for key in step.update} == {"link", "fdb"} and len(step.update) == 3


def test_a_port_and_its_rate_come_with_the_veth_and_its_policy_before() -> None:
    without, with_veth = made(*ITEMS, attached=()), made(*ITEMS)
    step = diff(with_veth, without)
    assert not step.update and not step.delete
    assert {type(thing) for thing in step.create.values()} >= {Port, Tbf, Redirect, BridgeFdb}
    assert ("element", "bridge", "own_mac", '"ep11" . 02:02:14:01:01:0b') in without
    assert ("element", "inet", "ingress4", "20.1.1.11") in without


def test_only_an_endpoint_here_is_judged_here() -> None:
    """Its own node judges it: else a hit would be counted twice."""
    judged = {e.match for e in of(Element, made(*ITEMS)) if isinstance(e, Element) and "gress" in e.set}
    assert judged == {"20.1.1.11", "fd01::b"}


def test_a_group_without_rules_goes_by_the_default() -> None:
    ruled, bare = made(*ITEMS), made(TENANT, NETWORK, HERE)
    key = ("element", "inet", "ingress4", "20.1.1.11")
    assert [getattr(objects[key], "data", "") for objects in (ruled, bare)] == ["jump in_5", "jump default"]


def test_an_epoch_rewrites_two_chains_and_a_default_one_more() -> None:
    def changed(item: TenantItem) -> set[str]:
        return {key[-1] for key in diff(made(item), made(TENANT)).update}

    assert changed(replace(TENANT, epoch=4712)) == {"current", "stamp"}
    assert changed(replace(TENANT, epoch=4712, default="deny")) == {"current", "stamp", "default"}


def test_one_more_rule_is_one_more_element() -> None:
    more = MatchItem(7, 5, "in", 102, 0, ALLOW, "6", (17, 17), (53, 53))
    step = diff(made(*ITEMS, more), made(*ITEMS))
    assert list(step.create.values()) == [Element("inet", "in_5_p10_allow_group_0", "6 . 17 . 53", comment="102")]
    assert not step.update and not step.delete


def test_layers_are_asked_in_order_and_answers_with_the_sides_exchanged() -> None:
    chains = {thing.name: thing for thing in of(Chain, made(*ITEMS)) if isinstance(thing, Chain)}
    assert chains["in_5"].rules == (
        "ip saddr . meta l4proto . th dport @in_5_p10_deny_net4_1 goto deny",
        "meta mark . meta l4proto . th dport @in_5_p10_allow_group_0 return",
        "goto default",
    )
    assert chains["in_5_reply"].rules[0] == "ip daddr . meta l4proto . th sport @in_5_p10_deny_net4_1 goto deny"


def test_a_layer_counts_each_of_its_elements() -> None:
    sets = {thing.name: thing for thing in of(Set, made(*ITEMS)) if isinstance(thing, Set)}
    layer = sets["in_5_p10_allow_group_0"]
    assert (layer.type, layer.interval, layer.counter) == ("mark . inet_proto . inet_service", True, True)


def test_a_mark_has_a_chain_as_long_as_somebody_wants_it() -> None:
    assert ("chain", "inet", "dscp_46") in made(*ITEMS)
    assert ("chain", "inet", "dscp_46") not in made(TENANT, NETWORK, replace(HERE, dscp=None))


@pytest.mark.parametrize(("subnet", "last"), [("20.1.1.0/24", "20.1.1.255"), ("20.1.0.0/30", "20.1.0.3")])
def test_a_subnets_broadcast_address_is_dropped(subnet: str, last: str) -> None:
    assert ("element", "inet", "broadcast4", last) in made(TENANT, replace(NETWORK, subnet4=subnet, gateway4=None))


def test_a_subnet_of_two_has_no_broadcast_address() -> None:
    objects = made(TENANT, replace(NETWORK, subnet4="20.1.0.0/31", gateway4="20.1.0.0"))
    assert not any(key[:3] == ("element", "inet", "broadcast4") for key in objects)


def test_without_a_limit_nothing_is_redirected() -> None:
    objects = made(TENANT, NETWORK, replace(HERE, rate_bps=0))
    assert of(Tbf, objects) == of(Redirect, objects) == []
