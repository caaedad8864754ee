"""endpointGroups: what they say of policies and profiles, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Peer
from netmaster.models import GroupCounter
from netmaster.tests.stage import Contiv, keys
from networks.actions import create_group
from networks.models import EndpointGroup, Fabric, Network
from policies.models import Rule
from policies.rules import as_value
from tenants.change import SYSTEM
from tenants.models import Tenant


def test_a_group_is_linked_on_both_sides(net: Contiv) -> None:
    net.policy()
    net.make("netprofiles", "blue:np", tenantName="blue", profileName="np", bandwidth="1mbps")
    made = net.group("g2", policies=["p1"], netProfile="np", cfgdTag="tag")
    assert made["link-sets"] == {"Policies": {"blue:p1": {"type": "policy", "key": "blue:p1"}}}
    assert made["links"] == {
        "AppProfile": {},
        "NetProfile": {"type": "netprofile", "key": "blue:np"},
        "Network": {"type": "network", "key": "blue:net1"},
        "Tenant": {"type": "tenant", "key": "blue"},
    }
    assert keys(net.get("networks/blue:net1"), "EndpointGroups") == ["blue:g1", "blue:g2"]
    assert keys(net.get("policys/blue:p1"), "EndpointGroups") == ["blue:g2"]
    assert keys(net.get("netprofiles/blue:np"), "EndpointGroups") == ["blue:g2"]
    assert net.get("inspect/endpointGroups/blue:g2")["Oper"] == {"groupTag": "tag", "pktTag": 1}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tenantName": "nosuch"}, "Tenant not found"),
        ({"networkName": "nosuch"}, "Network nosuch not found"),
        ({"networkName": ""}, "networkName string invalid format"),
        ({"groupName": "net1"}, "Network net1 conflicts with the endpointGroup name"),
        ({"policies": ["nosuch"]}, "Policy not found"),
        ({"netProfile": "nosuch"}, "netprofile not found"),
        ({"extContractsGrps": ["nosuch"]}, "External contracts group nosuch not found"),
        ({"ipPool": "10.1.1.30-10.1.1.25"}, "invalid ip-pool 10.1.1.30-10.1.1.25"),
        (
            {"ipPool": "10.1.5.1-10.1.5.9"},
            "bad ip-pool 10.1.5.1-10.1.5.9, EPG ip-pool must be a subset of network 10.1.1.0/24",
        ),
        ({"ipPool": "10.1.1.0-10.1.1.9"}, "ip address 10.1.1.0 is not available"),
        ({"ipPool": "10.1.1.255-10.1.1.255"}, "ip address 10.1.1.255 is not available"),
        ({"ipPool": "10.1.1.250-10.1.2.9"}, "invalid ip-pool 10.1.1.250-10.1.2.9"),
        ({"ipPool": "10.1.0.250-10.1.1.9"}, "invalid ip-pool 10.1.0.250-10.1.1.9"),
        (
            {"networkName": "range", "ipPool": "20.1.2.1-20.1.2.9"},
            "bad ip-pool 20.1.2.1-20.1.2.9, EPG ip-pool must be a subset of network 20.1.1.0/24",
        ),
        ({"networkName": "range", "ipPool": "20.1.1.5-20.1.1.12"}, "ip address 20.1.1.5 is not available"),
        ({"networkName": "range", "ipPool": "20.1.1.45-20.1.1.60"}, "ip address 20.1.1.51 is not available"),
        ({"ipPool": "10.1.1.15-10.1.1.25"}, "ip address 10.1.1.15 is not available"),
        ({"ipPool": "10.1.1.250-10.1.1.255"}, "ip address 10.1.1.254 is not available"),
        ({"ipPool": "10.1.1.30-40"}, "ipPool string invalid format"),
        ({"ipPool": "10.1.1.30"}, "ipPool string invalid format"),
        ({"ipPool": "10.1.1.0/28"}, "ipPool string invalid format"),
    ],
)
def test_groups_that_cannot_be_leave_nothing_behind(net: Contiv, fields: dict[str, Any], says: str) -> None:
    net.group("pool", ipPool="10.1.1.10-10.1.1.20")
    net.network("range", subnet="20.1.1.10-20.1.1.50/24", gateway="")
    said = {"tenantName": "blue", "groupName": "g9", "networkName": "net1"} | fields
    assert net.refused("endpointGroups", f"{said['tenantName']}:{said['groupName']}", **said) == says
    assert EndpointGroup.objects.count() == 2


def test_a_refused_attachment_leaves_neither_pool_nor_group(net: Contiv) -> None:
    said = {"tenantName": "blue", "groupName": "g9", "networkName": "net1", "ipPool": "10.1.1.30-10.1.1.40"}
    assert net.refused("endpointGroups", "blue:g9", **said, netProfile="nosuch") == "netprofile not found"
    assert net.group("g8", ipPool="10.1.1.30-10.1.1.30")


def test_a_new_group_names_a_policy_once_and_an_update_as_often_as_it_likes(net: Contiv) -> None:
    net.policy("p1")
    said = {"tenantName": "blue", "groupName": "g9", "networkName": "net1", "policies": ["p1", "p1"]}
    assert net.refused("endpointGroups", "blue:g9", **said) == "Epg policy exists"
    assert net.group(policies=["p1", "p1"])["policies"] == ["p1", "p1"]
    assert keys(net.get("endpointGroups/blue:g1"), "Policies") == ["blue:p1"]
    globals_ = {name: value for name, value in net.get("globals/global").items() if name != "key"}
    net.make("globals", "global", **globals_ | {"networkInfraType": "aci"})
    assert net.make("endpointGroups", "blue:g9", **said), "there, policies are not looked at"


def test_an_update_replaces_what_is_attached_and_answers_what_was_sent(net: Contiv) -> None:
    net.policy("p1")
    net.policy("p2")
    assert net.group(policies=["p2", "p1"])["policies"] == ["p2", "p1"], "in the order it was said"
    answer = net.group(policies=["p1"])
    assert (answer["policies"], answer["link-sets"], answer["links"]["Network"]) == (["p1"], {}, {})
    stored = net.get("endpointGroups/blue:g1")
    assert stored["links"]["Network"] == {"type": "network", "key": "blue:net1"}
    assert keys(stored, "Policies") == ["blue:p1"]
    assert keys(net.get("policys/blue:p2"), "EndpointGroups") == []
    assert net.ask("PUT", "/api/v1/endpointGroups/blue:g1/", stored) == (200, stored), "links sent along come back"
    assert "policies" not in net.group()
    said = {"tenantName": "blue", "groupName": "g1", "networkName": "net1"}
    assert net.refused("endpointGroups", "blue:g1", **said | {"networkName": "x"}) == (
        "Cannot change network association after epg is created."
    )
    assert net.refused("endpointGroups", "blue:g1", **said, ipPool="10.1.1.1-10.1.1.2") == (
        "Cannot change IP pool after epg is created."
    )
    assert net.group(cfgdTag="late")["cfgdTag"] == "late"
    assert "cfgdTag" not in net.get("endpointGroups/blue:g1"), "a tag is given once"


def test_groups_are_counted_round_and_round_and_one_refused_late_is_counted_too(net: Contiv) -> None:
    def number(name: str) -> int:
        found: int = net.endpoint(f"ep-{name}", group=name)["endpointGroupId"]
        return found

    said = {"tenantName": "blue", "groupName": "late", "networkName": "net1"}
    for extra in ({"policies": ["none"]}, {"netProfile": "none"}, {"extContractsGrps": ["none"]}):
        assert "ot found" in net.refused("endpointGroups", "blue:late", **said | extra)
    net.refused("endpointGroups", "blue:late", **said, ipPool="10.1.1.9-10.1.1.1")
    assert (number("g1"), EndpointGroup.objects.count()) == (1, 1)
    net.group("g2")
    assert number("g2") == 5
    create_group(actor=SYSTEM, tenant=Tenant.objects.get(name="blue"), name="ours", network=Network.objects.get())
    net.group("g3")
    net.gone("endpointGroups", "blue:g3")
    assert number("ours") == 7, "counted when it was first shown"
    GroupCounter.objects.update(last=65534)
    net.group("g4")
    net.group("g5")
    assert (number("g4"), number("g5")) == (65535, 2), "1 is taken"
    shown = net.get("inspect/networks/blue:net1")["Oper"]["endpoints"]
    assert [one["endpointGroupId"] for one in shown] == [1, 5, 7, 65535, 2]


def test_where_the_fabric_is_aci_groups_are_on_vlans_only(net: Contiv) -> None:
    net.network("tunnel", encap="vxlan", subnet="10.1.9.0/24", gateway="10.1.9.254")
    Fabric.objects.update_or_create(pk=1, defaults={"infra_type": "aci"})
    net.network("later", encap="vxlan", subnet="10.1.8.0/24", gateway="10.1.8.254")
    for name in ("tunnel", "later"):
        said = {"tenantName": "blue", "groupName": "g2", "networkName": name}
        assert net.refused("endpointGroups", "blue:g2", **said) == "network type must be VLAN for ACI mode"
    assert [one["groupName"] for one in net.get("endpointGroups")] == ["g1"]
    net.group("g2")
    Fabric.objects.update(infra_type="aci-opflex")
    net.group("g3", networkName="tunnel")


def test_a_pool_is_shown_on_both_levels_and_runs_dry(net: Contiv) -> None:
    net.group("pool", ipPool="10.1.1.10-10.1.1.11")
    assert [net.endpoint(f"ep{n}", group="pool")["ipAddress"] for n in (1, 2)] == ["10.1.1.10", "10.1.1.11"]
    assert net.endpoint("ep3")["ipAddress"] == "10.1.1.1"
    pool = net.get("inspect/endpointGroups/blue:pool")["Oper"]
    assert (pool["allocatedIPAddresses"], pool.get("availableIPAddresses")) == ("10.1.1.10-10.1.1.11", None)
    network = net.get("inspect/networks/blue:net1")["Oper"]
    assert network["allocatedIPAddresses"] == "10.1.1.1, 10.1.1.10-10.1.1.11, 10.1.1.254"
    assert network["allocatedAddressesCount"] == 3
    asked = {"NetworkID": "net1:pool.blue", "AddressPool": "10.1.1.0/24"}
    assert net.ask("POST", "/plugin/allocAddress", asked) == (
        500,
        "auto allocation failed - address exhaustion in pool 10.1.1.10-10.1.1.11",
    )


def test_a_group_that_a_rule_in_effect_names_stays(net: Contiv) -> None:
    net.policy()
    net.group("g2")
    net.rule("1", fromEndpointGroup="g2")
    net.group(policies=["p1"])
    assert keys(net.get("endpointGroups/blue:g2"), "MatchRules") == ["blue:p1:1"]
    assert "rule 1 of policy p1 names it" in net.gone("endpointGroups", "blue:g2")
    net.group()
    assert net.gone("endpointGroups", "blue:g2") == "blue:g2"


def test_a_rule_of_a_group_that_is_gone_reads_as_it_was_and_matches_nothing(net: Contiv) -> None:
    net.policy()
    net.group("g2")
    made = net.rule("1", fromEndpointGroup="g2", fromIpAddress="10.1.1.0/28")
    net.gone("endpointGroups", "blue:g2")
    assert net.get("rules/blue:p1:1") == made
    net.group("g2")
    net.group(policies=["p1"])
    assert net.get("rules/blue:p1:1") == made
    assert keys(net.get("endpointGroups/blue:g2"), "MatchRules") == []
    assert as_value(Rule.objects.get()).peer == Peer("nothing")
    assert net.gone("rules", "blue:p1:1") == "blue:p1:1"


def test_a_group_and_the_only_policy_about_it_can_go(net: Contiv) -> None:
    net.policy()
    net.rule("1", fromEndpointGroup="g1")
    net.group(policies=["p1"])
    assert net.gone("endpointGroups", "blue:g1") == "blue:g1"
    assert Rule.objects.get().missing == {"group": "g1"}


def test_a_deleted_group_is_off_everything(net: Contiv) -> None:
    net.policy()
    net.make("netprofiles", "blue:np", tenantName="blue", profileName="np")
    net.group(policies=["p1"], netProfile="np")
    assert net.gone("policys", "blue:p1") == "Policy is being used"
    assert net.gone("netprofiles", "blue:np") == "NetProfile is being used"
    net.endpoint("ep1", group="g1")
    assert net.gone("endpointGroups", "blue:g1") == "Error: EPG g1 has active endpoints"
    net.ask("POST", "/plugin/deleteEndpoint", {"TenantName": "blue", "NetworkName": "net1", "EndpointID": "ep1"})
    assert net.gone("endpointGroups", "blue:g1") == "blue:g1"
    assert net.gone("policys", "blue:p1") == "blue:p1"
