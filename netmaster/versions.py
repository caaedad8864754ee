"""How far each tenant is: what an answer about it is prepared for, and what has changed since another one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F

from netmaster.models import NoteCount
from tenants.models import AuditEntry, Tenant

#: With more changes than this between two looks all of a tenant is read again, which is quicker then.
MOST_CHANGES = 200


class Version(NamedTuple):
    """A tenant at one moment. Each part only grows, and all of them are read in one query: of two versions the later
    one is nowhere behind."""

    generation: int
    wordings: int
    containers: int


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant and how far it is."""

    pk: int
    name: str
    version: Version


class Changed(NamedTuple):
    """One line of the record: what was changed, from what, to what (None where it was not there)."""

    kind: str
    pk: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def either(self, member: str) -> set[Any]:
        """What a member was and is."""
        return {side[member] for side in (self.before, self.after) if side and side.get(member) is not None}


def places() -> list[Place]:
    """All tenants. Read before the rows that an answer is made of: what is committed in between makes the answer
    younger than it is taken for, never older."""
    return _read(_asked(), ())


def place(name: str) -> Place | None:
    found = _read(_asked_by_name(), (name,))
    return found[0] if found else None


def changes(pk: int, since: int, until: int) -> list[Changed] | None:
    """What the record says of a tenant's generations after `since` up to `until`; None where that is not all there was
    (a change of the cluster moves generations on, too) or too much to go through."""
    if until - since > MOST_CHANGES:
        return None
    rows = AuditEntry.objects.filter(tenant=pk, generation__gt=since, generation__lte=until).order_by()
    found = list(rows.values_list("object_type", "object_id", "before", "after"))
    return [Changed(*row) for row in found] if len(found) == until - since else None


def note(tenant: int, what: str) -> None:
    """Count that `what` of the tenant, wordings or containers, was noted, in the transaction that does."""
    if not NoteCount.objects.filter(tenant=tenant).update(**{what: F(what) + 1}):
        NoteCount.objects.bulk_create([NoteCount(tenant_id=tenant)], ignore_conflicts=True)
        NoteCount.objects.filter(tenant=tenant).update(**{what: F(what) + 1})


def _rows() -> Any:
    return Tenant.objects.order_by().values_list(
        "pk", "name", "generation", "note_count__wordings", "note_count__containers"
    )


@cache
def _asked() -> str:
    """The question as SQL, made once: every read begins with it."""
    return str(_rows().query.sql_with_params()[0])


@cache
def _asked_by_name() -> str:
    return str(_rows().filter(name="").query.sql_with_params()[0])


def _read(sql: str, parameters: tuple[str, ...]) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found = cursor.fetchall()
    return [Place(pk, name, Version(generation, said or 0, told or 0)) for pk, name, generation, said, told in found]
