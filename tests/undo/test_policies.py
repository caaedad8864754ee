"""Undo of policies and rules, and of what else is put on groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contivui.web.problem import Problem
from networks import actions as on_networks
from networks.models import EndpointGroup, Network
from policies import actions as on_policies
from policies.models import Rule
from routing import actions as on_routing
from tenants.change import SYSTEM
from tenants.testing import Cast, people
from tenants.undo import take_back
from tests.undo.taking import net, newest, refusal, undo

__all__ = ["net", "people"]


def test_a_rule_changed_in_the_table_of_its_policy_is_not_undone_alone(people: Cast, net: Network) -> None:
    policy = on_policies.create_policy(actor=SYSTEM, tenant=people.blue, name="db")
    rule = on_policies.add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="tcp", ports="80")
    table = [{"id": rule.pk, "protocol": "tcp", "ports": "81"}]
    on_policies.replace_rules(actor=SYSTEM, policy=policy, rules=table)
    assert f"changed since: system, policy.rules (change {newest().pk})" in refusal("rule.create")


def test_a_table_is_undone_in_whatever_order_its_rules_were_listed(people: Cast, net: Network) -> None:
    policy = on_policies.create_policy(actor=SYSTEM, tenant=people.blue, name="db")
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue, "policy": policy}
    first, second = (on_policies.add_rule(**give, name=name, protocol=name) for name in ("tcp", "udp"))
    table = [
        {"id": second.pk, "priority": 9, "name": "tcp", "protocol": "udp"},
        {"id": first.pk, "name": "udp", "protocol": "tcp"},
    ]
    on_policies.replace_rules(actor=SYSTEM, policy=policy, rules=table)
    entry = newest("policy.rules")
    assert entry.after and [rule["id"] for rule in entry.after["rules"]] == [first.pk, second.pk]
    undo("policy.rules")
    there = list(policy.rules.order_by("pk").values_list("name", "protocol", "priority"))
    assert there == [("tcp", "tcp", 1), ("udp", "udp", 1)]


def test_an_older_row_of_the_record_has_its_rules_in_the_order_of_the_table(people: Cast, net: Network) -> None:
    policy = on_policies.create_policy(actor=SYSTEM, tenant=people.blue, name="db")
    table = [{"protocol": "tcp"}, {"protocol": "udp"}]
    on_policies.replace_rules(actor=SYSTEM, policy=policy, rules=table)
    entry = newest("policy.rules")
    assert entry.after
    entry.after["rules"].reverse()
    take_back([entry], SYSTEM)
    assert not Rule.objects.exists()


def _policy(**put: Any) -> str:
    on_policies.create_policy(**put, name="one")
    return "policy.create"


def _profile(**put: Any) -> str:
    on_policies.create_profile(**put, name="one", rate_bps=10**6)
    return "profile.create"


def _app_profile(**put: Any) -> str:
    on_routing.create_app_profile(**put, name="one")
    return "app.create"


def _contract_group(**put: Any) -> str:
    on_routing.create_contract_group(**put, name="one", kind="provided")
    return "contract.create"


@pytest.mark.parametrize("make", [_policy, _profile, _app_profile, _contract_group])
def test_what_is_on_groups_is_undone_although_one_has_another_name_now(
    people: Cast, net: Network, make: Callable[..., str]
) -> None:
    first, second = _groups(people, net)
    verb = make(actor=SYSTEM, tenant=people.blue, groups=[first, second])
    entry = newest(verb)
    assert entry.after and [group["id"] for group in entry.after["groups"]] == [first.pk, second.pk]
    on_networks.update_group(actor=SYSTEM, row=first, name="z")
    undo(verb)
    assert newest().verb == verb.replace("create", "delete")


def test_an_older_row_of_the_record_has_its_groups_by_name(people: Cast, net: Network) -> None:
    policy = on_policies.create_policy(actor=SYSTEM, tenant=people.blue, name="db")
    groups = _groups(people, net)
    on_policies.update_policy(actor=SYSTEM, row=policy, groups=groups)
    entry = newest("policy.update")
    assert entry.after
    entry.after["groups"].reverse()
    on_policies.update_policy(actor=SYSTEM, row=policy, groups=groups[:1])
    with pytest.raises(Problem, match="was changed since"):
        take_back([entry], SYSTEM)
    on_policies.update_policy(actor=SYSTEM, row=policy, groups=groups)
    take_back([entry], SYSTEM)
    assert not policy.groups.exists()


def _groups(people: Cast, net: Network) -> list[EndpointGroup]:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue, "network": net}
    return [on_networks.create_group(**give, name=name) for name in ("a", "b")]


def test_a_rule_gets_its_kind_of_peer_back_where_the_addresses_are_the_same(people: Cast, net: Network) -> None:
    policy = on_policies.create_policy(actor=SYSTEM, tenant=people.blue, name="db")
    group, _ = _groups(people, net)
    some = {"peer": "group", "peer_group": group, "peer_addresses": "20.1.1.9/32"}
    rule = on_policies.add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, **some)
    on_policies.update_rule(actor=SYSTEM, row=rule, peer="address", peer_addresses="20.1.1.9/32")
    undo("rule.update")
    back = Rule.objects.get()
    assert (back.peer, back.peer_group, back.peer_addresses) == ("group", group, "20.1.1.9/32")
    undo("rule.update")
    again = Rule.objects.get()
    assert (again.peer, again.peer_group, again.peer_addresses) == ("address", None, "20.1.1.9/32")
