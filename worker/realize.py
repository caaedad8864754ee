"""How far a change is live: moved on by what nodes acknowledge, read by every page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from networks.models import Node
from tenants import events
from tenants.lookup import Columns, Lookup
from tenants.models import Realization
from tenants.storing import update
from worker.models import NodeStatus, SpecSection

APPLIED = Columns(
    lambda tenant: SpecSection.objects.filter(tenant=tenant).order_by().values_list("applied_generation"), int
)
WAITING = Lookup(
    lambda tenant: Realization.objects.filter(tenant=tenant, live_at=None).exclude(compiled_at=None).order_by("pk"), int
)


@dataclass(frozen=True, slots=True)
class Ack:
    """A node says that it is at `revision`, but for the tenants in `refused` (id: reason); heard at `at`."""

    node_id: int
    revision: int
    digest: str
    took_ms: float
    refused: Mapping[int, str] = field(default_factory=dict)
    at: datetime = field(default_factory=timezone.now)


@transaction.atomic
def acknowledge(acks: Sequence[Ack]) -> tuple[int, ...]:
    """What nodes have applied. Answers the ids of the tenants for which something moved."""
    if not acks:
        return ()
    at = max(ack.at for ack in acks)
    moved = set[int]()
    for ack in acks:
        _note(ack)
        moved.update(_refuse(ack.node_id, ack.refused))
    told = SpecSection.objects.filter(reduce(or_, map(_told, acks)))
    live = told.exclude(applied_generation=F("generation"), refused="")
    moved.update(live.values_list("tenant_id", flat=True))
    live.update(applied_generation=F("generation"), applied_at=at, refused="")
    # A tenant that left a node, and whose leaving the node has applied, is no longer part of its spec.
    told.filter(items=[]).delete()
    for tenant_id in sorted(moved):
        settle(tenant_id, at)
    return tuple(sorted(moved))


def _told(ack: Ack) -> Q:
    """The sections that are as the node says, but those it refuses."""
    told = Q(node_id=ack.node_id, revision__lte=ack.revision)
    return told & ~Q(tenant_id__in=ack.refused) if ack.refused else told


def _note(ack: Ack) -> None:
    update(
        NodeStatus,
        ack.node_id,
        revision=ack.revision,
        digest=ack.digest,
        apply_ms=ack.took_ms,
        seen_at=ack.at,
        problem="; ".join(sorted(set(ack.refused.values()))),
    )


def _refuse(node_id: int, refused: Mapping[int, str]) -> list[int]:
    """Note the reasons, answer the tenants for which they are new."""
    moved = []
    for tenant_id, reason in refused.items():
        sections = SpecSection.objects.filter(node_id=node_id, tenant_id=tenant_id).exclude(refused=reason)
        if sections.update(refused=reason):
            moved.append(tenant_id)
            name = Node.objects.values_list("name", flat=True).get(pk=node_id)
            events.note("refused", tenant_id=tenant_id, data={"node": name, "reason": reason})
    return moved


def settle(tenant_id: int, now: datetime | None = None) -> None:
    """Count, for every generation of a tenant that is compiled and not yet live, on how many nodes it is."""
    applied = [generation for (generation,) in APPLIED.all(tenant_id)]
    moved: dict[int, list[int]] = defaultdict(list)
    newest: Realization | None = None
    for row in WAITING.all(tenant_id):
        live = sum(generation >= row.generation for generation in applied)
        if (row.nodes, row.live) != (len(applied), live) or live == len(applied):
            moved[live].append(row.pk)
        if live == len(applied) and (newest is None or row.generation > newest.generation):
            newest = row
    for live, rows in moved.items():
        live_at = (now or timezone.now()) if live == len(applied) else None
        _move(rows, nodes=len(applied), live=live, live_at=live_at)
    if newest:
        events.note("live", tenant_id=tenant_id, generation=newest.generation, data={"nodes": len(applied)})


def _move(rows: Sequence[int], **values: object) -> None:
    """Nearly always it is one generation at a time."""
    if len(rows) == 1:
        update(Realization, rows[0], **values)
    else:
        Realization.objects.filter(pk__in=rows).update(**values)
