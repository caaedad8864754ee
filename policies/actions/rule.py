"""The verbs on rules: one at a time, or a whole policy's table in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from networks.models import EndpointGroup, Network
from policies.models import Policy, Rule, RuleDirection, RulePeer
from policies.rules import check, idle, named
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import owned, refuse
from tenants.lookup import Lookup, update
from tenants.models import Tenant, Verdict

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
)


NAMED = Lookup(lambda policy, name: Rule.objects.filter(policy=policy, name=name).order_by(), int, str)


def add_rule(
    *,
    actor: Actor,
    tenant: Tenant,
    policy: Policy,
    direction: str = RuleDirection.IN,
    priority: int = 1,
    action: str = Verdict.ALLOW,
    protocol: str = "any",
    ports: str = "",
    peer: str = RulePeer.ANY,
    peer_group: EndpointGroup | None = None,
    peer_network: Network | None = None,
    peer_addresses: str = "",
    description: str = "",
    name: str = "",
    idle: bool = False,
) -> Rule:
    """Add a rule to a policy. `peer` says which of the three peer_ arguments counts; the others must be empty, but for
    addresses that narrow a group. `idle` accepts a rule that other rules of the policy keep from ever deciding."""
    with change(actor=actor, tenant=tenant, verb="rule.create") as step:
        row = Rule(policy=owned("policy", policy, tenant), direction=direction, priority=priority, action=action)
        assign(row, protocol=protocol, ports=ports, description=description, name=name)
        assign(row, peer=peer, peer_group=peer_group, peer_network=peer_network, peer_addresses=peer_addresses)
        _name_free(row)
        check(row, () if idle else _others(row))
        row.save()
        _stamp(row.policy, step.generation)
        step.created(row, recorded(row))
    return row


def update_rule(
    *,
    actor: Actor,
    row: Rule,
    policy: Policy | Keep = KEEP,
    direction: str | Keep = KEEP,
    priority: int | Keep = KEEP,
    action: str | Keep = KEEP,
    protocol: str | Keep = KEEP,
    ports: str | Keep = KEEP,
    peer: str | Keep = KEEP,
    peer_group: EndpointGroup | Keep | None = KEEP,
    peer_network: Network | Keep | None = KEEP,
    peer_addresses: str | Keep = KEEP,
    description: str | Keep = KEEP,
    name: str | Keep = KEEP,
) -> Rule:
    """Change a rule where it stands. It keeps its id, and so its hits. Its policy stays."""
    with change(actor=actor, tenant=row.policy.tenant, verb="rule.update") as step:
        row = fresh(row)
        before = recorded(row)
        if policy is not KEEP and policy.pk != row.policy_id:
            refuse("policy", "A rule stays in its policy. Add one to the other policy instead.", "fixed")
        assign(row, direction=direction, priority=priority, action=action, protocol=protocol, ports=ports)
        _assign_peer(row, peer, peer_group, peer_network, peer_addresses)
        assign(row, description=description, name=name)
        _name_free(row)
        check(row, _others(row))
        row.save()
        _stamp(row.policy, step.generation)
        step.updated(row, before, recorded(row))
    return row


def delete_rule(*, actor: Actor, row: Rule) -> None:
    """Delete a rule. Connections only it allowed are judged anew."""
    with change(actor=actor, tenant=row.policy.tenant, verb="rule.delete") as step:
        row = fresh(row)
        before = recorded(row)
        row.delete()
        _stamp(row.policy, step.generation)
        step.deleted(row, before)


def replace_rules(
    *, actor: Actor, policy: Policy, rules: Sequence[Mapping[str, Any]], idle: bool = False
) -> list[Rule]:
    """Make these the policy's rules, in one step: an entry with an `id` of the policy changes that rule (which keeps
    its hits), one without is added, rules not named go. Fields that are left out have their defaults. `idle` accepts
    rules that others of the table keep from ever deciding.

    Raises ValidationError with one entry per wrong rule, its key "rules.<position>.<field>", position from 0.
    """
    with change(actor=actor, tenant=policy.tenant, verb="policy.rules") as step:
        policy = fresh(policy)
        known = {rule.pk: rule for rule in policy.rules.select_related("peer_group", "peer_network").order_by("id")}
        before = plain(policy) | {"rules": [recorded(rule) for rule in known.values()]}
        table = [_entered(policy, entry, known, i) for i, entry in enumerate(rules)]
        _check_table(table, known, accept_idle=idle)
        policy.rules.exclude(pk__in=[rule.pk for rule in table if rule.pk]).delete()
        for rule in table:
            rule.save()
        _stamp(policy, step.generation)
        step.updated(policy, before, plain(policy) | {"rules": [recorded(rule) for rule in table]})
    return table


def recorded(row: Rule) -> dict[str, Any]:
    """A rule for the record, with the names its peers had then."""
    return plain(row) | {"peer_name": named(row)}


def _assign_peer(
    row: Rule,
    peer: str | Keep,
    group: EndpointGroup | Keep | None,
    network: Network | Keep | None,
    addresses: str | Keep,
) -> None:
    """Another kind of peer lets go of what the old kind named, so that {"peer": "any"} alone is a whole change."""
    if peer is not KEEP and peer != row.peer:
        assign(row, peer_group=None, peer_network=None, peer_addresses="")
    assign(row, peer=peer, peer_group=group, peer_network=network, peer_addresses=addresses)


def _others(row: Rule) -> list[Rule]:
    return list(Rule.objects.filter(policy_id=row.policy_id).exclude(pk=row.pk).order_by("id"))


def _name_free(row: Rule) -> None:
    same = NAMED.first(row.policy_id, row.name) if row.name else None
    if same is not None and same.pk != row.pk:
        says = f"Policy {row.policy} has a rule named {row.name} already. Choose another name, or none."
        refuse("name", says, "name_in_use")


def _stamp(policy: Policy, generation: int | None) -> None:
    """The policy is what is live or not: its generation moves with its rules."""
    policy.generation, policy.updated_at = generation or 0, timezone.now()
    update(Policy, policy.pk, generation=policy.generation, updated_at=policy.updated_at)


def _entered(policy: Policy, entry: Mapping[str, Any], known: Mapping[int, Rule], position: int) -> Rule:
    pk = entry.get("id")
    if pk is not None and pk not in known:
        refuse(f"rules.{position}.id", f"Policy {policy} has no rule {pk}. Leave the id out for a new rule.", "unknown")
    row = Rule(pk=pk, policy=policy)
    assign(row, **{field: entry[field] for field in FIELDS if field in entry})
    return row


def _check_table(table: Sequence[Rule], known: Mapping[int, Rule], *, accept_idle: bool) -> None:
    """Each rule against all others of the table, so that it can be entered in any order. One that stays as it is may be
    without effect: whoever made it was told, or meant it."""
    seen = [row.pk for row in table if row.pk]
    if len(seen) != len(set(seen)):
        refuse("rules", "A rule is in the table twice. Name each id once.", "twice")
    found: dict[str, list[ValidationError]] = _names_twice(table)
    for position, row in enumerate(table):
        try:
            check(row, ())
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
