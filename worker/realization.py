"""How far rows are live, for the pages: on which nodes their generation is applied, where it is awaited or refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Literal

from django.db.models import F, Q

from tenants.models import AuditEntry, Realization, Tenant
from worker.models import SpecSection

Stage = Literal["saved", "compiled", "live", "refused", "nowhere"]
Change = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Live:
    """A generation of a tenant on its way. `ms` is from saved to live on the last node, None while it is not (or is
    not remembered any more); `waiting` and `refused` are the nodes that have not applied it."""

    nodes: int
    live: int
    saved_at: datetime | None = None
    compiled: bool = True
    ms: float | None = None
    waiting: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    @property
    def stage(self) -> Stage:
        if self.refused:
            return "refused"
        if not self.compiled:
            return "saved"
        if not self.nodes:
            return "nowhere"
        return "live" if self.live == self.nodes else "compiled"

    @property
    def ratio(self) -> str:
        return f"{self.live}/{self.nodes}"


@dataclass(frozen=True, slots=True)
class _Section:
    """A tenant's part of one node's spec, as far as it matters here."""

    node: str
    applied: int
    refused: str


def realization_of(rows: Sequence[Any]) -> dict[Any, Live]:
    """By key, for rows that have `tenant_id` and `generation`. Two queries, however many rows; two more where some are
    not compiled yet, and one where some are not remembered any more."""
    changes = {row.pk: (row.tenant_id, row.generation) for row in rows}
    sections = _sections({tenant for tenant, _ in changes.values()})
    records = _records(set(changes.values()))
    return {pk: _live(change, sections[change[0]], records.get(change)) for pk, change in changes.items()}


def _sections(tenants: Iterable[int]) -> Mapping[int, list[_Section]]:
    found: dict[int, list[_Section]] = defaultdict(list)
    rows = SpecSection.objects.filter(tenant_id__in=tenants).order_by("node__name")
    for tenant, node, applied, refused in rows.values_list("tenant_id", "node__name", "applied_generation", "refused"):
        found[tenant].append(_Section(node, applied, refused))
    return found


def _records(changes: set[Change]) -> dict[Change, Realization]:
    found = {(row.tenant_id, row.generation): row for row in Realization.objects.filter(_any_of(changes))}
    return found | _saved(changes - found.keys())


def _saved(changes: set[Change]) -> dict[Change, Realization]:
    """Those that are saved and not compiled yet. Of one that is compiled and has no Realization any more nobody
    remembers when."""
    behind = Tenant.objects.filter(pk__in={tenant for tenant, _ in changes}, generation__gt=F("compiled"))
    ends = {pk: (compiled, newest) for pk, compiled, newest in behind.values_list("pk", "compiled", "generation")}
    late = {(t, g) for t, g in changes if t in ends and ends[t][0] < g <= ends[t][1]}
    rows = AuditEntry.objects.changes().filter(_any_of(late)).values_list("tenant_id", "generation", "at")
    return {(t, g): Realization(tenant_id=t, generation=g, saved_at=at) for t, g, at in rows}


def _any_of(changes: set[Change]) -> Q:
    """No changes cost no query."""
    per_tenant: dict[int, set[int]] = defaultdict(set)
    for tenant, generation in changes:
        per_tenant[tenant].add(generation)
    return reduce(or_, (Q(tenant_id=t, generation__in=g) for t, g in per_tenant.items()), Q(pk__in=()))


def _live(change: Change, sections: Sequence[_Section], record: Realization | None) -> Live:
    """A node that refuses a later change but has applied this one is live with this one."""
    behind = [section for section in sections if section.applied < change[1]]
    return Live(
        nodes=len(sections),
        live=len(sections) - len(behind),
        saved_at=record.saved_at if record else None,
        compiled=record is None or record.compiled_at is not None,
        ms=record.live_ms if record else None,
        waiting=tuple(section.node for section in behind if not section.refused),
        refused=tuple(Refusal(section.node, section.refused) for section in behind if section.refused),
    )
