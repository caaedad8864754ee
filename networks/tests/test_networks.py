"""The verbs on networks: what they do, and each thing they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from networks import actions
from networks.models import Endpoint, Network
from networks.tests.made import endpoint, network, refusal
from policies.actions import add_rule, create_policy
from tenants.change import SYSTEM, Refused
from tenants.models import Tenant
from tenants.testing import Cast


def test_it_makes_a_network_of_both_families_in_canonical_form(people: Cast) -> None:
    made = network(people.blue, subnet6="FD00:0:0::/64", gateway6="fd00::00fe")
    assert (made.subnet4, made.gateway4, made.subnet6, made.gateway6) == (
        "20.1.1.0/24",
        "20.1.1.254",
        "fd00::/64",
        "fd00::fe",
    )
    tenant = Tenant.objects.get(pk=people.blue.pk)
    assert made.generation == tenant.generation
    assert tenant.compiled < tenant.generation


def test_two_tenants_may_have_the_same_subnet(people: Cast) -> None:
    assert network(people.blue).subnet4 == network(people.green).subnet4


@pytest.mark.parametrize(
    ("fields", "field", "code", "part"),
    [
        ({"subnet4": "20.1.0.0/16"}, "subnet4", "overlap", "overlaps network first"),
        ({"subnet4": "20.1.1.128/25"}, "subnet4", "overlap", "20.1.1.0/24"),
        ({"subnet4": "", "gateway4": "", "subnet6": "fd00::/60"}, "subnet6", "overlap", "overlaps network first"),
        ({"subnet4": "30.0.0.1/24"}, "subnet4", "prefix", "30.0.0.0/24"),
        ({"subnet4": "30.0.0.0"}, "subnet4", "prefix", "length"),
        ({"subnet4": "30.0.0.0/32"}, "subnet4", "prefix", "/8 to /31"),
        ({"subnet4": "30.0.0.0/7"}, "subnet4", "prefix", "/8"),
        ({"subnet4": "fd01::/64"}, "subnet4", "prefix", "IPv4"),
        ({"subnet6": "30.0.0.0/24"}, "subnet6", "prefix", "IPv6"),
        ({"subnet4": "127.0.0.0/16"}, "subnet4", "prefix", "loopback"),
        ({"subnet4": "", "gateway4": ""}, "subnet4", "needed", "at least one subnet"),
        ({"subnet4": "", "gateway4": "30.0.0.1", "subnet6": "fd01::/64"}, "gateway4", "outside", "needs its subnet"),
        ({"gateway4": "30.0.1.1"}, "gateway4", "outside", "30.0.0.1 to 30.0.0.254"),
        ({"gateway4": "30.0.0.0"}, "gateway4", "outside", "30.0.0.1 to 30.0.0.254"),
        ({"gateway4": "30.0.0.255"}, "gateway4", "outside", "broadcast"),
        ({"gateway4": "gate"}, "gateway4", "outside", "no address"),
        ({"subnet6": "fd01::/64", "gateway6": "fd01::"}, "gateway6", "outside", "fd01::1"),
        ({"name": "first"}, "name", "name_in_use", "first"),
        ({"name": "-x"}, "name", "name", "letters"),
        ({"name": ""}, "name", "blank", ""),
        ({"name": "x" * 65}, "name", "max_length", "64"),
        ({"encap": "gre"}, "encap", "invalid_choice", "gre"),
        ({"tag": 1}, "tag", "taken", "Free VXLAN tags: 2-10000"),
        ({"tag": 10001}, "tag", "range", "1 to 10000"),
        ({"encap": "vlan", "tag": 4095}, "tag", "range", "1 to 4094"),
    ],
)
def test_it_refuses_a_network_that_cannot_be(
    people: Cast, fields: dict[str, Any], field: str, code: str, part: str
) -> None:
    network(people.blue, "first", subnet6="fd00::/64")
    wanted = {"name": "second", "subnet4": "30.0.0.0/24", "gateway4": ""} | fields
    found = refusal(actions.create_network, tenant=people.blue, **wanted)
    assert set(found) == {field}
    assert found[field][0] == code
    assert part in found[field][1]


def test_it_shows_everything_that_is_wrong_at_once(people: Cast) -> None:
    found = refusal(
        actions.create_network, tenant=people.blue, name="?", subnet4="1.2.3.4/24", subnet6="x", gateway6="y"
    )
    assert set(found) == {"name", "subnet4", "subnet6"}


def test_it_gives_the_lowest_free_tag_over_all_tenants(people: Cast) -> None:
    first, second = network(people.blue), network(people.green)
    assert (first.tag, second.tag) == (1, 2)
    assert network(people.blue, "vlan", subnet4="30.0.0.0/24", gateway4="", encap="vlan").tag == 1
    actions.delete_network(actor=SYSTEM, row=first)
    assert network(people.green, "again", subnet4="30.0.0.0/24", gateway4="", tag=0).tag == 1


def test_it_says_when_no_tag_is_free(people: Cast) -> None:
    actions.update_fabric(actor=SYSTEM, vxlan_first=1, vxlan_last=1)
    network(people.blue)
    found = refusal(actions.create_network, tenant=people.blue, name="more", subnet4="30.0.0.0/24")
    assert found["tag"][0] == "full"


def test_it_changes_a_networks_name_and_gateway_under_its_endpoints(people: Cast) -> None:
    net = network(people.blue)
    endpoint(net)
    changed = actions.update_network(actor=SYSTEM, row=net, name="renamed", gateway4="20.1.1.200", tag=0)
    assert (changed.name, changed.gateway4, changed.tag) == ("renamed", "20.1.1.200", net.tag)
    found = refusal(actions.update_network, row=net, gateway4="20.1.1.1")
    assert found["gateway4"] == ("taken", "Endpoint e1 has 20.1.1.1. Choose an address no endpoint has.")


@pytest.mark.parametrize("fields", [{"subnet4": "30.0.0.0/24", "gateway4": ""}, {"encap": "vlan"}, {"tag": 77}])
def test_it_keeps_what_endpoints_stand_on(people: Cast, fields: dict[str, Any]) -> None:
    net = network(people.blue)
    made = endpoint(net)
    found = refusal(actions.update_network, row=net, **fields)
    assert {code for code, _ in found.values()} == {"fixed"}
    actions.delete_endpoint(actor=SYSTEM, row=made)
    changed = actions.update_network(actor=SYSTEM, row=net, **fields)
    assert {getattr(changed, name) for name in fields} == set(fields.values())


def test_it_adds_a_family_under_endpoints_and_new_ones_get_it(people: Cast) -> None:
    net = network(people.blue)
    old = endpoint(net)
    net = actions.update_network(actor=SYSTEM, row=net, subnet6="fd00::/64")
    assert Endpoint.objects.get(pk=old.pk).ip6 is None
    assert endpoint(net, "e2").ip6 == "fd00::1"


def test_it_moves_a_network_to_another_encapsulation_with_a_tag_of_that(people: Cast) -> None:
    net = network(people.blue, tag=500)
    changed = actions.update_network(actor=SYSTEM, row=net, encap="vlan", tag=0)
    assert (changed.encap, changed.tag) == ("vlan", 1)


def test_it_refuses_to_delete_a_network_in_use_and_names_the_users(people: Cast) -> None:
    net = network(people.blue)
    group = actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    made = endpoint(net, group=group)
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    rule = add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, peer="network", peer_network=net)
    with pytest.raises(Refused) as caught:
        actions.delete_network(actor=SYSTEM, row=net)
    assert caught.value.users == [
        "group web is in it",
        f"endpoint {made.name} is in it",
        f"rule {rule.pk} of policy p names it",
    ]
    assert caught.value.message.startswith("Network net cannot be deleted: group web is in it, endpoint e1")


def test_it_says_when_somebody_deleted_the_row_meanwhile(people: Cast) -> None:
    net = network(people.blue)
    actions.delete_network(actor=SYSTEM, row=Network.objects.get(pk=net.pk))
    for verb, more in ((actions.update_network, {"name": "x"}), (actions.delete_network, {})):
        with pytest.raises(Refused, match="does not exist any more") as caught:
            verb(actor=SYSTEM, row=net, **more)
        assert caught.value.code == "gone"
