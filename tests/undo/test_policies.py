"""Undo of policies and rules."""

from __future__ import annotations

from networks.models import Network
from policies import actions as on_policies
from tenants.change import SYSTEM
from tenants.testing import Cast, people
from tests.undo.taking import net, newest, refusal

__all__ = ["net", "people"]


def test_a_rule_changed_in_the_table_of_its_policy_is_not_undone_alone(people: Cast, net: Network) -> None:
    policy = on_policies.create_policy(actor=SYSTEM, tenant=people.blue, name="db")
    rule = on_policies.add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="tcp", ports="80")
    table = [{"id": rule.pk, "protocol": "tcp", "ports": "81"}]
    on_policies.replace_rules(actor=SYSTEM, policy=policy, rules=table)
    assert f"changed since: system, policy.rules (change {newest().pk})" in refusal("rule.create")
