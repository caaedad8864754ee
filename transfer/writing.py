"""From rows to a document: a constant number of queries per kind of object, whatever there is of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db import transaction

from networks.serializers import FabricSerializer
from networks.tags import current_fabric
from policies.models import Rule
from policies.serializers import LineSerializer
from routing.models import Service
from tenants.models import Tenant
from transfer.document import FORMAT, Document, Item, without_empty
from transfer.kinds import CLUSTER, NODES, OWNED, POLICIES, RESERVATIONS, TENANTS, Kind, named
from transfer.limits import written


@transaction.atomic
def document_of(tenants: list[str] | None = None) -> Document:
    """Everything, or these tenants and the nodes their endpoints are on. Raises LookupError naming an unknown one."""
    rows = list(TENANTS.rows(**({"name__in": tenants} if tenants is not None else {})).order_by("name"))
    if missing := set(tenants or ()) - {row.name for row in rows}:
        raise LookupError(f"There is no tenant {', '.join(sorted(missing))}.")
    if tenants is not None:
        shared: Document = {NODES.name: NODES.items(NODES.rows(endpoints__tenant__in=rows).distinct())}
    else:
        shared = {"fabric": fabric()} | {kind.name: kind.items(kind.rows()) for kind in CLUSTER}
    return {"format": FORMAT, **without_empty(shared), "tenants": _tenants(rows)}


def fabric() -> Item:
    return dict(FabricSerializer(current_fabric()).data)


def _tenants(rows: list[Tenant]) -> list[Item]:
    parts = {kind: _by_tenant(kind, rows) for kind in OWNED}
    return [
        TENANTS.item(row) | written(row) | {kind.name: parts[kind][row.pk] for kind in OWNED if parts[kind][row.pk]}
        for row in rows
    ]


def _by_tenant(kind: Kind, tenants: list[Tenant]) -> dict[int, list[Item]]:
    path = getattr(kind.resource.model, "tenant_path", "tenant")
    held: dict[int, list[Any]] = defaultdict(list)
    kept = _addresses_of_services(tenants) if kind is RESERVATIONS else ()
    for row in kind.rows(**{f"{path}__in": tenants}):
        if not kept or (row.network_id, row.addresses) not in kept:
            held[row.tenant.pk].append(row)
    rules = _rules(tenants) if kind is POLICIES else {}
    found: dict[int, list[Item]] = defaultdict(list)
    for tenant, rows in held.items():
        if kind is POLICIES:
            items = [kind.item(row) | ({"rules": rules[row.pk]} if rules[row.pk] else {}) for row in rows]
            found[tenant] = sorted(items, key=kind.key_of)
        else:
            found[tenant] = kind.items(rows)
    return found


def _addresses_of_services(tenants: list[Tenant]) -> set[tuple[int, str]]:
    """Reservations that come and go with a service, and so are said by it."""
    rows = Service.objects.filter(tenant__in=tenants).values_list("network_id", "address")
    return {(network, f"{address}-{address}") for network, address in rows}


def _rules(tenants: list[Tenant]) -> dict[int, list[Item]]:
    """The rules of each policy, in the order in which they were made."""
    found: dict[int, list[Item]] = defaultdict(list)
    rows = Rule.objects.filter(policy__tenant__in=tenants).select_related("peer_group", "peer_network").order_by("id")
    for row in rows:
        found[row.policy_id].append(line_of(row))
    return found


def line_of(rule: Rule) -> Item:
    form = LineSerializer(rule)
    return without_empty({name: named(field, form.data[name]) for name, field in form.fields.items()})
