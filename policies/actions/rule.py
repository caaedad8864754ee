"""The verbs on rules, one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from core.labels import Labels
from networks.models import EndpointGroup, Network
from policies.models import Policy, Rule, RuleDirection, RulePeer
from policies.rules import check, named
from tenants import standing
from tenants.change import KEEP, Actor, Keep, Refused, assign, change, fresh, plain
from tenants.checks import listed, owned, refuse
from tenants.lookup import Lookup
from tenants.models import Tenant, Verdict
from tenants.storing import insert, update

NAMED = Lookup(lambda policy, name: Rule.objects.filter(policy=policy, name=name).order_by(), int, str)
CALLED = Lookup(
    lambda policy, name, pk: (
        Rule.objects.filter(policy=policy).filter(Q(name=name) | Q(name="", pk=pk)).order_by("-name")[:1]
    ),
    int,
    str,
    int,
)


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
    own_addresses: str = "",
    description: str = "",
    name: str = "",
    missing: Mapping[str, str] | None = None,
    labels: Labels | None = None,
    idle: bool = False,
    pk: int | None = None,
) -> Rule:
    """Add a rule to a policy. `peer` says which of the three peer_ arguments counts; the others must be empty, but for
    addresses that narrow a group. `own_addresses` narrow the rule to some of its own side. `idle` accepts a rule that
    can never decide anything: one that other rules of the policy are asked before, or that is about something
    `missing`."""
    with change(actor=actor, tenant=tenant, verb="rule.create") as step:
        row = Rule(pk=pk, policy=owned("policy", policy, tenant), direction=direction, priority=priority)
        assign(row, action=action, protocol=protocol, ports=ports, description=description, name=name)
        assign(row, peer=peer, peer_group=peer_group, peer_network=peer_network, peer_addresses=peer_addresses)
        assign(row, own_addresses=own_addresses, missing=dict(missing or {}), labels=labels or {})
        _name_free(row)
        check(row, () if idle or step.back else _others(row), may_miss=idle or step.back)
        insert(row)
        stamp(row.policy, step.generation)
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
    own_addresses: str | Keep = KEEP,
    description: str | Keep = KEEP,
    name: str | Keep = KEEP,
    missing: Mapping[str, str] | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> Rule:
    """Change a rule where it stands. It keeps its id, and so its hits. Its policy stays. What it misses it goes on
    missing until `missing` or the field that says it is changed."""
    with change(actor=actor, tenant=row.policy.tenant, verb="rule.update") as step:
        row, old = fresh(row), fresh(row)
        before = recorded(row)
        if policy is not KEEP and policy.pk != row.policy_id:
            refuse("policy", "A rule stays in its policy. Add one to the other policy instead.", "fixed")
        assign(row, direction=direction, priority=priority, action=action, protocol=protocol, ports=ports)
        _assign_peer(row, peer, peer_group, peer_network, peer_addresses)
        assign(row, own_addresses=own_addresses, description=description, name=name, labels=labels)
        assign(row, missing=missing if missing is KEEP else dict(missing))
        _name_free(row)
        check(row, () if step.back else _others(row), old, may_miss=step.back)
        if step.same(row, before):
            return row
        row.save()
        stamp(row.policy, step.generation)
        step.updated(row, before, recorded(row))
    return row


def delete_rule(*, actor: Actor, row: Rule) -> None:
    """Delete a rule. Connections only it allowed are judged anew."""
    with change(actor=actor, tenant=row.policy.tenant, verb="rule.delete") as step:
        row = fresh(row)
        before = recorded(row)
        Rule.objects.filter(pk=row.pk).delete()  # The row keeps its key, which may be all it is called by.
        stamp(row.policy, step.generation)
        step.deleted(row, before)


def lose_peer(*, actor: Actor, row: Rule) -> None:
    """Let a rule go on without the group or network it names, which is about to be deleted: it keeps the name, and
    matches nothing from then on. Raises Refused while its policy is on a group, for there it would change what passes.
    """
    with change(actor=actor, tenant=row.policy.tenant, verb="rule.lose") as step:
        row = fresh(row)
        on = list(row.policy.groups.order_by("name").values_list("name", flat=True))
        if on:
            says = f"Rule {row} names {named(row)} and is in effect: policy {row.policy} is on {listed(on)}."
            raise Refused(f"{says} Change or remove the rule first.", code="in_use")
        before = recorded(row)
        row.missing = {**row.missing, row.peer: str(row.peer_group or row.peer_network)}
        row.peer_group = row.peer_network = None
        row.save()
        stamp(row.policy, step.generation)
        step.updated(row, before, recorded(row))


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


def rule_called(policy: Policy, said: str) -> Rule | None:
    """The policy's rule of this name; of one that has none, its id is what it is called by."""
    found: Rule | None = CALLED.first(policy.pk, said, id_of(said))
    _named(policy, said, lambda: found if found and found.name == said else None)
    return found


def id_of(said: str) -> int:
    """The id that a rule without a name is called by; 0 where this is none."""
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said, re.ASCII) else 0


def _named(policy: Policy, name: str, ask: Callable[[], Rule | None]) -> Rule | None:
    return standing.once(policy.tenant_id, (Rule, policy.pk, name), ask)


def _name_free(row: Rule) -> None:
    same = _named(row.policy, row.name, partial(NAMED.first, row.policy_id, row.name)) if row.name else None
    if same is not None and same.pk != row.pk:
        says = f"Policy {row.policy} has a rule named {row.name} already. Choose another name, or none."
        refuse("name", says, "name_in_use")


def stamp(policy: Policy, generation: int | None) -> None:
    """The policy is what is live or not: its generation moves with its rules."""
    policy.generation, policy.updated_at = generation or 0, timezone.now()
    update(Policy, policy.pk, generation=policy.generation, updated_at=policy.updated_at)
