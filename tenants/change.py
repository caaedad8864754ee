"""The frame of every verb: one transaction, the tenant locked, its generation bumped, one audit row, one wake-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from tenants.models import AuditEntry, Realization, Tenant
from tenants.signals import nodes_changed, tenant_changed


class Refused(Exception):
    """A verb that cannot be done as the world stands, though nothing the person typed is wrong.

    `message` is a sentence for the person; `code` for programs; `users` the objects that stand in the way.
    """

    def __init__(self, message: str, *, code: str, users: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.users = users or []


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and from where. `via` is one of page, api, agent, system."""

    name: str
    via: str
    user_id: int | None = None
    address: str | None = None


SYSTEM = Actor("system", "system")


def plain(row: models.Model) -> dict[str, Any]:
    """A row as plain values for the record: its concrete fields, foreign keys as ids, no bookkeeping."""
    skip = {"generation", "created_at", "updated_at", "token_hash"}
    return {
        f.attname: f.value_to_string(row) if not isinstance(v := f.value_from_object(row), PLAIN) else v
        for f in row._meta.concrete_fields
        if f.name not in skip
    }


PLAIN = (str, int, float, bool, type(None), list, dict)


@dataclass(slots=True)
class Change:
    """What a verb tells the record. Call exactly one of created, updated, deleted."""

    tenant: Tenant | None
    generation: int | None
    _row: dict[str, Any] = field(default_factory=dict)

    def created(self, row: models.Model, after: dict[str, Any] | None = None) -> None:
        self._note(row, None, after if after is not None else plain(row))

    def updated(self, row: models.Model, before: dict[str, Any], after: dict[str, Any] | None = None) -> None:
        self._note(row, before, after if after is not None else plain(row))

    def deleted(self, row: models.Model, before: dict[str, Any]) -> None:
        self._note(row, before, None)

    def _note(self, row: models.Model, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        pk = row.pk if row.pk is not None else (before or {}).get("id")
        self._row = {
            "object_type": row._meta.model_name,
            "object_id": pk,
            "object_name": str(row)[:200],
            "before": before,
            "after": after,
        }


@contextmanager
def change(*, actor: Actor, tenant: Tenant | None, verb: str) -> Iterator[Change]:
    """Run a verb's body. `tenant` None is a change of the cluster (nodes, tenants themselves).

    The tenant's row is locked for the length of the transaction, so all writers of one tenant are in line: what the
    body reads to decide (free addresses, overlaps, users of a thing) stays true until it commits.
    """
    with transaction.atomic():
        locked = Tenant.objects.select_for_update().get(pk=tenant.pk) if tenant else None
        generation = locked.generation + 1 if locked else None
        step = Change(locked, generation)
        yield step
        if not step._row:
            raise RuntimeError(f"The verb {verb} told the record nothing.")
        AuditEntry.objects.create(
            actor=actor.name,
            user_id=actor.user_id,
            via=actor.via,
            address=actor.address,
            tenant=locked,
            tenant_name=locked.name if locked else "",
            generation=generation,
            verb=verb,
            **step._row,
        )
        if locked and generation:
            Tenant.objects.filter(pk=locked.pk).update(generation=generation)
            Realization.objects.create(tenant=locked, generation=generation, saved_at=timezone.now())
            transaction.on_commit(
                lambda: tenant_changed.send(sender=None, tenant_id=locked.pk, generation=generation)
            )
        else:
            transaction.on_commit(lambda: nodes_changed.send(sender=None))
