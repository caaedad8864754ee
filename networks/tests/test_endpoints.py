"""The verbs on endpoints, of people and of agents: what they do, and each thing they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from networks import actions
from networks.tests.made import endpoint, network, node, refusal
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast


def test_it_gives_the_lowest_free_addresses_and_a_mac_made_of_them(people: Cast) -> None:
    net = network(people.blue, gateway4="20.1.1.1", subnet6="fd00::/64")
    first, second, third = (endpoint(net, name) for name in ("a", "b", "c"))
    assert [(e.ip4, e.ip6) for e in (first, second, third)] == [
        ("20.1.1.2", "fd00::1"),
        ("20.1.1.3", "fd00::2"),
        ("20.1.1.4", "fd00::3"),
    ]
    assert first.mac == "02:02:14:01:01:02"
    actions.delete_endpoint(actor=SYSTEM, row=second)
    assert endpoint(net, "d").ip4 == "20.1.1.3"


def test_it_makes_the_mac_of_an_endpoint_without_ipv4_from_its_id(people: Cast) -> None:
    net = network(people.blue, subnet4="", gateway4="", subnet6="fd00::/64")
    macs = {endpoint(net, name).mac for name in ("a", "b")}
    assert len(macs) == 2
    assert all(mac.startswith("02:06:") for mac in macs)


@pytest.mark.parametrize(
    ("fields", "field", "code", "part"),
    [
        ({"ip4": "20.1.1.1"}, "ip4", "taken", "Endpoint e1 has 20.1.1.1"),
        ({"ip4": "20.1.1.254"}, "ip4", "taken", "gateway"),
        ({"ip4": "20.1.2.1"}, "ip4", "outside", "20.1.1.1 to 20.1.1.254"),
        ({"ip4": "20.1.1.255"}, "ip4", "outside", "broadcast"),
        ({"ip4": "x"}, "ip4", "outside", "no address"),
        ({"ip6": "fd00::1"}, "ip6", "outside", "no IPv6 subnet"),
        ({"name": "e1"}, "name", "name_in_use", "e1"),
        ({"name": "a b"}, "name", "name", "letters"),
    ],
)
def test_it_refuses_an_endpoint_that_cannot_be(
    people: Cast, fields: dict[str, Any], field: str, code: str, part: str
) -> None:
    net = network(people.blue)
    endpoint(net)
    found = refusal(actions.create_endpoint, tenant=people.blue, **{"name": "e2", "network": net} | fields)
    assert set(found) == {field}
    assert (found[field][0], part in found[field][1]) == (code, True)


def test_it_says_when_a_subnet_is_full(people: Cast) -> None:
    net = network(people.blue, subnet4="20.1.1.0/30", gateway4="20.1.1.1")
    endpoint(net)
    assert refusal(actions.create_endpoint, tenant=people.blue, name="b", network=net)["ip4"][0] == "full"


def test_it_refuses_a_group_of_another_network_or_tenant(people: Cast) -> None:
    net, other = network(people.blue), network(people.blue, "other", subnet4="30.0.0.0/24", gateway4="")
    elsewhere = actions.create_group(actor=SYSTEM, tenant=people.blue, name="g", network=other)
    theirs = actions.create_group(actor=SYSTEM, tenant=people.green, name="g", network=network(people.green))
    for group, code in ((elsewhere, "elsewhere"), (theirs, "unknown")):
        found = refusal(actions.create_endpoint, tenant=people.blue, name="b", network=net, group=group)
        assert found["group"][0] == code


def test_it_moves_an_endpoint_and_keeps_its_addresses(people: Cast) -> None:
    net, here, there = network(people.blue), node(), node("n2", "10.0.0.2")
    made = endpoint(net, node=here)
    moved = actions.update_endpoint(actor=SYSTEM, row=made, node=there)
    assert (moved.node, moved.ip4, moved.mac) == (there, made.ip4, made.mac)
    found = refusal(actions.update_endpoint, row=made, ip4="20.1.1.9", ip6="fd00::1")
    assert {field: code for field, (code, _) in found.items()} == {"ip4": "fixed", "ip6": "fixed"}


def test_placing_makes_an_endpoint_once_and_moves_it_afterwards(people: Cast) -> None:
    net, here, there = network(people.blue), node(), node("n2", "10.0.0.2")
    actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    wanted = {"tenant": "blue", "network": "net", "group": "web", "name": "c1"}
    made = actions.place_endpoint(actor=SYSTEM, node=here, **wanted)
    generation, entries = Tenant.objects.get(pk=people.blue.pk).generation, AuditEntry.objects.count()
    again = actions.place_endpoint(actor=SYSTEM, node=here, **wanted)
    assert (again.pk, again.generation) == (made.pk, made.generation)
    assert Tenant.objects.get(pk=people.blue.pk).generation == generation, "saying it twice changes nothing"
    assert AuditEntry.objects.count() == entries
    moved = actions.place_endpoint(actor=SYSTEM, node=there, tenant="blue", name="c1")
    assert (moved.pk, moved.node, moved.ip4) == (made.pk, there, made.ip4)
    assert moved.group is not None and moved.group.name == "web", "not asking for a group leaves it its own"


def test_placing_refuses_what_is_not_there_or_not_so(people: Cast) -> None:
    net, here = network(people.blue), node()
    network(people.blue, "other", subnet4="30.0.0.0/24", gateway4="")
    endpoint(net, "c1")
    for wanted, field, code in (
        ({"tenant": "red"}, "tenant", "unknown"),
        ({"name": "c2", "network": "nowhere"}, "network", "unknown"),
        ({"name": "c2", "network": ""}, "network", "unknown"),
        ({"group": "nobody"}, "group", "unknown"),
        ({"network": "other"}, "network", "fixed"),
        ({"ip4": "20.1.1.77"}, "ip4", "fixed"),
    ):
        found = refusal(
            actions.place_endpoint, node=here, **{"tenant": "blue", "name": "c1", "network": "net"} | wanted
        )
        assert found[field][0] == code


def test_releasing_frees_the_node_and_keeps_the_addresses(people: Cast) -> None:
    here = node()
    made = endpoint(network(people.blue), node=here)
    released = actions.release_endpoint(actor=SYSTEM, row=made, node=here)
    assert (released.node, released.ip4) == (None, made.ip4)
    entries = AuditEntry.objects.count()
    actions.release_endpoint(actor=SYSTEM, row=made, node=here)
    assert AuditEntry.objects.count() == entries


def test_a_late_release_leaves_what_was_placed_elsewhere_meanwhile(people: Cast) -> None:
    here, there = node(), node("n2", "192.0.2.2")
    made = endpoint(network(people.blue), node=here)
    actions.place_endpoint(actor=SYSTEM, node=there, tenant="blue", name=made.name)
    assert actions.release_endpoint(actor=SYSTEM, row=made, node=here).node == there


def test_an_address_may_be_written_otherwise_when_an_endpoint_is_placed_again(people: Cast) -> None:
    network(people.blue, subnet6="fd00:1::/64")
    here = node()
    for written in ("fd00:1::5", "fd00:1:0::5", "FD00:1::0:5"):
        placed = actions.place_endpoint(actor=SYSTEM, node=here, tenant="blue", network="net", name="c1", ip6=written)
        assert placed.ip6 == "fd00:1::5"
