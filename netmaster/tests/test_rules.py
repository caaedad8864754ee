"""rules: how they read, what they refuse, and what they come to."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Peer
from netmaster.tests.stage import Contiv, keys
from networks.actions import create_endpoint
from networks.models import EndpointGroup
from policies.actions import add_rule
from policies.explain import explain
from policies.models import Policy, Rule
from policies.rules import as_value
from tenants.change import SYSTEM
from tenants.models import Tenant


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
    for address in ("10.1.1.99", f"{front.ip4}/31", "10.1.1.1-9"):
        refused = f"failed to configure {address}, ip address is not in epg g3:blue"
        assert net.rule_refused("1", toIpAddress=address, action="deny") == refused
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
