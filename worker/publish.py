"""From a tenant's intent to what each node is told: read, compile, compare, store the difference, say so.

Nothing here is needed for correctness to run once or in time: each step compares states, and the timer calls again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import wire
from core.compile import compile_tenant
from core.model import TenantIntent
from core.spec import Item, SpecDelta, by_key
from policies.snapshot import tenant_intent
from tenants.models import Realization
from worker.announce import announce, tell_node
from worker.models import NodeSpec, NodeStatus, SpecSection, SpecStep
from worker.realize import settle

log = logging.getLogger(__name__)

#: Deltas kept per node; a node further behind is sent its whole spec.
KEPT_STEPS = 50
#: A wake-up that is this old without effect counts as lost.
LOST_AFTER = timedelta(seconds=1)

_locks: dict[int, threading.Lock] = {}
_locks_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Published:
    """What one publish did: the generation compiled and the ids of nodes that were given a new revision."""

    generation: int
    nodes: tuple[int, ...]


def publish_tenant(tenant_id: int) -> Published | None:
    """Bring the stored specs of a tenant's nodes to its present generation; None when they are there already.

    Wake-ups that queue up while one publish runs find nothing left to do: that is how changes coalesce.
    """
    with _lock(tenant_id):
        if not _behind(tenant_id):
            return None
        intent = tenant_intent(tenant_id)
        touched = store(intent, compile_tenant(intent))
    for node_id in touched:
        tell_node(node_id)
    announce(f"tenant.{tenant_id}", "realization")
    return Published(intent.generation, touched)


def publish_stale_tenants() -> None:
    """Publish every tenant with a generation that nobody compiled for a while."""
    lost = Realization.objects.filter(compiled_at=None, saved_at__lt=timezone.now() - LOST_AFTER)
    for tenant_id in set(lost.values_list("tenant_id", flat=True)):
        log.info("Publishing tenant %s: its wake-up was lost.", tenant_id)
        publish_tenant(tenant_id)


def nudge_nodes() -> None:
    """Tell connected nodes again that have not acknowledged their newest revision for a while."""
    behind = NodeStatus.objects.filter(
        connected=True, revision__lt=F("node__spec__revision"), seen_at__lt=timezone.now() - LOST_AFTER
    )
    for node_id in behind.values_list("node_id", flat=True):
        tell_node(node_id)


@transaction.atomic
def store(intent: TenantIntent, compiled: Mapping[int, tuple[Item, ...]]) -> tuple[int, ...]:
    """Store sections, revisions and deltas; answers the nodes whose items changed."""
    sections = {
        s.node_id: s for s in SpecSection.objects.select_for_update().filter(tenant_id=intent.id).order_by("node_id")
    }
    if any(s.generation > intent.generation for s in sections.values()):
        return ()  # A newer publish of this tenant overtook this one; its state is the later truth.
    touched = [
        node_id
        for node_id in sorted(compiled.keys() | sections.keys())
        if _store_node(node_id, intent, compiled.get(node_id, ()), sections.get(node_id))
    ]
    now = timezone.now()
    Realization.objects.filter(tenant_id=intent.id, compiled_at=None, generation__lte=intent.generation).update(
        compiled_at=now
    )
    settle(intent.id, now)
    return tuple(touched)


@transaction.atomic
def withdraw(tenant_id: int) -> None:
    """A tenant is about to be deleted: whatever its nodes still have of it goes with it."""
    for section in SpecSection.objects.filter(tenant_id=tenant_id).exclude(items=[]).order_by("node_id"):
        _advance(section.node_id, by_key(wire.decode_items(section.items)), {})
        node_id = section.node_id
        transaction.on_commit(lambda node_id=node_id: tell_node(node_id))  # type: ignore[misc]


def _store_node(node_id: int, intent: TenantIntent, items: Iterable[Item], section: SpecSection | None) -> bool:
    """One node's part. True when its items changed and it has a new revision."""
    new = by_key(items)
    old = by_key(wire.decode_items(section.items)) if section else {}
    if section and new == old:
        _carry_over(section, intent.generation)
        return False
    revision = _advance(node_id, old, new)
    SpecSection.objects.update_or_create(
        node_id=node_id,
        tenant_id=intent.id,
        defaults={
            "items": wire.encode_items(new.values()),
            "revision": revision,
            "generation": intent.generation,
            "refused": "",
        },
    )
    return True


def _carry_over(section: SpecSection, generation: int) -> None:
    """Nothing changes for this node: what it has applied of the old generation is the new one as well."""
    changes: dict[str, object] = {"generation": generation}
    if section.applied_generation == section.generation:
        changes |= {"applied_generation": generation}
    SpecSection.objects.filter(pk=section.pk).update(**changes)


def _advance(node_id: int, old: Mapping[str, Item], new: Mapping[str, Item]) -> int:
    """Give a node its next revision, with the delta that leads there."""
    head, _ = NodeSpec.objects.select_for_update().get_or_create(node_id=node_id, defaults={"digest": wire.digest(())})
    upsert = tuple(item for key, item in new.items() if old.get(key) != item)
    delete = tuple(key for key in old if key not in new)
    replaced = [old[item.key] for item in upsert if item.key in old] + [old[key] for key in delete]
    delta = SpecDelta(
        base=head.revision,
        revision=head.revision + 1,
        digest=wire.step_digest(head.digest, replaced, upsert),
        upsert=upsert,
        delete=delete,
    )
    head.revision, head.digest = delta.revision, delta.digest
    head.save(update_fields=["revision", "digest"])
    SpecStep.objects.create(node_id=node_id, revision=delta.revision, delta=wire.encode_delta(delta))
    SpecStep.objects.filter(node_id=node_id, revision__lte=delta.revision - KEPT_STEPS).delete()
    return delta.revision


def _behind(tenant_id: int) -> bool:
    return Realization.objects.filter(tenant_id=tenant_id, compiled_at=None).exists()


def _lock(tenant_id: int) -> threading.Lock:
    """Publishes of one tenant in this process wait in line; those of two processes meet in store()."""
    with _locks_lock:
        return _locks.setdefault(tenant_id, threading.Lock())
