"""The verbs on networks, groups, endpoints, nodes and the fabric: what they do, and each thing they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from networks import actions
from networks.models import Endpoint, EndpointGroup, Fabric, Network, Node
from networks.tags import tags_in_use
from policies.actions import add_rule, create_policy, create_profile
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry, Realization, Tenant
from tenants.testing import Cast


def refusal(verb: Any, **arguments: Any) -> dict[str, tuple[str, str]]:
    """What a verb refuses: field → (code, sentence). That it changes nothing is checked along the way."""
    counts = [model.objects.count() for model in (Network, EndpointGroup, Endpoint, Node, AuditEntry, Realization)]
    with pytest.raises(ValidationError) as caught:
        verb(actor=SYSTEM, **arguments)
    assert counts == [
        model.objects.count() for model in (Network, EndpointGroup, Endpoint, Node, AuditEntry, Realization)
    ]
    return {field: (str(errors[0].code), errors[0].messages[0]) for field, errors in caught.value.error_dict.items()}


def network(tenant: Tenant, name: str = "net", **fields: Any) -> Network:
    return actions.create_network(
        actor=SYSTEM, tenant=tenant, name=name, **({"subnet4": "20.1.1.0/24", "gateway4": "20.1.1.254"} | fields)
    )


def endpoint(net: Network, name: str = "e1", **fields: Any) -> Endpoint:
    return actions.create_endpoint(actor=SYSTEM, tenant=net.tenant, name=name, network=net, **fields)


def node(name: str = "n1", vtep: str = "10.0.0.1") -> Node:
    return actions.create_node(actor=SYSTEM, name=name, vtep=vtep)[0]


# --- networks -----------------------------------------------------------------------------------------------------


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
    assert Realization.objects.filter(tenant=tenant, generation=tenant.generation).count() == 1


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


# --- groups -------------------------------------------------------------------------------------------------------


def test_a_group_and_its_network_may_share_a_name(people: Cast) -> None:
    net = network(people.blue, "web")
    assert actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net).name == net.name


def test_it_refuses_another_tenants_network_for_a_group(people: Cast) -> None:
    theirs = network(people.green)
    found = refusal(actions.create_group, tenant=people.blue, name="g", network=theirs)
    assert found["network"][0] == "unknown"


def test_it_moves_only_an_empty_group_to_another_network(people: Cast) -> None:
    net, other = network(people.blue), network(people.blue, "other", subnet4="30.0.0.0/24", gateway4="")
    group = actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    made = endpoint(net, group=group)
    assert refusal(actions.update_group, row=group, network=other)["network"][0] == "fixed"
    actions.update_endpoint(actor=SYSTEM, row=made, group=None)
    assert actions.update_group(actor=SYSTEM, row=group, network=other).network == other


def test_it_refuses_to_delete_a_group_in_use_and_names_the_users(people: Cast) -> None:
    net = network(people.blue)
    group = actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    create_policy(actor=SYSTEM, tenant=people.blue, name="db-policy", groups=[group])
    x = create_policy(actor=SYSTEM, tenant=people.blue, name="x")
    rule = add_rule(actor=SYSTEM, tenant=people.blue, policy=x, peer="group", peer_group=group)
    create_profile(actor=SYSTEM, tenant=people.blue, name="slow", rate_bps=10**6, groups=[group])
    with pytest.raises(Refused) as caught:
        actions.delete_group(actor=SYSTEM, row=group)
    assert caught.value.message == (
        f"Group web cannot be deleted: policy db-policy is on it, rule {rule.pk} of policy x names it, "
        "bandwidth profile slow is on it. Change or remove those first."
    )
    assert EndpointGroup.objects.filter(pk=group.pk).exists()


# --- endpoints ----------------------------------------------------------------------------------------------------


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
    made = endpoint(network(people.blue), node=node())
    released = actions.release_endpoint(actor=SYSTEM, row=made)
    assert (released.node, released.ip4) == (None, made.ip4)
    entries = AuditEntry.objects.count()
    actions.release_endpoint(actor=SYSTEM, row=made)
    assert AuditEntry.objects.count() == entries


# --- nodes and the fabric -----------------------------------------------------------------------------------------


def test_it_refuses_a_nodes_name_or_address_twice(people: Cast) -> None:
    node()
    found = refusal(actions.create_node, name="n1", vtep="10.0.0.1")
    assert {field: code for field, (code, _) in found.items()} == {"name": "name_in_use", "vtep": "taken"}
    assert "Node n1 has 10.0.0.1" in found["vtep"][1]
    assert refusal(actions.create_node, name="n2", vtep="fd00::1")["vtep"][0] == "invalid"


def test_it_moves_on_every_tenant_on_a_node_whose_address_or_name_changes(people: Cast) -> None:
    here, idle = node(), node("n2", "10.0.0.2")
    endpoint(network(people.blue), node=here)
    endpoint(network(people.green), node=idle)
    before = dict(Tenant.objects.values_list("name", "generation"))
    actions.update_node(actor=SYSTEM, row=here, vtep="10.0.0.9")
    after = dict(Tenant.objects.values_list("name", "generation"))
    assert (after["blue"], after["green"]) == (before["blue"] + 1, before["green"])
    assert Realization.objects.filter(tenant=people.blue, generation=after["blue"]).exists()
    actions.update_node(actor=SYSTEM, row=here, name="renamed")
    assert Tenant.objects.get(pk=people.blue.pk).generation == after["blue"] + 1


def test_it_refuses_to_delete_a_node_with_endpoints_and_names_them(people: Cast) -> None:
    here = node()
    made = endpoint(network(people.blue), node=here)
    with pytest.raises(Refused) as caught:
        actions.delete_node(actor=SYSTEM, row=here)
    assert caught.value.users == ["endpoint e1 of tenant blue is on it"]
    actions.release_endpoint(actor=SYSTEM, row=made)
    actions.delete_node(actor=SYSTEM, row=here)
    assert not Node.objects.exists()


def test_it_refuses_a_fabric_range_without_the_tags_in_use(people: Cast) -> None:
    for third, tag in ((1, 3), (2, 7), (3, 8)):
        network(people.blue, f"n{third}", subnet4=f"20.1.{third}.0/24", gateway4="", tag=tag)
    found = refusal(actions.update_fabric, vxlan_first=4)
    assert found == {"vxlan_first": ("in_use", "The range must hold the tags in use: 3.")}
    assert "3, 7-8" in refusal(actions.update_fabric, vxlan_first=100)["vxlan_first"][1]
    assert refusal(actions.update_fabric, vlan_first=9, vlan_last=8)["vlan_last"][0] == "range"
    assert refusal(actions.update_fabric, vlan_last=4095)["vlan_last"][0] == "max_value"
    actions.update_fabric(actor=SYSTEM, vxlan_first=3, vxlan_last=8)
    assert Fabric.objects.get().vxlan_last == 8


def test_the_fabric_keeps_what_contivs_clients_set(people: Cast) -> None:
    fabric = actions.update_fabric(
        actor=SYSTEM, forwarding_mode="routing", arp_mode="flood", infra_type="aci", private_subnet="172.20.0.0/16"
    )
    assert (fabric.forwarding_mode, fabric.arp_mode, fabric.infra_type) == ("routing", "flood", "aci")
    assert Fabric.objects.get().private_subnet == "172.20.0.0/16"
    assert actions.update_fabric(actor=SYSTEM, arp_mode="").arp_mode == ""
    for wrong, field, code in (
        ({"forwarding_mode": "x"}, "forwarding_mode", "invalid_choice"),
        ({"arp_mode": "x"}, "arp_mode", "invalid_choice"),
        ({"infra_type": "x"}, "infra_type", "invalid_choice"),
        ({"private_subnet": "172.20.0.0/24"}, "private_subnet", "prefix"),
        ({"private_subnet": "172.20.0.1/16"}, "private_subnet", "prefix"),
        ({"private_subnet": ""}, "private_subnet", "prefix"),
        ({"vxlan_last": 16777216}, "vxlan_last", "max_value"),
        ({"vlan_first": 0}, "vlan_first", "min_value"),
    ):
        found = refusal(actions.update_fabric, **wrong)
        assert {name: said[0] for name, said in found.items()} == {field: code}


def test_the_fabrics_mode_and_private_subnet_stay_while_there_are_networks(people: Cast) -> None:
    network(people.blue)
    network(people.green, encap="vlan")
    found = refusal(actions.update_fabric, forwarding_mode="routing", private_subnet="172.20.0.0/16")
    assert {name: said[0] for name, said in found.items()} == {
        "forwarding_mode": "in_use",
        "private_subnet": "in_use",
    }
    assert found["forwarding_mode"][1] == (
        "The forwarding mode stays while there are networks, and there are 1 VLAN and 1 VXLAN. Delete those first."
    )
    assert tags_in_use("vlan") == tags_in_use("vxlan") == [1]
    actions.update_fabric(actor=SYSTEM, forwarding_mode="bridge", arp_mode="flood", infra_type="aci-opflex")
    for row in Network.objects.all():
        actions.delete_network(actor=SYSTEM, row=row)
    assert actions.update_fabric(actor=SYSTEM, forwarding_mode="routing").forwarding_mode == "routing"
