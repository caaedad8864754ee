"""How changes of policies, their rules and bandwidth profiles are taken back."""

from __future__ import annotations

from inspect import signature
from typing import Any

from policies.actions import policy as on_policies
from policies.actions import profile as on_profiles
from policies.actions import rule as on_rules
from policies.actions import table as on_tables
from policies.models import BandwidthProfile, Policy, Rule
from policies.resources import POLICY, PROFILE, RULE
from tenants.change import Actor
from tenants.undo import Undoable, Values, arguments, undoable


def _recorded(row: Policy) -> dict[str, Any]:
    return on_policies.recorded(row) | {"rules": [on_rules.recorded(rule) for rule in row.rules.order_by("id")]}


def _rules_back(actor: Actor, row: Policy, before: Values) -> None:
    """The rules as they were, under their ids."""
    rules = [{"id": rule["id"], **arguments(Rule, on_tables.FIELDS, rule)} for rule in before["rules"]]
    if rules or row.rules.exists():
        on_tables.replace_rules(actor=actor, policy=row, rules=rules)


def _rule_back(actor: Actor, row: Rule, before: Values) -> None:
    """The rule as it was, to the last field: another kind of peer lets go of what the old kind was said with, also
    where both are said with the same addresses."""
    names = signature(on_rules.update_rule).parameters
    on_rules.update_rule(actor=actor, row=row, **arguments(Rule, names, before))


def _off_groups(actor: Actor, row: Policy) -> None:
    if row.groups.exists():
        on_policies.update_policy(actor=actor, row=row, groups=[])


def _profile_off_groups(actor: Actor, row: BandwidthProfile) -> None:
    if row.groups.exists():
        on_profiles.update_profile(actor=actor, row=row, groups=[])


def _ruled(row: Policy) -> list[str]:
    return [f"rule {rule.name or rule.pk} was added to it" for rule in row.rules.order_by("id")]


undoable(
    Undoable.of(
        POLICY,
        recorded=_recorded,
        fresh=_ruled,
        off=_off_groups,
        rest=_rules_back,
        special={"policy.rules": _rules_back},
    )
)
undoable(
    Undoable.of(
        RULE,
        recorded=on_rules.recorded,
        special={"rule.update": _rule_back},
        within=("policy", "policy_id"),
    )
)
undoable(Undoable.of(PROFILE, recorded=on_profiles.recorded, off=_profile_off_groups))
