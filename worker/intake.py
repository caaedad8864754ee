"""What nodes report: counters, denied flows, drift. Read defensively, stored as differences, thinned out by a timer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from networks.models import Endpoint, JoinToken, Knock, Node, NodeCertificate
from policies.models import Rule
from tenants import chain, events
from tenants.models import AuditEntry, Realization, Tenant
from worker.models import (
    DeniedFlow,
    DriftEvent,
    EndpointTraffic,
    NodeStatus,
    RuleHits,
    SpecSection,
    TenantDrops,
    TrafficSample,
)
from worker.nodes import heard

#: Kept for the plots of the overview and the list of denied flows.
SAMPLES_KEPT = timedelta(hours=1)
DENIED_KEPT = timedelta(hours=24)
DRIFT_KEPT = timedelta(days=30)
#: Who was turned away; tokens and certificates beyond their end.
WAYS_IN_KEPT = timedelta(days=30)
#: Realizations are kept for the history of changes.
REALIZATIONS_KEPT = timedelta(days=7)
#: A rate older than this says nothing any more.
RATE_FRESH = timedelta(seconds=8)
#: Denied flows and drift sentences taken from one message.
MOST_FLOWS, MOST_SENTENCES = 200, 50


def growth(now: int, before: int) -> int:
    """By how much a counter of the kernel grew; one that is smaller than before was made anew and started at zero."""
    return now - before if now >= before else now


def report(node: Node, message: Mapping[str, Any]) -> tuple[int, ...]:
    """Take a node's counters. Answers the ids of the tenants whose numbers moved."""
    now = timezone.now()
    heard(node, now)
    over = _end_drift(node, message.get("drifting"), now)
    said = {int(key): value for key, value in message.get("tenants", {}).items() if isinstance(value, dict)}
    tenants = {pk: said[pk] for pk in held(node, said)}
    rules = {int(k): v for part in tenants.values() for k, v in part.get("rules", {}).items()}
    endpoints = {int(k): v for part in tenants.values() for k, v in part.get("endpoints", {}).items()}
    with transaction.atomic():
        moved = _rule_hits(node, rules, tenants, now)
        _traffic(node, endpoints, now)
        moved |= _drops(node, tenants)
    return tuple(sorted(moved | over))


def _end_drift(node: Node, stands: object, now: datetime) -> set[int]:
    """Drift in a tenant that the node does not name any more is over, whoever set it right. Answers the tenants' ids;
    an older agent names none, and of what it found nothing more is known."""
    if not isinstance(stands, list):
        return set()
    over = DriftEvent.objects.filter(node=node, healed_at=None).exclude(tenant_id__in=[int(one) for one in stands])
    ended = list(over.values_list("pk", "tenant_id"))
    if not ended:
        return set()
    with transaction.atomic():
        status = NodeStatus.objects.select_for_update().get(node=node)
        DriftEvent.objects.filter(pk__in=[pk for pk, _ in ended]).update(healed_at=now)
        status.drift_healed += len(ended)
        _count_standing(status)
    return {tenant for _, tenant in ended if tenant}


def _count_standing(status: NodeStatus) -> None:
    stands = DriftEvent.objects.filter(node=status.node_id, healed_at=None)
    status.drifting = stands.values("tenant").distinct().count()
    status.save(update_fields=["drift_found", "drift_healed", "drifting"])


def held(node: Node, tenants: Iterable[int]) -> set[int]:
    """Which of these tenants the node's spec has anything of: a node may say nothing of any other."""
    return set(SpecSection.objects.filter(node=node, tenant_id__in=list(tenants)).values_list("tenant_id", flat=True))


