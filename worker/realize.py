"""How far a change is live: moved on by what nodes acknowledge, read by every page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from math import isfinite
from operator import or_
from typing import Any, Self

from django.db import transaction
from django.db.models import F, Max, Min, Q, QuerySet
from django.utils import timezone

from networks.models import Node
from tenants import events
from tenants.lookup import Columns
from tenants.models import Realization
from tenants.storing import update
from worker.models import NodeStatus, SpecSection

APPLIED = Columns(
    lambda tenant: SpecSection.objects.filter(tenant=tenant).order_by().values_list("applied_generation"), int
)
#: Of those that are compiled and not yet live, the first and the last generation, and the key of one.
WAITING = Columns(
    lambda tenant: (
        Realization.objects.filter(tenant=tenant, live_at=None)
        .exclude(compiled_at=None)
        .order_by()
        .values("tenant_id")
        .annotate(first=Min("generation"), last=Max("generation"), one=Max("pk"))
        .values_list("tenant_id", "first", "last", "one")
    ),
    int,
)
#: What a column of revisions or ids holds, and one of digests.
LARGEST, LONGEST_DIGEST = 2**63 - 1, 64


@dataclass(frozen=True, slots=True)
class Ack:
    """A node says that it is at `revision`, but for the tenants in `refused` (id: reason); heard at `at`."""

    node_id: int
    revision: int
    digest: str
    took_ms: float
    refused: Mapping[int, str] = field(default_factory=dict)
    at: datetime = field(default_factory=timezone.now)

    @classmethod
    def of(cls, node_id: int, message: Mapping[str, Any]) -> Self:
        """What a node's message says. Raises ValueError where no database could keep it: acknowledgements of several
        nodes are written down together."""
        revision, took_ms = int(message["revision"]), float(message.get("took_ms", 0))
        digest = str(message.get("digest", ""))
        refused = {int(key): str(reason).replace("\0", "") for key, reason in message.get("refused", {}).items()}
        if any(not 0 <= number <= LARGEST for number in (revision, *refused)) or not isfinite(took_ms):
            raise ValueError("a number is beyond what there can be")
        if len(digest) > LONGEST_DIGEST or "\0" in digest:
            raise ValueError(f"a digest has at most {LONGEST_DIGEST} letters")
        return cls(node_id, revision, digest, took_ms, refused)


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
    """Count, for every generation of a tenant that is compiled and not yet live, on how many nodes it is. How many
    generations wait, behind a node that is away for long, makes no difference to the number of queries."""
    for _, first, last, one in WAITING.all(tenant_id):
        applied = [generation for (generation,) in APPLIED.all(tenant_id)]
        for after, upto, live in _steps(applied):
            if after >= last or (upto is not None and upto < first):
                continue
            count = {"nodes": len(applied), "live": live}
            rows = _waiting(tenant_id, after, upto)
            if live == len(applied):
                newest = last if upto is None or upto >= last else _newest(rows)
                _count(one if first == last else None, rows, **count, live_at=now or timezone.now())
                events.note("live", tenant_id=tenant_id, generation=newest, data={"nodes": len(applied)})
            else:
                _count(one if first == last else None, rows.exclude(**count), **count)


def _count(only: int | None, rows: QuerySet[Realization], **values: object) -> None:
    """Nearly always one generation waits, whose key is known."""
    if only is None:
        rows.update(**values)
    else:
        update(Realization, only, **values)


def _newest(rows: QuerySet[Realization]) -> int:
    return rows.aggregate(newest=Max("generation"))["newest"] or 0


def _steps(applied: Sequence[int]) -> Iterator[tuple[int, int | None, int]]:
    """(after, up to, live) for what nodes have applied: generations after the one and up to the other (None: all that
    follow) are live on so many nodes."""
    after = 0
    for upto in sorted(set(applied)):
        yield after, upto, sum(generation >= upto for generation in applied)
        after = upto
    yield after, None, 0


def _waiting(tenant_id: int, after: int, upto: int | None) -> QuerySet[Realization]:
    """Generations after the one and up to the other that are compiled and not yet live."""
    rows = Realization.objects.filter(tenant=tenant_id, live_at=None, generation__gt=after).exclude(compiled_at=None)
    return rows if upto is None else rows.filter(generation__lte=upto)
