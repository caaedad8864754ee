"""The verbs on policies, rules and bandwidth profiles. All keyword-only, each inside tenants.change."""

from __future__ import annotations

from policies.actions.policy import create_policy, delete_policy, update_policy
from policies.actions.profile import create_profile, delete_profile, update_profile
from policies.actions.rule import add_rule, delete_rule, id_of, lose_peer, rule_called, update_rule
from policies.actions.table import replace_rules

__all__ = [
    "add_rule",
    "create_policy",
    "create_profile",
    "delete_policy",
    "delete_profile",
    "delete_rule",
    "id_of",
    "lose_peer",
    "replace_rules",
    "rule_called",
    "update_policy",
    "update_profile",
    "update_rule",
]
