"""Networks, the global object, tenants."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from netmaster.cards import vain
from netmaster.tests.stage import Contiv
from networks.actions import create_network
from networks.models import Fabric, Network
from policies.models import Rule
from tenants.change import SYSTEM
from tenants.models import Tenant
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]

GLOBAL = {
    "name": "global", "networkInfraType": "default", "vlans": "1-4094", "vxlans": "1-10000",
    "fwdMode": "bridge", "arpMode": "proxy", "pvtSubnet": "172.19.0.0/16",
}  # fmt: skip


BEYOND = "hostIP 20.1.2.1 is exceeding beyond subnet 20.1.1.0/24, hostID 257"


def oper(contiv: Contiv, name: str, tenant: str = "blue") -> Any:
    return contiv.get(f"inspect/networks/{tenant}:{name}")["Oper"]


def test_a_network_with_its_state(contiv: Contiv) -> None:
    contiv.network(pktTag=100)
    assert oper(contiv, "net1") == {
        "allocatedIPAddresses": "10.1.1.254",
        "availableIPAddresses": "10.1.1.1-10.1.1.253",
        "networkTag": "net1.blue",
        "pktTag": 100,
    }


def test_it_is_shown_as_it_was_written_and_stored_as_it_is(contiv: Contiv) -> None:
    made = contiv.network(subnet="20.1.1.5/24", gateway="20.1.1.254")
    assert (made["subnet"], "pktTag" in made) == ("20.1.1.5/24", False)
    row = Network.objects.get()
    assert (row.subnet4, row.tag) == ("20.1.1.0/24", 1)
    Network.objects.update(subnet4="20.1.2.0/24", gateway4="")
    assert contiv.get("networks/blue:net1")["subnet"] == "20.1.2.0/24", "what was written is not true any more"


def test_a_network_made_elsewhere_has_its_tag(contiv: Contiv) -> None:
    create_network(actor=SYSTEM, tenant=Tenant.objects.get(name="blue"), name="n", subnet4="20.1.1.0/24")
    shown = contiv.get("networks/blue:n")
    assert (shown["encap"], shown["pktTag"], shown["nwType"]) == ("vxlan", 1, "data")
    assert oper(contiv, "n")["externalPktTag"] == 1


def test_a_range_hands_out_only_its_own(contiv: Contiv) -> None:
    contiv.network(subnet="20.1.1.10-20.1.1.20/24", gateway="20.1.1.254")
    assert contiv.get("networks/blue:net1")["subnet"] == "20.1.1.10-20.1.1.20/24"
    assert oper(contiv, "net1")["availableIPAddresses"] == "20.1.1.10-20.1.1.20"
    contiv.network("net2", subnet="20.1.1.21-20.1.1.30/24", gateway="")
    assert contiv.endpoint("ep1")["ipAddress"] == "20.1.1.10"


def test_a_range_may_be_written_with_the_ends_of_its_prefix(contiv: Contiv) -> None:
    made = contiv.network(subnet="20.1.1.0-20.1.1.255/24", gateway="20.1.1.254")
    assert made["subnet"] == contiv.get("networks/blue:net1")["subnet"] == "20.1.1.0-20.1.1.255/24"
    assert oper(contiv, "net1")["availableIPAddresses"] == "20.1.1.1-20.1.1.253"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tenantName": "nosuch"}, "Tenant not found"),
        ({"subnet": "10.1.1.128/25", "gateway": ""}, "network old conflicts with subnet 10.1.1.128/25"),
        ({"subnet": "10.0.0.0/8", "gateway": ""}, "network old conflicts with subnet 10.0.0.0/8"),
        ({"subnet": "11.1.1.0/24", "ipv6Subnet": "fd00::/80"}, "network old conflicts with subnetv6  fd00::/80"),
        ({"subnet": "20.0.0.0/7"}, "subnet length 7 not supported"),
        ({"subnet": "20.1.1.20-20.1.1.10/24"}, "Network subnet format not valid"),
        ({"subnet": "20.1.1.10-20.1.2.10/24"}, "Network subnet format not valid"),
        ({"gateway": "20.1.2.1"}, "hostIP 20.1.2.1 is exceeding beyond subnet 20.1.1.0/24, hostID 257"),
        ({"gateway": "99.1.1.1"}, "hostIP 99.1.1.1 is exceeding beyond subnet 20.1.1.0/24, hostID 1325400065"),
        ({"gateway": "10.1.1.1"}, "hostIP 10.1.1.1 is exceeding beyond subnet 20.1.1.0/24, hostID 4127195137"),
        ({"pktTag": 100}, "requested vlan not available - vlan:100"),
        ({"pktTag": 4095}, "requested vlan not available - vlan:4095"),
        ({"pktTag": -1}, "requested vlan not available - vlan:18446744073709551615"),
        ({"encap": "vxlan", "pktTag": 10001}, "requested vxlan not available"),
        ({"subnet": "20.1.1.0/32"}, "subnet string invalid format"),
        ({"subnet": "20.1.1.0/0"}, "subnet string invalid format"),
        ({"subnet": "20.1.01.0/24"}, "subnet string invalid format"),
        ({"cfgdTag": "my_tag"}, "cfgdTag string invalid format"),
        ({"nwType": "other"}, "nwType string invalid format"),
        ({"ipv6Subnet": "fd01::/129"}, "ipv6Subnet string invalid format"),
        ({"ipv6Subnet": "fd01::1::/64"}, "ipv6Subnet string invalid format"),
        ({"ipv6Subnet": "fd01::1.2.3.4/64", "tenantName": "nosuch"}, "ipv6Subnet string invalid format"),
        ({"ipv6Gateway": "fd01::1"}, "subnet length 0 not supported"),
        ({"ipv6Subnet": "2000::/15", "ipv6Gateway": "2000::1"}, "subnet length 15 not supported"),
        ({"subnet": "20.1.1.255-20.1.1.255/24"}, "Network subnet format not valid"),
        # Several things are wrong: the one that Contiv sees first.
        ({"subnet": "20.0.0.20-20.0.0.10/7", "gateway": "99.1.1.1"}, "Network subnet format not valid"),
        ({"subnet": "20.0.0.0/7", "gateway": "99.1.1.1"}, "subnet length 7 not supported"),
        ({"subnet": "10.1.1.0/24", "ipv6Subnet": "fd00::/64"}, "network old conflicts with subnetv6  fd00::/64"),
        ({"gateway": "20.1.2.1", "ipv6Gateway": "fd01::1", "pktTag": 100}, BEYOND),
        ({"ipv6Gateway": "fd01::1", "pktTag": 100}, "subnet length 0 not supported"),
    ],
)
def test_networks_that_cannot_be(contiv: Contiv, fields: dict[str, Any], says: str) -> None:
    contiv.network("old", pktTag=100, ipv6Subnet="fd00::/64")
    said = {"tenantName": "blue", "networkName": "new", "encap": "vlan", "subnet": "20.1.1.0/24"} | fields
    assert contiv.refused("networks", f"{said['tenantName']}:new", **said) == says
    assert Network.objects.count() == 1


@pytest.mark.parametrize("said", ["::/64", "ffff:ffff:ffff::/48", "fe80::/64", "2000::/8"])
def test_an_ipv6_subnet_that_no_network_has_reads_as_written_and_is_none(contiv: Contiv, said: str) -> None:
    made = contiv.network("n", ipv6Subnet=said)
    assert made["ipv6Subnet"] == contiv.get("networks/blue:n")["ipv6Subnet"] == said
    row = Network.objects.get()
    assert row.subnet6 == ""
    assert vain("networks", row) == [f"{said} is no subnet that a network may have: the network has no IPv6."]
    assert contiv.endpoint("ep1", "n")["ipv6Address"] == ""
    contiv.network("other", subnet="20.1.1.0/24", gateway="", ipv6Subnet="2001:db8::/64")


@pytest.mark.usefixtures("unhashed")
@pytest.mark.parametrize(
    "said",
    [
        {"gateway": "20.1.1.0"},
        {"gateway": "20.1.1.255"},
        {"gateway": "", "ipv6Subnet": "fd00::/64", "ipv6Gateway": "fd01::1"},
    ],
)
def test_a_gateway_that_can_be_none_reads_as_written_and_is_none(contiv: Contiv, said: dict[str, str]) -> None:
    made = contiv.network("n", subnet="20.1.1.0/24", **said)
    assert {name: made.get(name, "") for name in said} == said
    assert contiv.get("networks/blue:n") == made
    row = Network.objects.get()
    assert (row.gateway4, row.gateway6) == ("", "")
    written = said["gateway"] or said["ipv6Gateway"]
    assert [sentence.split()[1] for sentence in vain("networks", row)] == [written]
    page = (
        signed_in(User.objects.create(username="root", is_superuser=True))
        .get(reverse("network.detail", args=[row.pk]))
        .content.decode()
    )
    assert f"Gateway {written} is no address that an interface of the subnet may have" in page


def test_what_is_no_address_is_no_gateway(contiv: Contiv) -> None:
    said = {"tenantName": "blue", "networkName": "n", "encap": "vlan", "subnet": "20.1.1.0/24", "ipv6Gateway": "a:::b"}
    assert contiv.refused("networks", "blue:n", **said) == "ipv6Gateway string invalid format"


def test_tags_are_the_lowest_free_over_all_tenants_and_used_again(contiv: Contiv) -> None:
    contiv.network("a", pktTag=1)
    contiv.network("b", "default")
    assert oper(contiv, "b", "default")["pktTag"] == 2
    contiv.gone("networks", "blue:a")
    contiv.network("c", subnet="20.1.1.0/24", gateway="")
    assert oper(contiv, "c")["pktTag"] == 1
    contiv.make("globals", "global", **GLOBAL | {"vlans": "1-2", "vxlans": "5-6"})
    full = {"tenantName": "blue", "networkName": "d", "subnet": "30.1.1.0/24"}
    assert contiv.refused("networks", "blue:d", encap="vlan", **full) == "no vlans available"
    assert contiv.refused("networks", "blue:d", encap="vxlan", pktTag=4, **full) == "requested vxlan is out of range"


def test_a_vxlan_network_is_shown_with_a_vlan_of_its_own(contiv: Contiv) -> None:
    for number, name in enumerate(("a", "b", "c")):
        contiv.network(name, encap="vxlan", subnet=f"20.1.{number}.0/24", gateway="")
    contiv.gone("networks", "blue:b")
    contiv.network("d", encap="vxlan", subnet="30.1.1.0/24", gateway="", pktTag=500)
    assert [(oper(contiv, n)["pktTag"], oper(contiv, n)["externalPktTag"]) for n in "acd"] == [(1, 1), (3, 3), (2, 500)]


def test_what_stands_in_a_network_keeps_it(contiv: Contiv) -> None:
    contiv.network()
    contiv.group()
    service = {"selectors": ["a=b"], "ports": ["1:2:TCP"], "networkName": "net1"}
    assert contiv.gone("networks", "blue:net1") == "cannot delete net1 has 1 endpoint groups"
    contiv.gone("endpointGroups", "blue:g1")
    contiv.make("serviceLBs", "blue:s", tenantName="blue", serviceName="s", **service)
    assert contiv.gone("networks", "blue:net1") == "cannot delete net1 has 1 services"
    contiv.gone("serviceLBs", "blue:s")
    contiv.endpoint("ep1")
    listed = contiv.get("tenants/blue")["link-sets"]["Networks"]
    assert list(listed) == ["blue:net1"]
    for _ in range(2):
        assert contiv.gone("networks", "blue:net1") == "Error: Network has active endpoints"
    assert contiv.get("tenants/blue")["link-sets"] == {}, "Contiv takes it off its tenant's links by then"
    assert contiv.get("networks/blue:net1")["links"]["Tenant"]["key"] == "blue"
    contiv.ask("POST", "/plugin/deleteEndpoint", {"TenantName": "blue", "NetworkName": "net1", "EndpointID": "ep1"})
    contiv.policy()
    contiv.rule("1", fromNetwork="net1")
    contiv.network("net2", subnet="10.1.2.0/24", gateway="10.1.2.254")
    contiv.group(networkName="net2", policies=["p1"])
    assert "rule 1 of policy p1 names it" in contiv.gone("networks", "blue:net1")
    contiv.group(networkName="net2")
    assert contiv.gone("networks", "blue:net1") == "blue:net1"
    assert contiv.get("rules/blue:p1:1")["fromNetwork"] == "net1"
    assert Rule.objects.get().missing == {"network": "net1"}


def test_an_infrastructure_network_takes_the_nodes_entrances_with_it(contiv: Contiv) -> None:
    contiv.network("infra", nwType="infra")
    contiv.endpoint("node-1", "infra")
    assert contiv.gone("networks", "blue:infra") == "blue:infra"


def test_a_31_has_two_addresses_to_give_and_shows_none(contiv: Contiv) -> None:
    contiv.network("two", subnet="20.1.1.0/31", gateway="")
    assert "availableIPAddresses" not in oper(contiv, "two")
    given = {contiv.endpoint(name, "two")["ipAddress"] for name in ("a", "b")}
    assert given == {"20.1.1.0", "20.1.1.1"}
    assert oper(contiv, "two")["allocatedIPAddresses"] == "20.1.1.0-20.1.1.1"


# --- global


def test_the_global_object_is_always_there_and_stays(contiv: Contiv) -> None:
    assert contiv.get("globals") == [{"key": "global", **GLOBAL}]
    assert contiv.ask("DELETE", "/api/v1/globals/global/")[0] == 500
    found = contiv.get("inspect/globals/global")["Oper"]
    assert found == {"clusterMode": "test"}
    contiv.make("globals", "global", **GLOBAL | {"vxlans": "20-30"})
    assert contiv.get("inspect/globals/global")["Oper"] == {"clusterMode": "test", "freeVXLANsStart": 19}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"vlans": "2-4000"}, "cannot update the vlan range due to existing vlans 1, 100"),
        ({"vlans": "100-50"}, "cannot update the vlan range due to existing vlans 1, 100"),
        ({"vxlans": "1-20000"}, "cannot update the vxlan range due to existing vxlans 7"),
        ({"vlans": "100"}, "vlans string invalid format"),
        ({"vlans": ""}, "vlans string invalid format"),
        ({"pvtSubnet": "172.20.0.0/24"}, "pvtSubnet string invalid format"),
        ({"fwdMode": "routing"}, "Unable to update forwarding mode due to existing 2 vlans and 1 vxlans"),
        ({"fwdMode": ""}, "Unable to update forwarding mode due to existing 2 vlans and 1 vxlans"),
        ({"pvtSubnet": "172.20.0.0/16"}, "Unable to update private subnet due to existing 2 vlans and 1 vxlans"),
        ({"arpMode": "x"}, "arpMode string invalid format"),
        ({"networkInfraType": "x"}, "networkInfraType string invalid format"),
        # Several things are wrong: the one that Contiv sees first.
        (
            {"fwdMode": "routing", "pvtSubnet": "172.20.0.0/16", "vlans": "2-4000"},
            "Unable to update forwarding mode due to existing 2 vlans and 1 vxlans",
        ),
        (
            {"pvtSubnet": "172.20.0.0/16", "vlans": "2-4000"},
            "Unable to update private subnet due to existing 2 vlans and 1 vxlans",
        ),
    ],
)
def test_what_networks_stand_on_stays(contiv: Contiv, fields: dict[str, str], says: str) -> None:
    contiv.network("a", subnet="20.1.1.0/24", gateway="")
    contiv.network("b", subnet="20.1.2.0/24", gateway="", pktTag=100)
    contiv.network("c", encap="vxlan", subnet="20.1.3.0/24", gateway="", pktTag=7)
    assert contiv.refused("globals", "global", **GLOBAL | fields) == says
    assert contiv.get("globals/global") == {"key": "global", **GLOBAL}


def test_settings_change_while_nothing_stands_on_them(contiv: Contiv) -> None:
    new = {"vlans": "5-9", "vxlans": "20-30", "fwdMode": "routing", "arpMode": "flood", "pvtSubnet": "172.20.1.1/16"}
    assert contiv.make("globals", "global", **GLOBAL | new) == {"key": "global", **GLOBAL, **new}
    row = Fabric.objects.get()
    assert (row.vlan_first, row.vxlan_last, row.forwarding_mode, row.private_subnet) == (
        5,
        30,
        "routing",
        "172.20.0.0/16",
    )
    contiv.make("Bgps", "h", hostname="h", routerip="5.1.1.1/24")
    assert (
        contiv.refused("globals", "global", **GLOBAL | new | {"fwdMode": "bridge"})
        == "please delete existing Bgp configs"
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"vlans": "100-50"}, "invalid range 100-50, min is greater than max"),
        ({"vlans": "0-100"}, "invalid range 0-100, values less than 1"),
        ({"vlans": "1-4096"}, "invalid range 1-4096, vlan values exceed 4095 max allowed"),
        ({"vlans": "4095-4095"}, "invalid range 4095-4095, vlan 4095 is reserved"),
        ({"vxlans": "1-70000"}, "invalid range 1-70000, vlan values exceed 65535 max allowed"),
        ({"vxlans": "1-16002"}, "does not allow vxlan range to exceed 16000 range 1-16002"),
        ({"vlans": "9-8", "vxlans": "9-7"}, "invalid range 9-8, min is greater than max"),
    ],
)
def test_ranges_that_cannot_be(contiv: Contiv, fields: dict[str, str], says: str) -> None:
    assert contiv.refused("globals", "global", **GLOBAL | fields) == says
    assert contiv.get("globals/global") == {"key": "global", **GLOBAL}


def test_the_widest_ranges_and_vlan_4095_which_is_never_given(contiv: Contiv) -> None:
    wide = GLOBAL | {"vlans": "4094-4095", "vxlans": "1-16001"}
    contiv.make("globals", "global", **wide)
    assert contiv.get("globals/global") == {"key": "global", **wide}
    contiv.network()
    assert oper(contiv, "net1")["pktTag"] == 4094
    said = {"tenantName": "blue", "networkName": "n", "encap": "vlan", "subnet": "20.1.1.0/24"}
    assert contiv.refused("networks", "blue:n", **said) == "no vlans available"
    assert contiv.refused("networks", "blue:n", **said, pktTag=4095) == "requested vlan not available - vlan:4095"


def test_the_private_subnet_is_compared_as_it_was_written(contiv: Contiv) -> None:
    written = GLOBAL | {"pvtSubnet": "172.20.5.7/16"}
    contiv.make("globals", "global", **written)
    contiv.network()
    contiv.make("globals", "global", **written | {"arpMode": "flood"})
    refused = contiv.refused("globals", "global", **written | {"pvtSubnet": "172.20.0.0/16"})
    assert refused == "Unable to update private subnet due to existing 1 vlans"


def test_without_a_forwarding_mode_no_network_is_made(contiv: Contiv) -> None:
    contiv.make("globals", "global", **GLOBAL | {"fwdMode": ""})
    assert "fwdMode" not in contiv.get("globals/global"), "what is left out is stored as that"
    said = {"tenantName": "blue", "networkName": "n", "encap": "vlan", "subnet": "20.1.1.0/24"}
    says = "Global configuration is not ready: global forwarding mode is not set"
    assert contiv.refused("networks", "blue:n", **said) == says
    assert contiv.refused("networks", "nosuch:n", **said | {"tenantName": "nosuch"}) == says, "before all else"


# --- tenants


def test_a_tenant_is_made_once(contiv: Contiv) -> None:
    made = contiv.make("tenants", "red", tenantName="red", defaultNetwork="nosuch")
    assert made == {"key": "red", "defaultNetwork": "nosuch", "tenantName": "red", "link-sets": {}}
    assert contiv.refused("tenants", "red", tenantName="red") == "Cant change tenant parameters after its created"


def test_what_a_tenant_has_keeps_it_step_by_step(contiv: Contiv) -> None:
    contiv.network()
    contiv.group()
    contiv.policy()
    contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np")
    contiv.make("appProfiles", "blue:ap", tenantName="blue", appProfileName="ap", endpointGroups=["g1"])
    steps = [
        ("appProfiles", "ap", "cannot delete blue, has 1 app profiles"),
        ("endpointGroups", "g1", "cannot delete blue has 1 endpoint groups"),
        ("policys", "p1", "cannot delete blue has 1 policies"),
        ("netprofiles", "np", "Cannot delete blue has 1 netprofiles"),
        ("networks", "net1", "cannot delete blue has 1 networks"),
    ]
    for collection, name, says in steps:
        assert contiv.gone("tenants", "blue") == says
        assert contiv.gone(collection, f"blue:{name}") == f"blue:{name}"
    contract = {"tenantName": "blue", "contractsGroupName": "c", "contractsType": "provided"}
    contiv.make("extContractsGroups", "blue:c", **contract)
    assert "it has 1 contract group" in contiv.gone("tenants", "blue"), "nothing is left without its tenant"
    contiv.gone("extContractsGroups", "blue:c")
    assert contiv.gone("tenants", "blue") == "blue"


def test_an_inspected_tenant_counts_what_it_has(contiv: Contiv) -> None:
    assert contiv.get("inspect/tenants/blue")["Oper"] == {}
    contiv.network()
    contiv.group(ipPool="10.1.1.10-10.1.1.20")
    contiv.endpoint("ep1", group="g1")
    found = contiv.get("inspect/tenants/blue")["Oper"]
    assert {name: found[name] for name in found if name.startswith("total")} == {
        "totalEPGs": 1,
        "totalEndpoints": 1,
        "totalNetworks": 1,
    }
    assert set(found["endpointGroups"][0]) == {"endpoints", "numEndpoints", "pktTag"}
    assert "networkTag" not in found["networks"][0]


def test_a_network_off_its_tenants_links_is_not_counted_and_yet_keeps_the_tenant(contiv: Contiv) -> None:
    contiv.network()
    contiv.network("net2", subnet="20.1.1.0/24", gateway="")
    contiv.endpoint("ep1")
    assert contiv.gone("networks", "blue:net1") == "Error: Network has active endpoints"
    found = contiv.get("inspect/tenants/blue")["Oper"]
    assert (found["totalNetworks"], len(found["networks"]), "totalEndpoints" in found) == (1, 1, False)
    assert contiv.gone("tenants", "blue") == "cannot delete blue has 1 networks"
    assert contiv.gone("networks", "blue:net2") == "blue:net2"
    assert "net1" in contiv.gone("tenants", "blue") or "1 network" in contiv.gone("tenants", "blue")
