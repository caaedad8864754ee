"""The verbs on nodes and the fabric: what they do, and each thing they refuse."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from networks import actions
from networks.models import Fabric, Network, Node
from networks.tags import tags_in_use
from networks.tests.made import endpoint, network, node, refusal
from tenants.change import SYSTEM, Refused
from tenants.models import Realization, Tenant
from tenants.testing import Cast


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
    actions.release_endpoint(actor=SYSTEM, row=made, node=made.node)
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


@pytest.mark.parametrize("vtep", ["nonsense", "192.0.2", "fd00::1", "192.0.2.1/24"])
def test_an_underlay_address_that_is_none_is_refused_at_its_field(people: Cast, vtep: str) -> None:
    with pytest.raises(ValidationError) as caught:
        actions.create_node(actor=SYSTEM, name="n1", vtep=vtep)
    assert list(caught.value.message_dict) == ["vtep"]
