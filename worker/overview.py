"""The figures of the Overview, of one tenant or of all a person sees. Each function is a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, F, Max, Q, Sum
from django.utils import timezone

from networks.models import Endpoint, EndpointGroup, Network, Node
from policies.models import Policy
from tenants.models import AuditEntry, Realization, Tenant
from worker.intake import RATE_FRESH
from worker.models import DeniedFlow, DriftEvent, EndpointTraffic, SpecSection, TrafficSample
from worker.publish import waiting_since
from worker.realization import realization_of
from worker.screens import condition, with_status

LAST_CHANGES, BUSIEST, LAST_DENIED = 8, 8, 8
A_MINUTE = timedelta(minutes=1)
#: A worker compiles within a second, or its timer within two.
STALLED_AFTER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Sync:
    """`pending` changes are on their way, `refused` names (tenant, node, reason); `drifting` names (tenant, node, why)
    where something differs that the node could not set right; `since` is when the last change became live everywhere.
    `stalled`: some change waits for a worker, and none comes.
    """

    pending: int
    refused: list[tuple[str, str, str]]
    drifting: list[tuple[str, str, str]]
    since: datetime | None
    stalled: bool


@dataclass(frozen=True, slots=True)
class Counts:
    networks: int
    groups: int
    policies: int
    endpoints: int
    placed: int


def sync_of(tenants: Sequence[Tenant]) -> Sync:
    rows = Realization.objects.filter(tenant__in=tenants)
    pending = Count("pk", filter=Q(live_at=None) & ~Q(compiled_at=None))
    found = rows.aggregate(pending=pending, since=Max("live_at"))
    behind = Tenant.objects.filter(pk__in=[tenant.pk for tenant in tenants])
    saved = behind.aggregate(pending=Sum(F("generation") - F("compiled")))["pending"] or 0
    waiting = waiting_since(timezone.now() - STALLED_AFTER) if saved else []
    refused = SpecSection.objects.filter(tenant__in=tenants).exclude(refused="")
    drifts = DriftEvent.objects.filter(tenant__in=tenants, healed_at=None).order_by("found_at")
    return Sync(
        found["pending"] + saved,
        list(refused.values_list("tenant__name", "node__name", "refused")),
        list({row[:2]: row for row in drifts.values_list("tenant__name", "node__name", "problem")}.values()),
        found["since"],
        stalled=not {tenant.pk for tenant in tenants}.isdisjoint(waiting),
    )


def counts_of(tenants: Sequence[Tenant]) -> Counts:
    endpoints = Endpoint.objects.filter(tenant__in=tenants).aggregate(all=Count("pk"), placed=Count("node"))
    return Counts(
        networks=Network.objects.filter(tenant__in=tenants).count(),
        groups=EndpointGroup.objects.filter(tenant__in=tenants).count(),
        policies=Policy.objects.filter(tenant__in=tenants).count(),
        endpoints=endpoints["all"],
        placed=endpoints["placed"],
    )


def last_changes(user: User, tenant: Tenant | None) -> list[AuditEntry]:
    """The newest entries she may see, each with how far it is `live` (None where nothing goes to nodes)."""
    rows = AuditEntry.objects.visible_to(user).changes()
    entries = list(rows.filter(tenant=tenant)[:LAST_CHANGES] if tenant else rows[:LAST_CHANGES])
    live = realization_of([entry for entry in entries if entry.tenant_id and entry.generation])
    for entry in entries:
        entry.live = live.get(entry.pk)
    return entries


def busiest(tenants: Sequence[Tenant]) -> list[EndpointTraffic]:
    rows = EndpointTraffic.objects.filter(endpoint__tenant__in=tenants, at__gte=timezone.now() - RATE_FRESH)
    rows = rows.annotate(bps=F("tx_bps") + F("rx_bps")).filter(bps__gt=0).order_by("-bps")
    return list(rows.select_related("endpoint__group", "endpoint__tenant")[:BUSIEST])


def throughput_now(tenants: Sequence[Tenant]) -> int:
    """Bits per second that endpoints send."""
    rows = EndpointTraffic.objects.filter(endpoint__tenant__in=tenants, at__gte=timezone.now() - RATE_FRESH)
    return int(rows.aggregate(bps=Sum("tx_bps"))["bps"] or 0)


def denied_last_minute(tenants: Sequence[Tenant]) -> int:
    """Packets policy dropped in the last minute: how much each tenant's total grew over it."""
    rows = TrafficSample.objects.filter(tenant__in=tenants, at__gte=timezone.now() - A_MINUTE)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for tenant, total in rows.order_by("at").values_list("tenant_id", "denied_total"):
        first.setdefault(tenant, total)
        last[tenant] = total
    return sum(max(last[tenant] - first[tenant], 0) for tenant in first)


def last_denied(tenants: Sequence[Tenant]) -> list[DeniedFlow]:
    return list(DeniedFlow.objects.filter(tenant__in=tenants).select_related("tenant")[:LAST_DENIED])


def nodes() -> dict[str, Any]:
    """All nodes with their condition, those with a problem apart. For who may see nodes."""
    rows: list[Any] = list(with_status(Node.objects.all()))
    for row in rows:
        row.condition = condition(row)
    trouble = [row for row in rows if row.condition[0] in ("bad", "off")]
    connected = sum(row.condition[0] in ("good", "wait") for row in rows)
    return {"all": rows, "connected": connected, "trouble": trouble}