def _rule_hits(node: Node, counters: Mapping[int, list[int]], held_tenants: Iterable[int], now: datetime) -> set[int]:
    known = Rule.objects.filter(pk__in=counters, policy__tenant_id__in=list(held_tenants))
    tenants = dict(known.values_list("pk", "policy__tenant_id"))
    rows = {hit.rule_id: hit for hit in RuleHits.objects.filter(node=node, rule_id__in=tenants)}
    rows |= {pk: RuleHits(rule_id=pk, node=node) for pk in tenants.keys() - rows.keys() if counters[pk][0]}
    changed = []
    for pk, hit in rows.items():
        packets, size = counters[pk]
        if (packets, size) == (hit.counter_packets, hit.counter_bytes):
            continue
        grown = growth(packets, hit.counter_packets)
        hit.packets += grown
        hit.bytes += growth(size, hit.counter_bytes)
        hit.counter_packets, hit.counter_bytes = packets, size
        hit.last_at = now if grown else hit.last_at
        changed.append(hit)
    RuleHits.objects.bulk_create([hit for hit in changed if hit.pk is None])
    RuleHits.objects.bulk_update(
        [hit for hit in changed if hit.pk], ["packets", "bytes", "counter_packets", "counter_bytes", "last_at"]
    )
    return {tenants[hit.rule_id] for hit in changed if hit.rule_id in tenants}


def _traffic(node: Node, counters: Mapping[int, list[int]], now: datetime) -> None:
    known = set(Endpoint.objects.filter(pk__in=counters, node=node).values_list("pk", flat=True))
    before = {row.endpoint_id: row for row in EndpointTraffic.objects.filter(endpoint_id__in=known)}
    rows = []
    for pk in known:
        rx, tx = int(counters[pk][0]), int(counters[pk][1])
        row = EndpointTraffic(endpoint_id=pk, at=now, rx_bytes=rx, tx_bytes=tx)
        if old := before.get(pk):
            seconds = max((now - old.at).total_seconds(), 0.1)
            row.rx_bps = round(growth(rx, old.rx_bytes) * 8 / seconds)
            row.tx_bps = round(growth(tx, old.tx_bytes) * 8 / seconds)
        rows.append(row)
    EndpointTraffic.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["endpoint"],
        update_fields=["at", "rx_bytes", "tx_bytes", "rx_bps", "tx_bps"],
    )


def _drops(node: Node, tenants: Mapping[int, Mapping[str, Any]]) -> set[int]:
    rows = {row.tenant_id: row for row in TenantDrops.objects.filter(node=node, tenant_id__in=tenants)}
    moved = set()
    for tenant_id in tenants:
        row = rows.get(tenant_id) or TenantDrops(tenant_id=tenant_id, node=node)
        denied, spoofed = (int(tenants[tenant_id].get(name, 0)) for name in ("denied", "spoofed"))
        if row.pk and (denied, spoofed) == (row.counter_denied, row.counter_spoofed):
            continue
        row.denied += growth(denied, row.counter_denied)
        row.spoofed += growth(spoofed, row.counter_spoofed)
        row.counter_denied, row.counter_spoofed = denied, spoofed
        row.save()
        moved.add(tenant_id)
    return moved


def denied(node: Node, message: Mapping[str, Any]) -> tuple[int, ...]:
    """Take sampled denied packets. Answers the ids of their tenants."""
    flows = [flow for flow in message.get("flows", [])[:MOST_FLOWS] if isinstance(flow, dict)]
    known = held(node, {int(flow["tenant"]) for flow in flows})
    now = timezone.now()
    rows = [
        DeniedFlow(
            tenant_id=flow["tenant"],
            node=node,
            at=now,
            source=flow["source"],
            destination=flow["destination"],
            protocol=flow["protocol"],
            source_port=flow.get("source_port"),
            destination_port=flow.get("destination_port"),
            count=flow.get("count", 1),
        )
        for flow in flows
        if flow["tenant"] in known
    ]
    DeniedFlow.objects.bulk_create(rows)
    return tuple(sorted(known))


