"""Groups, policies, rules, profiles: what they say of each other, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from core.bandwidth import format_rate
from core.model import Peer
from netmaster.cards import vain
from netmaster.models import GroupCounter
from netmaster.tests.stage import Contiv
from networks.actions import create_endpoint, create_group
from networks.models import EndpointGroup, Network
from policies.actions import add_rule, create_profile
from policies.explain import explain
from policies.models import BandwidthProfile, Policy, Rule
from policies.rules import as_value
from tenants.change import SYSTEM
from tenants.models import Tenant


@pytest.fixture
def net(contiv: Contiv) -> Contiv:
    """Blue has net1 with the group g1."""
    contiv.network()
    contiv.group()
    return contiv


def keys(shown: Any, links: str) -> list[str]:
    """The peers of one link-set."""
    return list(shown["link-sets"].get(links, {}))


# --- groups


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


# --- rules


def test_a_rule_reads_as_it_was_written(net: Contiv) -> None:
    net.policy()
    made = net.rule("1", protocol="tcp", port=80, fromEndpointGroup="g1", fromIpAddress="10.1.1.1-20")
    assert made == {
        "key": "blue:p1:1",
        "action": "allow",
        "direction": "in",
        "fromEndpointGroup": "g1",
        "fromIpAddress": "10.1.1.1-20",
        "policyName": "p1",
        "port": 80,
        "priority": 1,
        "protocol": "tcp",
        "ruleId": "1",
        "tenantName": "blue",
        "link-sets": {"Policies": {"blue:p1": {"type": "policy", "key": "blue:p1"}}},
        "links": {"MatchEndpointGroup": {"type": "endpointGroup", "key": "blue:g1"}},
    }
    row = Rule.objects.get()
    assert (row.name, row.peer, row.peer_addresses, row.ports) == ("1", "group", "10.1.1.1-10.1.1.20", "80")
    assert keys(net.get("policys/blue:p1"), "Rules") == ["blue:p1:1"]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("10.1.1.20-1", "10.1.1.1-10.1.1.20"),
        ("10.1.1.9-100", "10.1.1.9-10.1.1.100"),
        ("10.1.1.7-7", "10.1.1.7/32"),
        ("10.1.1.9/24", "10.1.1.0/24"),
    ],
)
def test_addresses_of_a_rule_read_as_written(net: Contiv, said: str, stored: str) -> None:
    net.policy()
    assert net.rule("1", direction="out", toIpAddress=said)["toIpAddress"] == said
    assert net.get("rules/blue:p1:1")["toIpAddress"] == said
    assert Rule.objects.get().peer_addresses == stored


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"policyName": "nosuch"}, "Policy not found"),
        ({"tenantName": "nosuch"}, "Policy not found"),
        ({"direction": ""}, "direction string invalid format"),
        ({"action": "reject"}, "action string invalid format"),
        ({"priority": 101}, "priority Value Out of bound"),
        ({"priority": -1}, "priority Value Out of bound"),
        ({"port": 65536}, "port Value Out of bound"),
        ({"protocol": "igmp"}, "protocol string invalid format"),
        ({"protocol": "1000"}, "protocol string invalid format"),
        ({"toEndpointGroup": "g1"}, "can not specify 'to' parameters in incoming rule"),
        ({"toNetwork": "net1"}, "can not specify 'to' parameters in incoming rule"),
        ({"direction": "out", "fromNetwork": "net1"}, "can not specify 'from' parameters in outgoing rule"),
        ({"direction": "out", "fromIpAddress": "1.1.1.1"}, "can not specify 'from' parameters in outgoing rule"),
        (
            {"fromNetwork": "net1", "fromIpAddress": "1.1.1.1"},
            "can not specify both from network and from ip address",
        ),
        (
            {"fromNetwork": "net1", "fromEndpointGroup": "g1"},
            "can not specify both from network and from EndpointGroup",
        ),
        (
            {"direction": "out", "toNetwork": "net1", "toIpAddress": "1.1.1.1"},
            "can not specify both to-network and to-ip address",
        ),
        (
            {"direction": "out", "toNetwork": "net1", "toEndpointGroup": "g1"},
            "can not specify both to-network and to-EndpointGroup",
        ),
        ({"fromEndpointGroup": "nosuch"}, "endpoint group not found"),
        ({"fromNetwork": "nosuch"}, "from Network not found"),
        ({"direction": "out", "toNetwork": "nosuch"}, "to Network not found"),
        ({"toIpAddress": "10.1.1.3"}, "failed to configure 10.1.1.3, 0 endpoint groups linked to policy p1"),
        ({"fromIpAddress": "0.0.0.0/0"}, "fromIpAddress string invalid format"),
        ({"fromIpAddress": "1.1.1.1/32"}, "fromIpAddress string invalid format"),
    ],
)
def test_rules_that_cannot_be(net: Contiv, fields: dict[str, Any], says: str) -> None:
    net.policy()
    assert net.rule_refused("1", fields.get("policyName", "p1"), fields.get("tenantName", "blue"), **fields) == says
    assert not Rule.objects.exists()


def test_an_incoming_rule_may_be_about_one_address_of_its_own_side(net: Contiv) -> None:
    net.policy()
    net.group("g3", policies=["p1"])
    blue, group = Tenant.objects.get(name="blue"), EndpointGroup.objects.get(name="g3")
    front, back = (
        create_endpoint(actor=SYSTEM, tenant=blue, name=name, network=group.network, group=group)
        for name in ("front", "back")
    )
    refused = "failed to configure 10.1.1.99, 1 endpoint groups linked to policy p1"
    assert net.rule_refused("1", toIpAddress="10.1.1.99", action="deny") == refused
    made = net.rule("1", toIpAddress=str(front.ip4), protocol="tcp", port=80, action="deny")
    assert made["toIpAddress"] == front.ip4 and "fromIpAddress" not in made
    assert net.get("rules/blue:p1:1") == made
    assert [as_value(row).own for row in Rule.objects.all()] == [(f"{front.ip4}/32",)]
    for name, expected in (("front", "deny"), ("back", "allow")):
        assert explain(tenant=blue, source="10.2.2.2", destination=name, port=80).action == expected
    net.group("g2", policies=["p1"])
    refused = f"failed to configure {back.ip4}, 2 endpoint groups linked to policy p1"
    assert net.rule_refused("2", toIpAddress=str(back.ip4)) == refused


def test_a_rule_is_made_once_and_may_be_idle(net: Contiv) -> None:
    net.policy()
    net.rule("1", action="deny")
    net.rule("2", protocol="tcp", port=80)
    net.rule("3", action="deny")
    assert net.rule_refused("2", protocol="tcp", port=80) == "can not update a rule after its created"


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"protocol": "256"}, {"protocol": "256"}),
        ({"protocol": "tcp", "port": -1}, {"port": "-1"}),
        ({"protocol": "999", "port": -7}, {"protocol": "999", "port": "-7"}),
        ({"protocol": "300", "port": 80}, {"protocol": "300"}),
    ],
)
def test_what_does_not_exist_reads_as_written_and_matches_nothing(
    net: Contiv, said: dict[str, Any], missing: dict[str, str]
) -> None:
    net.policy()
    made = net.rule("1", **said)
    assert {name: made[name] for name in said} == said
    assert net.get("rules/blue:p1:1") == made
    row = Rule.objects.get()
    assert (row.missing, row.protocol in ("any", "tcp"), row.ports) == (missing, True, "")
    assert as_value(row).peer == Peer("nothing")


def test_ports_count_with_tcp_and_udp_alone(net: Contiv) -> None:
    net.policy()
    assert net.rule("1", protocol="icmp", port=80)["port"] == 80
    assert Rule.objects.get().ports == ""


@pytest.mark.parametrize(("said", "stored"), [("6", "tcp"), ("17", "udp"), ("006", "tcp"), ("udp", "udp")])
def test_a_protocol_by_number_keeps_its_port(net: Contiv, said: str, stored: str) -> None:
    net.policy()
    assert net.rule("1", protocol=said, port=53)["protocol"] == said
    assert (Rule.objects.get().protocol, Rule.objects.get().ports) == (stored, "53")


def test_a_rule_made_elsewhere_goes_by_its_number(net: Contiv) -> None:
    net.policy()
    blue, policy = Tenant.objects.get(name="blue"), Policy.objects.get()
    row = add_rule(actor=SYSTEM, tenant=blue, policy=policy, protocol="tcp", ports="80, 443", peer="address",
                   peer_addresses="10.0.0.0/8, 11.0.0.1")  # fmt: skip
    shown = net.get(f"rules/blue:p1:{row.pk}")
    assert (shown["ruleId"], shown["fromIpAddress"], "port" in shown) == (str(row.pk), "10.0.0.0/8, 11.0.0.1", False)
    assert net.gone("rules", f"blue:p1:{row.pk}") == f"blue:p1:{row.pk}"


# --- profiles


@pytest.mark.parametrize(
    ("bandwidth", "rate"),
    [("10mbps", 10 * 1024**2), ("10 Mbps", 10 * 1024**2), ("64k", 64 * 1024), ("1Gb", 1024**3), ("", 0)],
)
def test_a_rate_is_counted_as_contiv_counts_and_read_as_it_was_written(
    contiv: Contiv, bandwidth: str, rate: int
) -> None:
    said = {"tenantName": "blue", "profileName": "np_1", "bandwidth": bandwidth, "DSCP": 46, "burst": 2}
    made = contiv.make("netprofiles", "blue:np_1", **said)
    assert made.get("bandwidth", "") == bandwidth
    row = BandwidthProfile.objects.get()
    assert (row.rate_bps, row.burst_bytes, row.dscp) == (rate, 2000, 46)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"bandwidth": "10"}, "bandwidth string invalid format"),
        ({"bandwidth": "010mbps"}, "bandwidth string invalid format"),
        ({"bandwidth": "10tbps"}, "bandwidth string invalid format"),
        ({"DSCP": 64}, "DSCP Value Out of bound"),
        ({"burst": 10487}, "burst Value Out of bound"),
        ({"burst": 1}, "Invalid Burst size. burst size > 1500 bytes"),
        ({"profileName": "x" * 65}, "profileName string too long"),
        ({"bandwidth": "1" * 64 + "k"}, "bandwidth string too long"),
        ({"tenantName": "nosuch"}, "Tenant not found"),
        ({"tenantName": "no_such"}, "Tenant not found"),
        ({"tenantName": "nosuch", "burst": 1}, "Invalid Burst size. burst size > 1500 bytes"),
    ],
)
def test_profiles_that_cannot_be(contiv: Contiv, fields: dict[str, Any], says: str) -> None:
    said = {"tenantName": "blue", "profileName": "np"} | fields
    assert contiv.refused("netprofiles", f"{said['tenantName']}:{said['profileName']}", **said) == says


def test_a_mark_that_does_not_exist_reads_as_written_and_marks_nothing(contiv: Contiv) -> None:
    assert contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", DSCP=-1)["DSCP"] == -1
    assert contiv.get("netprofiles/blue:np")["DSCP"] == -1
    row = BandwidthProfile.objects.get()
    assert row.dscp is None
    assert vain("netprofiles", row) == ["There is no priority mark (DSCP) -1: packets keep the mark they have."]
    contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", DSCP=9)
    row.refresh_from_db()
    assert (row.dscp, vain("netprofiles", row)) == (9, [])


def test_an_update_replaces_all_of_a_profile(contiv: Contiv) -> None:
    contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", DSCP=9, burst=100, bandwidth="1mbps")
    made = contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", bandwidth="2mbps")
    assert ("DSCP" in made, made["bandwidth"]) == (False, "2mbps")
    said = {"tenantName": "blue", "profileName": "np", "burst": 1}
    assert contiv.refused("netprofiles", "blue:np", **said) == "Invalid Burst size. burst size must be > 1500 bytes"


def test_a_profile_made_elsewhere_is_shown_in_contivs_units(contiv: Contiv) -> None:
    blue = Tenant.objects.get(name="blue")
    for name, rate in (("a", 10 * 1024**2), ("b", 10_000_000), ("c", 1000)):
        create_profile(actor=SYSTEM, tenant=blue, name=name, rate_bps=rate)
    assert format_rate(10_000_000) == "10 Mbit/s"
    assert [contiv.get(f"netprofiles/blue:{n}")["bandwidth"] for n in "abc"] == ["10mbps", "9765kbps", "1kbps"]
