"""From a tenant's intent to what each node is told: read, compile, compare, store the difference, say so.

Nothing here is needed for correctness to run once or in time: each step compares states, and the timer calls again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from core import wire
from core.compile import compile_tenant
from core.model import TenantIntent
from core.spec import Item, SpecDelta, by_key
from policies.snapshot import intent_for_nodes
from tenants.lookup import Columns, Lookup
from tenants.models import AuditEntry, Realization, Tenant
from tenants.storing import update
from worker.announce import announce, tell_node
from worker.models import NodeSpec, NodeStatus, SpecSection, SpecStep
from worker.realize import settle
from worker.sections import encoded, items_of

log = logging.getLogger(__name__)

#: Deltas kept per node, at least, and how many go at once; a node further behind is sent its whole spec.
KEPT_STEPS, FORGOTTEN_AT_ONCE = 50, 10
#: A wake-up that is this old without effect counts as lost.
LOST_AFTER = timedelta(seconds=1)

BEHIND = Columns(
    lambda tenant: Tenant.objects.filter(pk=tenant, generation__gt=F("compiled")).order_by().values_list("pk"), int
)
#: Up to which generation the tenant is compiled. It is locked: publishes of it, and its end, are in line, whatever
#: process they are in. Sections that are not there yet cannot be locked.
LOCKED = Columns(
    lambda tenant: Tenant.objects.select_for_update().filter(pk=tenant).order_by().values_list("compiled"), int
)
#: When the generations of a tenant after the one and up to the other were saved.
SAVED = Columns(
    lambda tenant, after, upto: (
        AuditEntry.objects.changes()
        .filter(tenant=tenant, generation__gt=after, generation__lte=upto)
        .order_by("generation")
        .values_list("generation", "at")
    ),
    int,
    int,
    int,
)
SECTIONS = Lookup(lambda tenant: SpecSection.objects.select_for_update().filter(tenant=tenant).order_by("node_id"), int)
_locks: dict[int, threading.Lock] = {}
_locks_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Published:
    """What one publish did: the generation compiled and the ids of nodes that were given a new revision."""

    generation: int
    nodes: tuple[int, ...]


#: Hears of a node's id and the step it is to take, in wire form.
Tell = Callable[[int, Any], None]


def _tell(node_id: int, step: Any) -> None:
    tell_node(node_id)


def publish_tenant(tenant_id: int, tell: Tell = _tell) -> Published | None:
    """Bring the stored specs of a tenant's nodes to its present generation, and `tell` of each node for which there is
    something new; None when they are there already.

    Wake-ups that queue up while one publish runs find nothing left to do: that is how changes coalesce.
    """
    with _lock(tenant_id):
        if not _behind(tenant_id):
            return None
        intent = intent_for_nodes(tenant_id)
        told = store(intent, compile_tenant(intent))
    for node_id, step in told.items():
        tell(node_id, step)
    announce(f"tenant.{tenant_id}", "realization")
    return Published(intent.generation, tuple(told))


def publish_stale_tenants() -> None:
    """Publish every tenant with a generation that nobody compiled for a while."""
    for tenant_id in waiting_since(timezone.now() - LOST_AFTER):
        log.info("Publishing tenant %s: its wake-up was lost.", tenant_id)
        try:
            publish_tenant(tenant_id)
        except Exception:  # The others are not to wait for this one.
            log.exception("Tenant %s could not be published; it is tried again.", tenant_id)


def waiting_since(before: datetime) -> list[int]:
    """The tenants with a generation that was saved before then, and is not compiled yet."""
    behind = Q(tenant=OuterRef("pk"), generation__gt=OuterRef("compiled"))
    saved = Exists(AuditEntry.objects.filter(behind, at__lt=before))
    touched = Exists(Realization.objects.filter(behind, saved_at__lt=before))
    rows = Tenant.objects.filter(generation__gt=F("compiled")).filter(saved | touched)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def nudge_nodes() -> None:
    """Tell connected nodes again that have not acknowledged their newest revision for a while."""
    behind = NodeStatus.objects.filter(
        connected=True, revision__lt=F("node__spec__revision"), seen_at__lt=timezone.now() - LOST_AFTER
    )
    for node_id in behind.values_list("node_id", flat=True):
        tell_node(node_id)


@dataclass(frozen=True, slots=True)
class Step:
    """One tenant's part of one node's spec, before and after."""

    node_id: int
    old: Mapping[str, Item]
    new: Mapping[str, Item]


@transaction.atomic
def store(intent: TenantIntent, compiled: Mapping[int, tuple[Item, ...]]) -> dict[int, Any]:
    """Store sections, revisions and deltas; answers these, in wire form, by the ids of the nodes whose items changed.
    The number of queries does not depend on the number of nodes."""
    found = LOCKED.all(intent.id)
    if not found:
        return {}  # It was deleted meanwhile, and what nodes had of it withdrawn.
    ((compiled_by_now,),) = found
    if compiled_by_now > intent.generation:
        return {}  # By a newer publish, whose state is the later truth.
    sections = {section.node_id: section for section in SECTIONS.all(intent.id)}
    steps = [
        Step(node_id, items_of(sections.get(node_id)), by_key(compiled.get(node_id, ())))
        for node_id in sorted(compiled.keys() | sections.keys())
    ]
    changed = [step for step in steps if step.new != step.old or step.node_id not in sections]
    deltas = _advance(changed)
    _store_sections(intent, changed, deltas)
    if untouched := [sections[node_id].pk for node_id in sections.keys() - deltas.keys()]:
        _carry_over(intent, untouched)
    _note_compiled(intent, compiled_by_now, nodes=len(steps), live=_in_sync(sections, deltas.keys()))
    if not deltas:  # What nodes have yet to apply becomes live as they acknowledge; what none has, now.
        settle(intent.id)
    return deltas


def _in_sync(sections: Mapping[int, SpecSection], touched: Collection[int]) -> int:
    """On how many nodes what was compiled is live already: nothing changes there, and nothing was awaited."""
    kept = [section for node_id, section in sections.items() if node_id not in touched]
    return sum(section.applied_generation == section.generation for section in kept)


def _note_compiled(intent: TenantIntent, before: int, **counts: int) -> None:
    """From here on it is known of the generations after the one `before` how far they are live."""
    how = {"tenant_id": intent.id, "compiled_at": timezone.now(), **counts}
    saved = SAVED.all(intent.id, before, intent.generation)
    Realization.objects.bulk_create(Realization(generation=number, saved_at=at, **how) for number, at in saved)
    if len(saved) < intent.generation - before:
        touched = Realization.objects.filter(tenant_id=intent.id, compiled_at=None, generation__lte=intent.generation)
        touched.update(**how)
    update(Tenant, intent.id, compiled=intent.generation)


@transaction.atomic
def withdraw(tenant_id: int) -> None:
    """A tenant is about to be deleted: whatever its nodes still have of it goes with it."""
    LOCKED.all(tenant_id)
    sections = [section for section in SECTIONS.all(tenant_id) if section.items]
    for node_id in _advance([Step(section.node_id, items_of(section), {}) for section in sections]):
        transaction.on_commit(lambda node_id=node_id: tell_node(node_id))  # type: ignore[misc]


def _store_sections(intent: TenantIntent, steps: Sequence[Step], deltas: Mapping[int, Any]) -> None:
    rows = [
        SpecSection(
            node_id=step.node_id,
            tenant_id=intent.id,
            items=encoded(step.node_id, intent.id, step.new),
            revision=deltas[step.node_id]["revision"],
            generation=intent.generation,
        )
        for step in steps
    ]
    told = ["items", "revision", "generation", "refused"]
    SpecSection.objects.bulk_create(rows, update_conflicts=True, unique_fields=["node", "tenant"], update_fields=told)


def _carry_over(intent: TenantIntent, sections: Sequence[int]) -> None:
    """Nothing changes for these nodes: what they have applied of the old generation is the new one as well."""
    kept = SpecSection.objects.filter(pk__in=sections)
    kept.filter(applied_generation=F("generation")).update(applied_generation=intent.generation)
    kept.update(generation=intent.generation)


def _advance(steps: Sequence[Step]) -> dict[int, Any]:
    """Give each node its next revision, with the delta that leads there. Answers the deltas, in wire form, by node."""
    heads = _heads([step.node_id for step in steps])
    deltas = [(step.node_id, _delta(heads[step.node_id], step)) for step in steps]
    for node_id, delta in deltas:
        heads[node_id].revision, heads[node_id].digest = delta.revision, delta.digest
    NodeSpec.objects.bulk_create(
        heads.values(), update_conflicts=True, unique_fields=["node"], update_fields=["revision", "digest"]
    )
    forms = {node_id: wire.encode_delta(delta) for node_id, delta in deltas}
    SpecStep.objects.bulk_create(
        SpecStep(node_id=node_id, revision=delta.revision, delta=forms[node_id]) for node_id, delta in deltas
    )
    _forget_steps({node_id: delta.revision for node_id, delta in deltas if delta.revision % FORGOTTEN_AT_ONCE == 0})
    return forms


def _forget_steps(revisions: Mapping[int, int]) -> None:
    old = [Q(node_id=node_id, revision__lte=revision - KEPT_STEPS) for node_id, revision in revisions.items()]
    if old:
        SpecStep.objects.filter(reduce(or_, old)).delete()


def _heads(node_ids: Collection[int]) -> dict[int, NodeSpec]:
    """The heads of these nodes, locked, in one order for everybody; made where there is none yet."""
    locked = NodeSpec.objects.select_for_update().filter(node_id__in=node_ids).order_by("node_id")
    heads = {head.node_id: head for head in locked}
    if len(heads) < len(node_ids):
        new = [NodeSpec(node_id=node_id, digest=wire.digest(())) for node_id in set(node_ids) - heads.keys()]
        NodeSpec.objects.bulk_create(new, ignore_conflicts=True)
        heads = {head.node_id: head for head in locked.all()}
    return heads


def _delta(head: NodeSpec, step: Step) -> SpecDelta:
    upsert = tuple(item for key, item in step.new.items() if step.old.get(key) != item)
    delete = tuple(key for key in step.old if key not in step.new)
    replaced = [step.old[item.key] for item in upsert if item.key in step.old] + [step.old[key] for key in delete]
    return SpecDelta(
        base=head.revision,
        revision=head.revision + 1,
        digest=wire.step_digest(head.digest, replaced, upsert),
        upsert=upsert,
        delete=delete,
    )


def _behind(tenant_id: int) -> bool:
    return bool(BEHIND.all(tenant_id))


def _lock(tenant_id: int) -> threading.Lock:
    """Publishes of one tenant in this process wait in line; those of two processes meet in store()."""
    with _locks_lock:
        return _locks.setdefault(tenant_id, threading.Lock())