@transaction.atomic
def drift(node: Node, message: Mapping[str, Any]) -> int | None:
    """Take a drift that a node found (and healed, or could not). Answers the id of its tenant."""
    tenant = Tenant.objects.filter(pk__in=held(node, [int(message["tenant"])])).first()
    sentences = [str(s)[:300] for s in message.get("difference", [])[:MOST_SENTENCES]]
    healed = message.get("healed_at")
    event = DriftEvent.objects.create(
        node=node,
        tenant=tenant,
        found_at=datetime.fromtimestamp(float(message["found_at"]), UTC),
        healed_at=datetime.fromtimestamp(float(healed), UTC) if healed else None,
        difference=sentences,
        problem=str(message.get("problem") or "")[:500],
    )
    status = NodeStatus.objects.select_for_update().get(node=node)
    status.drift_found += 1
    status.drift_healed += bool(healed)
    _count_standing(status)
    _record(node, tenant, event, said=message["tenant"])
    events.note("drift", tenant=tenant, data={"node": node.name, "healed": bool(healed), "difference": sentences})
    return tenant.pk if tenant else None


def _record(node: Node, tenant: Tenant | None, event: DriftEvent, said: object) -> None:
    """Healing is a change made by the node itself, so it is in the record like any other; intent did not change,
    so the generation is the one that was put back. Of a tenant that went meanwhile, `said`, its id, is the name: what
    it left on a node is not the cluster's."""
    entry = AuditEntry(
        actor=node.name,
        via="agent",
        tenant=tenant,
        tenant_name=tenant.name if tenant else f"#{said}",
        generation=tenant.generation if tenant else None,
        verb="drift.heal" if event.healed_at else "drift.found",
        object_type="node",
        object_id=node.pk,
        object_name=node.name,
        before={"difference": event.difference},
        after={"healed": event.healed_at is not None, "problem": event.problem},
    )
    chain.write(entry)


def sample() -> None:
    """One throughput sample per tenant that has endpoints with fresh rates."""
    from worker.announce import announce

    now = timezone.now()
    rates = EndpointTraffic.objects.filter(at__gte=now - RATE_FRESH).values_list(
        "endpoint__tenant_id", "endpoint__network_id"
    )
    per_tenant: dict[int, dict[str, int]] = defaultdict(dict)
    for tenant_id, network_id, bps in rates.annotate(bps=Sum("tx_bps")):
        per_tenant[tenant_id][str(network_id)] = bps
    totals = dict(_denied_totals(per_tenant))
    TrafficSample.objects.bulk_create(
        TrafficSample(tenant_id=pk, at=now, network_bps=bps, denied_total=totals.get(pk, 0))
        for pk, bps in per_tenant.items()
    )
    for tenant_id in per_tenant:
        announce(f"tenant.{tenant_id}", "traffic")


def _denied_totals(tenants: Iterable[int]) -> Iterable[tuple[int, int]]:
    drops = TenantDrops.objects.filter(tenant_id__in=list(tenants)).values_list("tenant_id")
    found: Iterable[tuple[int, int]] = drops.annotate(total=Sum("denied")).order_by()
    return found


def forget() -> None:
    """Drop what is too old to be looked at. The audit record is never dropped."""
    now = timezone.now()
    TrafficSample.objects.filter(at__lt=now - SAMPLES_KEPT).delete()
    DeniedFlow.objects.filter(at__lt=now - DENIED_KEPT).delete()
    DriftEvent.objects.filter(found_at__lt=now - DRIFT_KEPT).delete()
    # Behind a node that is away for good none is ever live; what it is behind by, its section says.
    Realization.objects.filter(saved_at__lt=now - REALIZATIONS_KEPT).exclude(compiled_at=None).delete()
    Knock.objects.filter(last_at__lt=now - WAYS_IN_KEPT).delete()
    JoinToken.objects.filter(expires_at__lt=now - WAYS_IN_KEPT).delete()
    NodeCertificate.objects.filter(expires_at__lt=now - WAYS_IN_KEPT).delete()
    events.forget()
