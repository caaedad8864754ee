"""Taking changes back: any change of the record, through the same verbs, all that one request did or nothing of it.

Each room says how its kinds of object are taken back (`undoable`). What was made is deleted, what was changed is set
back, what was deleted is made again under the id it had. That is refused, with the reason, where the world has moved
on: the object is not any more as the change left it, or the verbs refuse what it was. It is a change like any other,
and can be undone itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from contivui.web.problem import Problem
from contivui.web.resource import Resource, Verb
from contivui.web.trace import current, traced
from tenants.access import Forbidden, missing, rights_of
from tenants.chain import CLUSTER
from tenants.change import Actor, Refused, plain
from tenants.checks import listed, word_of
from tenants.models import AuditEntry, ClusterRecord, Tenant

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Values = Mapping[str, Any]
#: One transaction holds its tenants for as long as it takes.
MOST = 2_000
#: What the record says of another object: which it is, and what it was called then.
LINK, IN_WORDS = {"id", "name"}, {"peer_name"}


@dataclass(frozen=True, slots=True)
class Undoable:
    """How changes of one kind of object are taken back.

    `recorded` is what the record says of a row now, to be compared with what it said then. `fresh` names, as
    half-sentences, what a row that was made holds by now and would take along. `off` takes a row that was made off what
    it was put on, where a deletion wants that. `rest` brings back what went along with a deleted row. `special` are
    verbs that are set back by something else than `update`: called with the actor, the row and what it was. `within`
    is (type, column) of an object whose changes may be changes of this one. A kind with `secrets` may be changed in
    what the record does not say.
    """

    model: type[models.Model]
    create: Verb | None = None
    update: Verb | None = None
    delete: Verb | None = None
    recorded: Callable[[Any], dict[str, Any]] = plain
    fresh: Callable[[Any], Sequence[str]] = lambda row: ()
    off: Callable[[Actor, Any], None] = lambda actor, row: None
    rest: Callable[[Actor, Any, Values], None] = lambda actor, row, before: None
    special: Mapping[str, Callable[[Actor, Any, Values], None]] = field(default_factory=dict)
    within: tuple[str, str] | None = None
    secrets: bool = False

    @classmethod
    def of(cls, resource: Resource, **more: Any) -> Undoable:
        return cls(resource.model, resource.create, resource.update, resource.delete, **more)


kinds: dict[str, Undoable] = {}
#: Verbs whose change is not undone, and why.
never: dict[str, str] = {
    "drift.heal": "A node put back what was meant. There is nothing to undo.",
    "drift.found": "A node found something that was not meant. Nobody changed what is meant.",
    "token.create": "A token is not taken back but ended: end it on the page of tokens.",
    "token.delete": "A token that was ended opens nothing any more: its text was never kept. Make another.",
}

#: Those of them that stay as they are where they came along with something that is undone.
left: set[str] = set()


def undoable(kind: Undoable) -> None:
    kinds[str(kind.model._meta.model_name)] = kind


def can_be(entry: AuditEntry) -> bool:
    """Whether it is worth offering: undoing may still be refused, with the reason."""
    return entry.verb not in never and entry.object_type in kinds


def together(entry: AuditEntry) -> list[AuditEntry]:
    """What is undone with it, in that order: all that its request did, the last first. Raises Refused for too many."""
    if not entry.batch:
        return [entry]
    found = list(AuditEntry.objects.filter(batch=entry.batch).order_by("-pk")[: MOST + 1])
    if len(found) > MOST:
        raise Refused(f"That request did more than {MOST} things. Undo is for less.", code="too_many")
    return found


def verbs_of(entry: AuditEntry) -> set[str]:
    """What taking it back takes the rights for: what was done, and what is done now."""
    thing = entry.verb.partition(".")[0]
    back = "delete" if entry.before is None else "create" if entry.after is None else "update"
    return {entry.verb, f"{thing}.{back}"}


def require_all(user: User, entries: Sequence[AuditEntry]) -> None:
    """Raises Forbidden unless she may do, and take back, everything there is to undo; part of it is not undone."""
    seen = AuditEntry.objects.visible_to(user).filter(pk__in=[entry.pk for entry in entries]).count()
    if seen != len(entries):
        raise Forbidden("The request that did this did more, in what is not yours to change.", code="forbidden")
    tenants = Tenant.objects.in_bulk({entry.tenant_id for entry in entries if entry.tenant_id})
    rights = rights_of(user)
    for entry in entries:
        tenant = tenants.get(entry.tenant_id or 0)
        for verb in sorted(verbs_of(entry)):
            if not rights.may(verb, tenant):
                raise Forbidden(missing(verb, tenant), code="forbidden")


def take_back(entries: Sequence[AuditEntry], actor: Actor) -> list[AuditEntry]:
    """Undo these, in their order, or none of them. Answers what that wrote to the record, in the order it was done:
    nothing where nothing had been altered. Raises Refused with the reason."""
    with transaction.atomic(), nullcontext(current()) if current().batch else traced() as trace:
        _lock(entries)
        for entry in _worth(entries):
            with _reasons(entry):
                _take_back(entry, replace(actor, undoes=entry.pk))
        done = AuditEntry.objects.filter(batch=trace.batch, undoes__in=[entry.pk for entry in entries])
        return list(done.order_by("pk"))


def arguments(model: type[models.Model], names: Collection[str], values: Values) -> dict[str, Any]:
    """What the record says of a row, as arguments of these names: other objects as they stand. Raises Refused when one
    is not there any more."""
    found: dict[str, Any] = {}
    for column in model._meta.concrete_fields:
        if column.name in names and column.attname in values:
            value = values[column.attname]
            found[column.name] = _there(column.related_model, value) if column.is_relation and value else value
    for link in model._meta.many_to_many:
        if link.name in names and link.name in values:
            found[link.name] = [_there(link.related_model, one["id"]) for one in values[link.name]]
    return found


# --- one change


def _worth(entries: Sequence[AuditEntry]) -> Sequence[AuditEntry]:
    return [entry for entry in entries if entry.verb not in left] or entries


def _take_back(entry: AuditEntry, actor: Actor) -> None:
    if why := never.get(entry.verb):
        raise Refused(why, code="not_undoable")
    kind = kinds.get(entry.object_type)
    if kind is None:
        raise Refused("Changes of this kind cannot be undone.", code="not_undoable")
    if entry.after is None:
        _make_again(kind, entry, actor)
    elif entry.before is None:
        _take_away(kind, entry, actor)
    else:
        _set_back(kind, entry, actor)


def _make_again(kind: Undoable, entry: AuditEntry, actor: Actor) -> None:
    if _row(kind, entry) is not None:
        raise _moved(f"The {word_of(kind.model)} {entry.object_name} is there again{_by(kind, entry)}.")
    create, before = _offered(kind.create), entry.before or {}
    names = signature(create).parameters
    frame = {"tenant": _there(Tenant, entry.tenant_id)} if "tenant" in names and entry.tenant_id else {}
    create(actor=actor, **{**arguments(kind.model, names, before), **frame}, pk=entry.object_id)
    kind.rest(actor, _row(kind, entry), before)
    _must_be(kind, entry)


def _take_away(kind: Undoable, entry: AuditEntry, actor: Actor) -> None:
    row = _as_left(kind, entry)
    if held := kind.fresh(row):
        raise _moved(f"Meanwhile {listed(held)}. Undo or remove that first.")
    kind.off(actor, row)
    _offered(kind.delete)(actor=actor, row=row)


def _set_back(kind: Undoable, entry: AuditEntry, actor: Actor) -> None:
    row, before = _as_left(kind, entry), entry.before or {}
    differ = {name: before[name] for name in _differing(before, entry.after or {})}
    if not differ:
        if kind.secrets:
            raise Refused("What this changed is never in the record, so it cannot be put back.", code="not_undoable")
        return
    if special := kind.special.get(entry.verb):
        special(actor, row, before)
    else:
        update = _offered(kind.update)
        update(actor=actor, row=row, **arguments(kind.model, signature(update).parameters, differ))
    _must_be(kind, entry)


def _offered(verb: Verb | None) -> Verb:
    if verb is None:
        raise Refused("Changes of this kind cannot be undone.", code="not_undoable")
    return verb


# --- whether the world has moved on


def _as_left(kind: Undoable, entry: AuditEntry) -> Any:
    """The row, which is as the change left it."""
    row, name = _row(kind, entry), f"{word_of(kind.model)} {entry.object_name}"
    if row is None:
        raise _moved(f"The {name} is not there any more{_by(kind, entry)}.")
    if _differing(entry.after or {}, kind.recorded(row)):
        raise _moved(f"The {name} was changed since{_by(kind, entry)}.")
    return row


def _must_be(kind: Undoable, entry: AuditEntry) -> None:
    """The row is again as the change found it, to the last field, or it is not put back at all."""
    if wrong := _differing(entry.before or {}, kind.recorded(_row(kind, entry))):
        raise _moved(f"It cannot be what it was any more: {listed(wrong)} would differ.")


def _row(kind: Undoable, entry: AuditEntry) -> Any:
    return kind.model._default_manager.filter(pk=entry.object_id).first()


def _there(model: Any, pk: Any) -> Any:
    """An object something needs, as it stands."""
    row = model._default_manager.filter(pk=pk).first()
    if row is None:
        gone = AuditEntry.objects.filter(object_type=model._meta.model_name, object_id=pk).first()
        name, by = (gone.object_name, f": {_said(gone)}. Undo that first") if gone else (pk, "")
        raise _moved(f"It needs {word_of(model)} {name}, which is not there any more{by}.")
    return row


def _by(kind: Undoable, entry: AuditEntry) -> str:
    """What was done to the object since, for the end of a sentence; "" when the record does not know."""
    since = AuditEntry.objects.filter(pk__gt=entry.pk)
    found = since.filter(object_type=entry.object_type, object_id=entry.object_id).first()
    if found is None and kind.within:
        outer, column = kind.within
        key = (entry.after or entry.before or {}).get(column)
        found = since.filter(object_type=outer, object_id=key).first()
    return f": {_said(found)}" if found else ""


def _said(entry: AuditEntry) -> str:
    return f"{entry.actor}, {entry.verb} (change {entry.pk})"


def _moved(sentence: str) -> Refused:
    return Refused(sentence, code="moved_on")


def _differing(then: Values, now: Values) -> list[str]:
    """Names of what differs, of all that both know of: a kind may have got more fields since. Names that others had
    then are left out: they may have changed meanwhile."""
    both = (then.keys() & now.keys()) - IN_WORDS
    return sorted(name for name in both if not _alike(_bare(then[name]), _bare(now[name])))


def _alike(then: Any, now: Any) -> bool:
    """Whether two values are the same; parts of a row (the rules of a policy) may have got more fields since, too."""
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(map(_alike, _by_id(then), _by_id(now)))
    if isinstance(then, dict) and isinstance(now, dict) and "id" in then:
        return all(then[name] == now[name] for name in then.keys() & now.keys())
    return bool(then == now)


def _by_id(values: list[Any]) -> list[Any]:
    """Objects in one order: older rows of the record have them by name, or as they stood in a table."""
    if all(isinstance(one, dict) and "id" in one for one in values):
        return sorted(values, key=lambda one: str(one["id"]))
    return values


def _bare(value: Any) -> Any:
    """A recorded value as the databases give it back, other objects as ids."""
    known = json.loads(json.dumps(value))
    return [_nameless(one) for one in known] if isinstance(known, list) else known


def _nameless(one: Any) -> Any:
    if not isinstance(one, dict):
        return one
    hidden = {"name"} if one.keys() == LINK else IN_WORDS
    return {name: value for name, value in one.items() if name not in hidden}


@contextmanager
def _reasons(entry: AuditEntry) -> Iterator[None]:
    """What a verb refuses is why the change cannot be undone: said of the change, not of fields nobody typed."""
    try:
        yield
    except ValidationError as error:
        raise _not(entry, " ".join(error.messages), "moved_on", []) from error
    except Problem as problem:
        raise _not(entry, problem.message, problem.code, problem.users) from problem


def _not(entry: AuditEntry, why: str, code: str, users: list[str]) -> Refused:
    what = f"{entry.verb} of {entry.object_name} (change {entry.pk})"
    return Refused(f"{what} cannot be undone. {why}", code=code, users=users)


def _lock(entries: Sequence[AuditEntry]) -> None:
    """In one order for everybody: the cluster's record, then tenants by their ids."""
    if any(entry.chain == CLUSTER for entry in entries):
        ClusterRecord.locked()
    keys = {entry.tenant_id for entry in entries if entry.tenant_id}
    list(Tenant.objects.select_for_update().filter(pk__in=keys).order_by("pk"))
