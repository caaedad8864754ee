"""One tenant's intent as a frozen value: all the core ever sees of the database."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from dataclasses import replace
from datetime import datetime

from django.db import connection, transaction

from core.model import Action, TenantIntent
from core.model import BandwidthProfile as ProfileValue
from core.model import Policy as PolicyValue
from core.model import Rule as RuleValue
from networks.models import Endpoint
from networks.snapshot import endpoints_of, groups_of, networks_of, nodes_of
from policies.models import BandwidthAssignment, BandwidthProfile, Policy, Rule
from policies.rules import rule_value
from tenants.lookup import Columns, get
from tenants.models import AuditEntry, Tenant, Verdict

#: A tenant's endpoints that are on nodes: one, if there are any.
PLACED = Columns(
    lambda tenant: Endpoint.objects.filter(tenant=tenant).exclude(node=None).order_by().values_list("pk")[:1], int
)
#: What was done to a tenant after one generation and up to another.
CHANGES = Columns(
    lambda tenant, since, until: (
        AuditEntry.objects.filter(tenant=tenant, generation__gt=since, generation__lte=until)
        .order_by()
        .values_list("verb")
    ),
    int,
    int,
    int,
)
#: How often to read again when a writer was faster, before making writers wait.
ATTEMPTS = 3
#: Tenants whose policies a process remembers.
MOST_KNOWN = 64


def tenant_intent(tenant_id: int) -> TenantIntent:
    """What the tenant wants, of one moment. Raises Tenant.DoesNotExist when it was deleted.

    Nobody is locked out: every write moves the tenant's generation in its own transaction, so what was read between
    two looks at the same generation is whole. Only where writers never pause are they held up for one reading.
    """
    for _ in range(ATTEMPTS):
        intent = _read(tenant_id)
        if get(Tenant, tenant_id).generation == intent.generation:
            return intent
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant_id)
        return _read(tenant_id)


def intent_for_nodes(tenant_id: int) -> TenantIntent:
    """What nodes need to know of it: all, or nothing where no endpoint is on a node. So whoever sets up a tenant before
    there are containers makes nobody read it again and again. Raises Tenant.DoesNotExist."""
    tenant = get(Tenant, tenant_id)  # Before the look: what is placed after it is of a later generation.
    if PLACED.all(tenant_id):
        return tenant_intent(tenant_id)
    return TenantIntent(tenant_id, tenant.name, tenant.generation, _default(tenant))


def _default(tenant: Tenant) -> Action:
    return "allow" if tenant.default_verdict == Verdict.ALLOW else "deny"


def _read(tenant_id: int) -> TenantIntent:
    tenant = get(Tenant, tenant_id)
    known = _known.get(tenant)
    if known is None:
        intent = _read_whole(tenant)
    else:
        endpoints, nodes = endpoints_of(tenant_id), nodes_of(tenant_id)
        intent = replace(known, generation=tenant.generation, endpoints=endpoints, nodes=nodes)
    if not connection.in_atomic_block:  # What is not committed may never be.
        _known.keep(tenant, intent)
    return intent


class Known:
    """What was read of tenants before, of which all but the endpoints is still so: containers come and go all the time,
    policies do not. The record, written with every change, says whether nothing else has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: By id and making: an id may come again with another database.
        self._intents: OrderedDict[tuple[int, datetime], TenantIntent] = OrderedDict()

    def get(self, tenant: Tenant) -> TenantIntent | None:
        """One query where something is known."""
        with self._lock:
            known = self._intents.get((tenant.pk, tenant.created_at))
        if known is None or known.generation > tenant.generation:
            return None
        verbs = [verb for (verb,) in CHANGES.all(tenant.pk, known.generation, tenant.generation)]
        alike = all(verb.startswith("endpoint.") for verb in verbs)
        return known if alike and len(verbs) == tenant.generation - known.generation else None

    def keep(self, tenant: Tenant, intent: TenantIntent) -> None:
        with self._lock:
            self._intents[tenant.pk, tenant.created_at] = intent
            self._intents.move_to_end((tenant.pk, tenant.created_at))
            while len(self._intents) > MOST_KNOWN:
                self._intents.popitem(last=False)


_known = Known()


def _read_whole(tenant: Tenant) -> TenantIntent:
    tenant_id = tenant.pk
    assigned = BandwidthAssignment.objects.filter(group__tenant_id=tenant_id)
    return TenantIntent(
        id=tenant_id,
        name=tenant.name,
        generation=tenant.generation,
        default=_default(tenant),
        networks=networks_of(tenant_id),
        groups=groups_of(tenant_id, dict(assigned.values_list("group_id", "profile_id"))),
        endpoints=endpoints_of(tenant_id),
        policies=_policies(tenant_id),
        profiles=_profiles(tenant_id),
        nodes=nodes_of(tenant_id),
    )


def _policies(tenant_id: int) -> tuple[PolicyValue, ...]:
    groups, rules = _groups_by_policy(tenant_id), _rules_by_policy(tenant_id)
    columns = Policy.objects.filter(tenant_id=tenant_id).order_by("id").values_list("id", "name")
    return tuple(PolicyValue(pk, name, tuple(groups[pk]), tuple(rules[pk])) for pk, name in columns)


def _groups_by_policy(tenant_id: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    links = Policy.groups.through.objects.filter(policy__tenant_id=tenant_id).order_by("endpointgroup_id")
    for policy, group in links.values_list("policy_id", "endpointgroup_id"):
        found[policy].append(group)
    return found


def _rules_by_policy(tenant_id: int) -> dict[int, list[RuleValue]]:
    found: dict[int, list[RuleValue]] = defaultdict(list)
    rows = Rule.objects.filter(policy__tenant_id=tenant_id).order_by("id")
    columns = rows.values_list(
        "policy_id",
        "id",
        "direction",
        "priority",
        "action",
        "protocol",
        "ports",
        "peer",
        "peer_group_id",
        "peer_network_id",
        "peer_addresses",
        "own_addresses",
        "missing",
    )
    for policy, *column in columns:
        found[policy].append(rule_value(*column))
    return found


def _profiles(tenant_id: int) -> tuple[ProfileValue, ...]:
    rows = BandwidthProfile.objects.filter(tenant_id=tenant_id).order_by("id")
    return tuple(ProfileValue(*column) for column in rows.values_list("id", "name", "rate_bps", "burst_bytes", "dscp"))
