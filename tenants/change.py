"""The frame of every verb: one transaction, the tenant locked, its generation bumped, one audit row, one wake-up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from contivui.web.problem import Problem
from contivui.web.trace import current
from tenants import chain, quotas, standing
from tenants.labels import follow
from tenants.lookup import by_key
from tenants.models import ClusterRecord, Realization, Tenant
from tenants.signals import nodes_changed, tenant_changed
from tenants.storing import add, update

Row = TypeVar("Row", bound=models.Model)


class Keep(Enum):
    """The argument of an update verb that was not given: the field stays as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class Refused(Problem):
    """A verb that cannot be done as the world stands, though nothing the person typed is wrong."""

    status = 409


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and from where. `via` is one of page, api, agent, contiv, system; `token` names the token she came
    with, and `undoes` the row of the record that is being taken back (tenants.undo)."""

    name: str
    via: str
    user_id: int | None = None
    address: str | None = None
    token: str = ""
    undoes: int | None = None


SYSTEM = Actor("system", "system")
PLAIN = (str, int, float, bool, type(None), list, dict)
#: Bookkeeping, secrets, and what follows from other columns: never part of the record.
UNRECORDED = frozenset(
    {
        "generation",
        "created_at",
        "updated_at",
        "token_hash",
        "compiled",
        "record_number",
        "record_link",
        "base4",
        "base6",
    }
)


def plain(row: models.Model) -> dict[str, Any]:
    """A row as plain values for the record: its concrete fields, foreign keys as ids, no bookkeeping."""
    return {
        f.attname: f.value_to_string(row) if not isinstance(v := f.value_from_object(row), PLAIN) else v
        for f in row._meta.concrete_fields
        if f.name not in UNRECORDED
    }


def assign(row: models.Model, **values: Any) -> None:
    """Set the fields that were given; those that are KEEP stay."""
    for name, value in values.items():
        if value is not KEEP:
            setattr(row, name, value)


def fresh(row: Row) -> Row:
    """The row as it stands, to be read inside change() where nobody alters it any more.

    Raises Refused when somebody deleted it since the caller looked.
    """
    found: Row | None = by_key(type(row)).first(row.pk)
    if found is None:
        raise gone(row)
    return found


def held(row: Row) -> Row:
    """The row as it stands, locked to the end of the transaction: what belongs to no tenant has no line to stand in.

    Raises Refused when somebody deleted it since the caller looked.
    """
    found = type(row)._default_manager.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise gone(row)
    return found


def gone(row: models.Model) -> Refused:
    word = getattr(row, "word", row._meta.verbose_name)
    return Refused(f"The {word} {row} does not exist any more: somebody deleted it meanwhile.", code="gone")


class Change:
    """What a verb tells the record. It calls exactly one of created, updated, deleted and unchanged."""

    def __init__(self, owner: Tenant | ClusterRecord, *, back: bool = False) -> None:
        """`owner` is locked: whose intent it is, or the cluster's record. `back`: what was is put back (tenants.undo),
        so that what it was need not be asked of it again, only that nobody else has it now."""
        self.owner = owner
        self.back = back
        self.tenant = owner if isinstance(owner, Tenant) else None
        self.generation = self.tenant.generation + 1 if self.tenant else None
        self.chain = owner.pk if isinstance(owner, Tenant) else chain.CLUSTER
        self.entry: dict[str, Any] | None = None
        self.idle = False
        self.touched: list[int] = []

    def created(self, row: models.Model, after: dict[str, Any] | None = None) -> None:
        self._note(row, None, after if after is not None else plain(row))

    def updated(self, row: models.Model, before: dict[str, Any], after: dict[str, Any] | None = None) -> None:
        self._note(row, before, after if after is not None else plain(row))

    def deleted(self, row: models.Model, before: dict[str, Any]) -> None:
        self._note(row, before, None)

    def unchanged(self) -> None:
        """Everything is as asked for already: no record, no new generation, nobody woken."""
        self.idle = True

    def same(self, row: models.Model, before: Mapping[str, Any], **related: Sequence[models.Model] | Keep) -> bool:
        """Whether the row is still as it was `before`; then the verb is done, and changes nothing. Asked when the row
        is checked, and so in the form it is kept in, and not saved yet. `related` are the rows it shall be with, named
        as the record names them. A row that is the same says so to whoever asked for the change: `as_it_was`."""
        kept = all(before[name] == value for name, value in plain(row).items())
        asked = {name: {one.pk for one in rows} for name, rows in related.items() if rows is not KEEP}
        if kept and all({one["id"] for one in before[name]} == keys for name, keys in asked.items()):
            self.unchanged()
            row.as_it_was = True  # type: ignore[attr-defined]
        return self.idle

    def touches(self, tenant_ids: Iterable[int]) -> None:
        """A change of the cluster alters what these tenants have on the nodes: their generations move on too."""
        self.touched = sorted(set(tenant_ids))

    def _note(self, row: models.Model, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if isinstance(row, Tenant) and after is not None:
            self.tenant = row
        pk = row.pk if isinstance(row.pk, int) else (before or {}).get("id")
        follow(row, pk, before, after)
        self.entry = {
            "object_type": row._meta.model_name,
            "object_id": pk,
            "object_name": str(row)[:200],
            "tenant_name": row.name if isinstance(row, Tenant) else self.tenant.name if self.tenant else "",
            "before": before,
            "after": after,
        }


@contextmanager
def as_one() -> Iterator[None]:
    """One transaction for the verbs inside: when one of them is refused, nothing of any is done, and nobody goes on. So
    none of them needs a point to return to, which saves each two questions to the database; nor does it read again what
    was read since the tenant was locked (tenants.standing)."""
    with transaction.atomic(), standing.kept():
        yield


@contextmanager
def change(*, actor: Actor, tenant: Tenant | None, verb: str) -> Iterator[Change]:
    """Run a verb's body. `tenant` None is a change of the cluster (nodes, the fabric, a tenant's making and end).

    The tenant's row is locked for the length of the transaction, so all writers of one tenant are in line: what the
    body reads to decide (free addresses, overlaps, users of a thing) stays true until it commits. What only the
    database could see (two clusters' worth of writers choosing one name) leaves as a ValidationError of the field. So
    does what would be more than the tenant may have (tenants.quotas).
    """
    try:
        with transaction.atomic(savepoint=not standing.is_kept()):
            owner = _locked(tenant) if tenant else ClusterRecord.locked()
            step = Change(owner, back=actor.undoes is not None)
            with quotas.kept(step.tenant, verb):
                yield step
            _settle(step, actor, verb)
    except ProtectedError as error:
        raise _protected(error) from error
    except IntegrityError as error:
        raise collision(error) from error


def _protected(error: ProtectedError) -> Refused:
    """A room further on holds what was to go: the verb cannot know of it, the database does."""
    users = sorted({f"{getattr(row, 'word', row._meta.verbose_name)} {row}" for row in error.protected_objects})
    shown = ", ".join(users[:8])
    return Refused(
        f"This cannot be deleted: {shown} needs it. Change or remove that first.", code="in_use", users=users
    )


def _locked(tenant: Tenant) -> Tenant:
    found = standing.locked(tenant.pk)
    if found is None:
        raise gone(tenant)
    return found


def _settle(step: Change, actor: Actor, verb: str) -> None:
    """Write down what the body did and see to it that those who make it true hear of it after the commit."""
    if step.idle:
        return
    if step.entry is None:
        raise RuntimeError(f"The verb {verb} told the record nothing.")
    head = _write_entry(step, actor, verb)
    if step.tenant and step.generation:
        _advance(step.tenant.pk, step.generation, head)
        _stand(step.owner, step.generation, head, step.entry)
        return
    chain.keep(step.owner, head)
    touched = Tenant.objects.select_for_update().filter(pk__in=step.touched).order_by("pk")
    for pk, generation in touched.values_list("pk", "generation"):
        _advance(pk, generation + 1)

    def tell() -> None:
        nodes_changed.send(sender=None)

    transaction.on_commit(tell, robust=True)


def _stand(owner: Tenant | ClusterRecord, generation: int, head: chain.Head, entry: Mapping[str, Any]) -> None:
    """For the next verb of this transaction the locked tenant is what it became, unless it was itself changed."""
    if entry["object_type"] == "tenant" or not isinstance(owner, Tenant):
        standing.changed(None)
        return
    owner.generation, owner.record_number, owner.record_link = generation, head.number, head.link
    standing.changed(owner)


def _write_entry(step: Change, actor: Actor, verb: str) -> chain.Head:
    assert step.entry is not None
    trace = current()
    content = {
        "actor": actor.name,
        "user_id": actor.user_id,
        "token": actor.token,
        "via": actor.via,
        "address": actor.address,
        "request": trace.request,
        "batch": trace.batch,
        "undoes": actor.undoes,
        "tenant_id": step.tenant.pk if step.tenant else None,
        "generation": step.generation,
        "verb": verb,
        **step.entry,
    }
    return chain.append(content, step.chain, chain.Head.of(step.owner))


def _advance(tenant_id: int, generation: int, head: chain.Head | None = None) -> None:
    """A listener that fails costs a delay (a timer finds the generation), never the answer: hence robust. `head` is
    the new end of the tenant's record, where this change is in it; of one that is in the cluster's, the tenant's own
    Realization says when it was saved."""
    if head:
        update(Tenant, tenant_id, generation=generation, record_number=head.number, record_link=head.link)
    else:
        update(Tenant, tenant_id, generation=generation)
        add(Realization, tenant_id=tenant_id, generation=generation, saved_at=timezone.now())

    def tell() -> None:
        tenant_changed.send(sender=None, tenant_id=tenant_id, generation=generation)

    transaction.on_commit(tell, robust=True)


#: How the databases name the columns: "UNIQUE constraint failed: t.a, t.b" and "Key (a, b)=(1, web) already exists".
COLUMNS = re.compile(r"UNIQUE constraint failed: (?P<sqlite>.+)|Key \((?P<postgres>[^)]+)\)=")


def collision(error: IntegrityError) -> ValidationError:
    """The last line of defence as an error of the field it is about (the last column: the others say "within what")."""
    found = COLUMNS.search(str(error))
    columns = (found["sqlite"] or found["postgres"]).split(",") if found else [NON_FIELD_ERRORS]
    column = columns[-1].strip().rpartition(".")[2]
    field = column if column == NON_FIELD_ERRORS else column.removesuffix("_id")
    message = "Somebody else took or removed this at the same moment. Look at the list and try again."
    return ValidationError({field: [ValidationError(message, code="collision")]})
