"""The verb on a policy's rules as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError

from policies.actions.rule import recorded, stamp
from policies.models import Policy, Rule
from policies.rules import check, idle, read_at_once
from tenants.change import Actor, assign, change, fresh, plain
from tenants.checks import refuse
from tenants.labels import follow_all

#: What a rule of an edited table may say, besides its id.
FIELDS = (
    "name",
    "description",
    "direction",
    "priority",
    "action",
    "protocol",
    "ports",
    "peer",
    "peer_group",
    "peer_network",
    "peer_addresses",
    "own_addresses",
    "missing",
    "labels",
)


def replace_rules(*, actor: Actor, policy: Policy, rules: Sequence[Mapping[str, Any]], idle: bool = False) -> bool:
    """Make these the policy's rules, in one step: an entry with an `id` of the policy changes that rule (which keeps
    its hits), one without is added, rules not named go. Fields that are left out have their defaults, but `missing`,
    which stays. `idle` accepts rules that can never decide anything. Answers whether that changed anything: a table
    that is the policy's already does nothing.

    Raises ValidationError with one entry per wrong rule, its key "rules.<position>.<field>", position from 0.
    """
    with change(actor=actor, tenant=policy.tenant, verb="policy.rules") as step:
        policy = fresh(policy)
        known = {rule.pk: rule for rule in policy.rules.select_related("peer_group", "peer_network").order_by("id")}
        before = plain(policy) | {"rules": [recorded(rule) for rule in known.values()]}
        table = [_entered(policy, entry, known, i, back=step.back) for i, entry in enumerate(rules)]
        _check_table(policy, table, known, accept_idle=idle or step.back)
        differing = [rule for rule in table if not _same(rule, known)]
        if not differing and len(table) == len(known):
            step.unchanged()
            return False
        policy.rules.exclude(pk__in=[rule.pk for rule in table if rule.pk]).delete()
        _let_names_go(policy, table, known)
        for rule in differing:
            rule.save()
        stamp(policy, step.generation)
        after = plain(policy) | {"rules": [recorded(rule) for rule in sorted(table, key=attrgetter("pk"))]}
        follow_all(Rule, before["rules"], after["rules"])
        step.updated(policy, before, after)
    return True


def _entered(policy: Policy, entry: Mapping[str, Any], known: Mapping[int, Rule], position: int, *, back: bool) -> Rule:
    pk = entry.get("id")
    if pk is not None and pk not in known and not back:
        refuse(f"rules.{position}.id", f"Policy {policy} has no rule {pk}. Leave the id out for a new rule.", "unknown")
    was = known.get(pk or 0)
    row = Rule(pk=pk, policy=policy, missing=was.missing if was else {})
    assign(row, **{field: entry[field] for field in FIELDS if field in entry})
    return row


def _let_names_go(policy: Policy, table: Sequence[Rule], known: Mapping[int, Rule]) -> None:
    """Names that change are free before one is given: rules may swap theirs, and are saved one by one."""
    renamed = [row.pk for row in table if row.pk in known and row.name != known[row.pk].name]
    if renamed:
        policy.rules.filter(pk__in=renamed).update(name="")


def _check_table(policy: Policy, table: Sequence[Rule], known: Mapping[int, Rule], *, accept_idle: bool) -> None:
    """Each rule against all others of the table, so that it can be entered in any order. One that stays as it is may be
    without effect: whoever made it was told, or meant it."""
    seen = [row.pk for row in table if row.pk]
    if len(seen) != len(set(seen)):
        refuse("rules", "A rule is in the table twice. Name each id once.", "twice")
    found: dict[str, list[ValidationError]] = _names_twice(table)
    find = read_at_once(table, policy.tenant)
    for position, row in enumerate(table):
        try:
            check(row, (), known.get(row.pk or 0), may_miss=accept_idle, find=find)
        except ValidationError as error:
            found |= _placed(error, position)
    if not found and not accept_idle:
        found = {
            f"rules.{position}.action": [ValidationError(says, code="without_effect")]
            for position, says in idle(table).items()
            if not _same(table[position], known)
        }
    if found:
        raise ValidationError(found)


def _same(row: Rule, known: Mapping[int, Rule]) -> bool:
    return row.pk in known and plain(row) == plain(known[row.pk])


def _names_twice(table: Sequence[Rule]) -> dict[str, list[ValidationError]]:
    names = [row.name for row in table]
    says = "Another rule of the table has this name. Choose another, or none."
    return {
        f"rules.{position}.name": [ValidationError(says, code="name_in_use")]
        for position, name in enumerate(names)
        if name and name in names[:position]
    }


def _placed(error: ValidationError, position: int) -> dict[str, list[ValidationError]]:
    return {f"rules.{position}.{field}": errors for field, errors in error.error_dict.items()}
