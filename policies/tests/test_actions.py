"""The verbs on policies, rules and bandwidth profiles: what they do, and each thing they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from networks.actions import create_group, create_network
from networks.models import EndpointGroup, Network
from policies import actions
from policies.models import BandwidthProfile, Policy, Rule
from policies.rules import as_value
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast


def refusal(verb: Any, **arguments: Any) -> dict[str, tuple[str, str]]:
    """What a verb refuses: field → (code, sentence). That it changes nothing is checked along the way."""
    models = (Policy, Rule, BandwidthProfile, AuditEntry)
    counts = [model.objects.count() for model in models]
    with pytest.raises(ValidationError) as caught:
        verb(actor=SYSTEM, **arguments)
    assert counts == [model.objects.count() for model in models]
    return {field: (str(errors[0].code), errors[0].messages[0]) for field, errors in caught.value.error_dict.items()}


def network(tenant: Tenant, third: int = 1) -> Network:
    name, subnet = f"net{third}", f"20.1.{third}.0/24"
    found = Network.objects.filter(tenant=tenant, name=name).first()
    return found or create_network(actor=SYSTEM, tenant=tenant, name=name, subnet4=subnet)


def group(tenant: Tenant, name: str = "web") -> EndpointGroup:
    return create_group(actor=SYSTEM, tenant=tenant, name=name, network=network(tenant))


def policy(tenant: Tenant, name: str = "p", **fields: Any) -> Policy:
    return actions.create_policy(actor=SYSTEM, tenant=tenant, name=name, **fields)


def rule(on: Policy, **fields: Any) -> Rule:
    return actions.add_rule(actor=SYSTEM, tenant=on.tenant, policy=on, **fields)


# --- policies -----------------------------------------------------------------------------------------------------


def test_it_puts_a_policy_on_groups_and_records_their_names(people: Cast) -> None:
    web, db = group(people.blue, "web"), group(people.blue, "db")
    made = policy(people.blue, groups=[web, db, web])
    assert set(made.groups.all()) == {web, db}
    entry = AuditEntry.objects.first()
    assert entry is not None and entry.after
    assert entry.after["groups"] == [{"id": web.pk, "name": "web"}, {"id": db.pk, "name": "db"}]
    actions.update_policy(actor=SYSTEM, row=made, groups=[db])
    entry = AuditEntry.objects.first()
    assert entry is not None and entry.before and entry.after
    assert [each["name"] for each in entry.before["groups"]] == ["web", "db"]
    assert [each["name"] for each in entry.after["groups"]] == ["db"]
    actions.update_policy(actor=SYSTEM, row=made, name="renamed")
    assert set(made.groups.all()) == {db}, "what is not given stays"


def test_it_refuses_groups_of_another_tenant(people: Cast) -> None:
    theirs = group(people.green, "secret")
    found = refusal(actions.create_policy, tenant=people.blue, name="p", groups=[theirs])
    assert found["groups"][0] == "unknown"
    assert "secret" not in found["groups"][1]
    mine = policy(people.blue)
    assert refusal(actions.update_policy, row=mine, groups=[theirs])["groups"][0] == "unknown"


def test_it_refuses_a_policys_name_in_use(people: Cast) -> None:
    policy(people.blue)
    assert refusal(actions.create_policy, tenant=people.blue, name="p")["name"][0] == "name_in_use"
    assert policy(people.green).name == "p"


def test_it_refuses_to_delete_a_policy_that_is_on_a_group(people: Cast) -> None:
    web = group(people.blue)
    made = policy(people.blue, groups=[web])
    rule(made)
    with pytest.raises(Refused) as caught:
        actions.delete_policy(actor=SYSTEM, row=made)
    assert caught.value.users == ["it is on group web"]
    actions.update_policy(actor=SYSTEM, row=made, groups=[])
    actions.delete_policy(actor=SYSTEM, row=made)
    entry = AuditEntry.objects.first()
    assert entry is not None and entry.before
    assert len(entry.before["rules"]) == 1, "the record holds the rules that went with it"
    assert not Rule.objects.exists()


# --- rules --------------------------------------------------------------------------------------------------------


def test_it_stores_a_rule_in_canonical_form(people: Cast) -> None:
    made = rule(
        policy(people.blue),
        protocol=" 6",
        ports="443, 80-90,85,91",
        peer="address",
        peer_addresses="20.1.1.9-20.1.1.5".replace("9-20.1.1.5", "5-20.1.1.9") + ",10.0.0.0/8, FD00::/8",
    )
    assert (made.protocol, made.ports) == ("tcp", "80-91, 443")
    assert made.peer_addresses == "10.0.0.0/8, 20.1.1.5-20.1.1.9, fd00::/8"


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"protocol": "tcp", "ports": "0"}, "ports", "ports"),
        ({"protocol": "tcp", "ports": "70000"}, "ports", "ports"),
        ({"protocol": "tcp", "ports": "90-80"}, "ports", "ports"),
        ({"protocol": "tcp", "ports": "http"}, "ports", "ports"),
        ({"protocol": "icmp", "ports": "80"}, "ports", "ports"),
        ({"ports": "80"}, "ports", "ports"),
        ({"protocol": "256"}, "protocol", "protocol"),
        ({"protocol": "quic"}, "protocol", "protocol"),
        ({"priority": 0}, "priority", "min_value"),
        ({"priority": 101}, "priority", "max_value"),
        ({"direction": "up"}, "direction", "invalid_choice"),
        ({"action": "maybe"}, "action", "invalid_choice"),
        ({"peer": "friend"}, "peer", "invalid_choice"),
        ({"peer": "group"}, "peer_group", "needed"),
        ({"peer": "network"}, "peer_network", "needed"),
        ({"peer": "address"}, "peer_addresses", "peer_addresses"),
        ({"peer": "address", "peer_addresses": "10.0.0.1/8"}, "peer_addresses", "peer_addresses"),
        ({"peer": "address", "peer_addresses": "x"}, "peer_addresses", "peer_addresses"),
        ({"peer_addresses": "10.0.0.0/8"}, "peer_addresses", "unwanted"),
    ],
)
def test_it_refuses_a_rule_that_cannot_be(people: Cast, fields: dict[str, Any], field: str, code: str) -> None:
    found = refusal(actions.add_rule, tenant=people.blue, policy=policy(people.blue), **fields)
    assert {name: said[0] for name, said in found.items()} == {field: code}


def test_it_refuses_a_peer_or_policy_of_another_tenant(people: Cast) -> None:
    theirs, mine = group(people.green), policy(people.blue)
    found = refusal(actions.add_rule, tenant=people.blue, policy=mine, peer="group", peer_group=theirs)
    assert found["peer_group"][0] == "unknown"
    found = refusal(actions.add_rule, tenant=people.blue, policy=policy(people.green))
    assert found["policy"][0] == "unknown"


def test_it_refuses_a_rule_without_effect(people: Cast) -> None:
    made = policy(people.blue)
    first = rule(made, priority=5, action="deny", protocol="tcp")
    found = refusal(actions.add_rule, tenant=people.blue, policy=made, priority=4, protocol="tcp", ports="80")
    assert found["action"][0] == "without_effect"
    assert f"rule {first.pk}, priority 5, deny decides all of it first" in found["action"][1]
    found = refusal(actions.add_rule, tenant=people.blue, policy=made, priority=5, action="deny", protocol="tcp")
    assert "there already" in found["action"][1]
    assert rule(made, priority=6, protocol="tcp", ports="80").pk


def test_another_kind_of_peer_lets_go_of_the_old_one(people: Cast) -> None:
    web = group(people.blue)
    made = rule(policy(people.blue), peer="group", peer_group=web)
    changed = actions.update_rule(actor=SYSTEM, row=made, peer="network", peer_network=web.network)
    assert (changed.peer, changed.peer_group, changed.peer_network) == ("network", None, web.network)
    changed = actions.update_rule(actor=SYSTEM, row=made, peer="any")
    assert (changed.peer_network, changed.peer_addresses) == (None, "")


def test_every_change_of_a_rule_moves_its_policys_generation(people: Cast) -> None:
    made = policy(people.blue)
    seen = [made.generation]
    one = rule(made, protocol="tcp")
    seen.append(Policy.objects.get(pk=made.pk).generation)
    actions.update_rule(actor=SYSTEM, row=one, ports="80")
    seen.append(Policy.objects.get(pk=made.pk).generation)
    actions.delete_rule(actor=SYSTEM, row=one)
    seen.append(Policy.objects.get(pk=made.pk).generation)
    assert seen == sorted(set(seen))
    assert seen[-1] == Tenant.objects.get(pk=people.blue.pk).generation


def test_a_rule_stays_in_its_policy(people: Cast) -> None:
    made, other = rule(policy(people.blue)), policy(people.blue, "other")
    assert refusal(actions.update_rule, row=made, policy=other)["policy"][0] == "fixed"


def test_rules_of_a_table_that_stay_as_they_are_are_not_written(people: Cast) -> None:
    made = policy(people.blue)
    lines = [{"protocol": "tcp", "ports": str(port)} for port in (80, 81, 82)]
    assert actions.replace_rules(actor=SYSTEM, policy=made, rules=lines)
    table = [{"id": row.pk, "protocol": row.protocol, "ports": row.ports} for row in made.rules.order_by("pk")]
    assert not actions.replace_rules(actor=SYSTEM, policy=made, rules=table)
    table[1]["ports"] = "8080"
    with CaptureQueriesContext(connection) as seen:
        assert actions.replace_rules(actor=SYSTEM, policy=made, rules=table)
    assert len([one for one in seen if one["sql"].startswith('UPDATE "policies_rule"')]) == 1


def test_a_table_of_a_thousand_rules_is_checked_and_saved(people: Cast) -> None:
    made = policy(people.blue)
    table = [
        {
            "protocol": "tcp",
            "ports": str(1000 + n),
            "peer": "address",
            "peer_addresses": f"10.{n % 200}.{n // 200}.0/24",
        }
        for n in range(1000)
    ]
    assert actions.replace_rules(actor=SYSTEM, policy=made, rules=table)
    assert made.rules.count() == 1000


# --- bandwidth profiles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"rate_bps": 1}, "rate_bps", "rate"),
        ({"rate_bps": -5}, "rate_bps", "rate"),
        ({"rate_bps": 10**15}, "rate_bps", "rate"),
        ({"burst_bytes": 10}, "burst_bytes", "burst"),
        ({"dscp": 64}, "dscp", "max_value"),
        ({"name": "slow"}, "name", "name_in_use"),
    ],
)
def test_it_refuses_a_profile_that_cannot_be(people: Cast, fields: dict[str, Any], field: str, code: str) -> None:
    actions.create_profile(actor=SYSTEM, tenant=people.blue, name="slow", rate_bps=10**6)
    wanted = {"name": "other", "rate_bps": 10**6} | fields
    found = refusal(actions.create_profile, tenant=people.blue, **wanted)
    assert {name: said[0] for name, said in found.items()} == {field: code}


def test_a_group_has_one_profile_and_the_refusal_says_which(people: Cast) -> None:
    web = group(people.blue)
    first = actions.create_profile(actor=SYSTEM, tenant=people.blue, name="first", rate_bps=10**6, groups=[web])
    found = refusal(actions.create_profile, tenant=people.blue, name="second", rate_bps=10**7, groups=[web])
    assert found["groups"] == ("taken", "A group has one bandwidth profile: web has first. Take that one off first.")
    with pytest.raises(Refused) as caught:
        actions.delete_profile(actor=SYSTEM, row=first)
    assert caught.value.users == ["it is on group web"]
    actions.update_profile(actor=SYSTEM, row=first, groups=[])
    second = actions.create_profile(actor=SYSTEM, tenant=people.blue, name="second", rate_bps=10**7, groups=[web])
    assert list(second.groups.all()) == [web]
    changed = actions.update_profile(actor=SYSTEM, row=second, rate_bps=2 * 10**7, dscp=46)
    assert (changed.rate_bps, changed.dscp, list(changed.groups.all())) == (2 * 10**7, 46, [web])
    actions.delete_profile(actor=SYSTEM, row=first)
    assert list(BandwidthProfile.objects.all()) == [second]


def test_a_profile_may_mark_without_limiting(people: Cast) -> None:
    made = actions.create_profile(actor=SYSTEM, tenant=people.blue, name="gold_mark 1", rate_bps=0, dscp=46)
    assert (made.rate_bps, made.dscp, made.name) == (0, 46, "gold_mark 1")


# --- names of rules, narrowed groups, idle rules --------------------------------------------------------------------


def test_a_rule_name_is_once_in_its_policy(people: Cast) -> None:
    first, second = policy(people.blue), policy(people.blue, "q")
    rule(first, name="web", protocol="tcp", ports="80")
    assert str(rule(second, name="web")) == "q/web"
    found = refusal(actions.add_rule, tenant=people.blue, policy=first, name="web", protocol="udp")
    assert found["name"][0] == "name_in_use"
    other = rule(first, protocol="udp")
    found = refusal(actions.update_rule, row=other, name="web")
    assert found["name"][0] == "name_in_use"
    table = [{"name": "x", "protocol": "tcp"}, {"name": "x", "protocol": "udp"}]
    assert refusal(actions.replace_rules, policy=first, rules=table)["rules.1.name"][0] == "name_in_use"


def test_rules_of_one_table_swap_and_hand_on_their_names(people: Cast) -> None:
    on = policy(people.blue)
    first, second = rule(on, name="a", protocol="tcp"), rule(on, name="b", protocol="udp")
    table = [{"id": first.pk, "name": "b", "protocol": "tcp"}, {"id": second.pk, "name": "a", "protocol": "udp"}]
    actions.replace_rules(actor=SYSTEM, policy=on, rules=table)
    assert dict(on.rules.values_list("protocol", "name")) == {"tcp": "b", "udp": "a"}
    table = [
        {"protocol": "icmp", "name": "b"},
        {"id": first.pk, "name": "a", "protocol": "tcp"},
        {"id": second.pk, "name": "c", "protocol": "udp"},
    ]
    actions.replace_rules(actor=SYSTEM, policy=on, rules=table)
    assert dict(on.rules.values_list("protocol", "name")) == {"tcp": "a", "udp": "c", "icmp": "b"}


def test_addresses_beside_a_group_narrow_it(people: Cast) -> None:
    web = group(people.blue)
    made = rule(policy(people.blue), peer="group", peer_group=web, peer_addresses="20.1.1.9, 20.1.1.8")
    assert (made.peer, made.peer_addresses) == ("group", "20.1.1.8/32, 20.1.1.9/32")
    value = as_value(made)
    assert (value.peer.kind, value.peer.id, value.peer.ranges) == ("group", web.pk, ("20.1.1.8/32", "20.1.1.9/32"))
    found = refusal(actions.add_rule, tenant=people.blue, policy=made.policy, peer="group", peer_addresses="20.1.1.9")
    assert found["peer_group"][0] == "needed"


def test_own_addresses_narrow_a_rule_to_some_of_its_own_side(people: Cast) -> None:
    on = policy(people.blue, groups=[group(people.blue)])
    made = rule(on, action="deny", own_addresses="20.1.1.9, 20.1.1.8")
    assert made.own_addresses == "20.1.1.8/32, 20.1.1.9/32"
    assert as_value(made).own == ("20.1.1.8/32", "20.1.1.9/32")
    entry = AuditEntry.objects.first()
    assert entry is not None and entry.after and entry.after["own_addresses"] == made.own_addresses
    assert rule(on, action="deny", priority=2, protocol="tcp").pk, "it is about all of them, so it is not there already"
    changed = actions.update_rule(actor=SYSTEM, row=made, own_addresses="", priority=3)
    assert (changed.own_addresses, as_value(changed).own) == ("", ())
    wrong = {"own_addresses": "nowhere"}
    assert refusal(actions.add_rule, tenant=people.blue, policy=on, **wrong)["own_addresses"][0] == "own_addresses"
    other_family = {"peer": "address", "peer_addresses": "fd00::/8", "own_addresses": "20.1.1.5"}
    found = refusal(actions.add_rule, tenant=people.blue, policy=on, priority=9, **other_family)
    assert found["action"] == (
        "without_effect",
        "The rule matches nothing: its own addresses are of another family than its peer's.",
    )


def test_an_idle_rule_is_made_only_for_who_asks_for_it_and_stays_in_its_table(people: Cast) -> None:
    on = policy(people.blue)
    first = rule(on, action="deny")
    assert refusal(actions.add_rule, tenant=people.blue, policy=on, protocol="tcp")["action"][0] == "without_effect"
    idle = rule(on, protocol="tcp", idle=True)
    table = [
        {"id": first.pk, "action": "deny"},
        {"id": idle.pk, "protocol": "tcp"},
        {"protocol": "udp", "priority": 7},
    ]
    assert actions.replace_rules(actor=SYSTEM, policy=on, rules=table)
    assert on.rules.count() == 3
    table[1] = {"id": idle.pk, "protocol": "tcp", "ports": "80"}
    assert refusal(actions.replace_rules, policy=on, rules=table)["rules.1.action"][0] == "without_effect"


def test_a_rule_that_goes_is_recorded_by_what_it_was_called(people: Cast) -> None:
    policy = actions.create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    row = actions.add_rule(actor=SYSTEM, tenant=people.blue, policy=policy)
    actions.delete_rule(actor=SYSTEM, row=row)
    entry = AuditEntry.objects.get(verb="rule.delete")
    assert (entry.object_id, entry.object_name) == (row.pk, f"p/{row.pk}")
    assert not policy.rules.exists()
