"""What happened, for programs that follow along: in one order, resumable from any point, cut to who asks.

How something stands is noted in the transaction that finds it out (`note`). A change is in the record already: what a
chain has beyond what was told of it (ChainTold) becomes events when somebody wants to know, and the change itself need
not write it twice. Numbers are given then, to what is committed: so whoever has read up to a number has missed nothing
before it, whichever transaction ended first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import F, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from contivui.web.errors import BadParameter
from contivui.web.fields import LARGEST_ID
from tenants.chain import CLUSTER
from tenants.lookup import by_key
from tenants.models import DRIFT, AuditEntry, ChainTold, ClusterRecord, Event, EventHead, Tenant
from tenants.storing import insert, update

#: Events answered at a time, and given numbers at a time.
MOST = 500
#: How long one can be away and still resume.
KEPT = timedelta(days=7)
KINDS = ("change", "status")
#: What an event of a change has of the record's row.
SAME = ("at", "tenant_id", "tenant_name", "generation", "object_type", "object_id", "object_name")
OF_CHANGES = {"verb": "what"} | {name: name for name in SAME}
OBJECT = "Name a kind of object, or one by its kind and id: network or network.7, for example."


def note(what: str, *, tenant: Tenant | None = None, tenant_id: int | None = None, **told: Any) -> None:
    """Write down how something stands now. Without a tenant it is the cluster's, for administrators."""
    if tenant is None and tenant_id is not None:
        tenant = by_key(Tenant).first(tenant_id)
        if tenant is None:
            return
    insert(Event(kind="status", what=what, tenant=tenant, tenant_name=tenant.name if tenant else "", **told))


def newest() -> int:
    """The newest number, after giving numbers to everything that has none yet."""
    while Event.objects.filter(number=None).exists() or any(_untold()):
        _give_numbers()
    return EventHead.objects.filter(pk=1).values_list("number", flat=True).first() or 0


@transaction.atomic
def _give_numbers() -> None:
    """To notes and changes in the order in which they came. Notes are read first: what a note is about was committed
    before it, so that is among the changes, and comes before it."""
    head = EventHead.locked()
    notes = list(Event.objects.filter(number=None).order_by("at", "pk").only("at")[:MOST])
    changes = [_take(number, told) for number, told in list(_untold())]
    # Whatever clocks say, what comes from one chain stays in its order.
    for event in merge(notes, *changes, key=attrgetter("at")):
        event.number = head.number = head.number + 1
    for event in notes:
        update(Event, event.pk, number=event.number)
    Event.objects.bulk_create(chain.from_iterable(changes))
    head.save()


def _untold() -> Iterator[tuple[int, int]]:
    """The chains of the record with rows that are no events yet, and up to which number their rows are."""
    yield from _behind(Tenant.objects.all(), OuterRef("pk")).values_list("pk", "told")
    for told in _behind(ClusterRecord.objects.all(), CLUSTER).values_list("told", flat=True):
        yield CLUSTER, told


def _behind(owners: QuerySet[Any], number: OuterRef | int) -> QuerySet[Any]:
    told = Coalesce(Subquery(ChainTold.objects.filter(chain=number).values("number")), 0)
    rows: QuerySet[Any] = owners.annotate(told=told).filter(record_number__gt=F("told"))
    return rows.order_by("pk")


def _take(number: int, told: int) -> list[Event]:
    """The next changes of the chain of this number as events, not stored yet. EventHead is locked."""
    rows = AuditEntry.objects.filter(chain=number, number__gt=told).order_by("number")
    found = list(rows.values("number", *OF_CHANGES)[:MOST])
    ChainTold.objects.update_or_create(chain=number, defaults={"number": found[-1]["number"]})
    return [
        Event(kind="change", **{column: row[name] for name, column in OF_CHANGES.items()})
        for row in found
        if not row["verb"].startswith(DRIFT)  # That is noted for itself.
    ]


def tell(tenant: Tenant) -> None:
    """Make events of what a tenant's chain has, now that the tenant is about to go: nobody would look for it later.
    They are given their numbers as notes are."""
    EventHead.locked()
    untold = _behind(Tenant.objects.filter(pk=tenant.pk), tenant.pk).values_list("told", flat=True)
    while (told := untold.first()) is not None:
        Event.objects.bulk_create(_take(tenant.pk, told))


def forget() -> None:
    """Drop what nobody resumes from any more. All have a number then, also those that nobody listened to, so that
    whoever was away sees that some are missing."""
    newest()
    Event.objects.filter(at__lt=timezone.now() - KEPT).exclude(number=None).delete()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events, after which one. `since` None: only what comes from now on."""

    since: int | None = None
    tenant: str = ""
    kind: str = ""
    object_type: str = ""
    object_id: int | None = None

    @classmethod
    def of(cls, said: Mapping[str, str], last: str | None = None) -> Asked:
        """From an address; `last` is the header Last-Event-ID, which goes before. Raises BadParameter."""
        kind, (thing, dot, key) = said.get("kind", ""), said.get("object", "").partition(".")
        if kind not in ("", *KINDS):
            raise BadParameter({"kind": f"Ask for {' or '.join(KINDS)}."})
        if (dot or thing) and thing not in _things():
            raise BadParameter({"object": f"{OBJECT} There is no kind {thing[:40]!r}."})
        number = _whole("object", key, OBJECT) if dot else None
        since = [_whole("since", each, "Give the id of an event.") for each in (last, said.get("since")) if each]
        return cls(
            since[0] if since else None, _plain("tenant", said.get("tenant", "")), kind, _plain("object", thing), number
        )

    def after(self, number: int) -> Asked:
        return Asked(number, self.tenant, self.kind, self.object_type, self.object_id)

    def narrow(self, rows: Any) -> Any:
        wanted = {
            "tenant_name": self.tenant,
            "kind": self.kind,
            "object_type": self.object_type,
            "object_id": self.object_id,
        }
        return rows.filter(**{name: value for name, value in wanted.items() if value not in ("", None)})


@dataclass(frozen=True, slots=True)
class Read:
    """`last` is the number to go on from, whether or not any event was for the reader. `missed`: some before the first
    are not kept any more."""

    events: list[Event]
    last: int
    missed: bool = False


def read(user: Any, asked: Asked) -> Read:
    """At most MOST events that this person may know of, after `asked.since`."""
    head = newest()
    if asked.since is None:
        return Read([], head)
    if asked.since > head:  # An older database was put back: what she has read is not what there was.
        return Read([], head, missed=True)
    first = Event.objects.exclude(number=None).aggregate(first=Min("number"))["first"]
    missed = asked.since < (head if first is None else first - 1)
    rows = Event.objects.visible_to(user).filter(number__gt=asked.since, number__lte=head)
    found = list(asked.narrow(rows).order_by("number")[: MOST + 1])
    more, found = len(found) > MOST, found[:MOST]
    return Read(found, found[-1].number or head if more else head, missed)


def told(event: Event) -> dict[str, Any]:
    """An event as programs get it."""
    return {
        "id": event.number,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "what": event.what,
        "tenant": event.tenant_name or None,
        "generation": event.generation,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "object_name": event.object_name,
        "data": event.data,
    }


def as_stream(found: Read) -> str:
    """As server-sent events. The last line's id moves a reader on even where nothing was for her."""
    parts = [f"id: {e.number}\nevent: {e.kind}\ndata: {json.dumps(told(e))}\n\n" for e in found.events]
    if found.missed:
        parts.insert(0, "event: missed\ndata: {}\n\n")
    return "".join(parts) + f"id: {found.last}\nevent: seen\ndata: {found.last}\n\n"


@cache
def _things() -> frozenset[str]:
    """What an event can be of, as the record names it."""
    return frozenset(str(model._meta.model_name) for model in apps.get_models())


def _whole(name: str, said: str, sentence: str) -> int:
    if not (said.isascii() and said.isdigit()) or int(said[:20]) > LARGEST_ID:
        raise BadParameter({name: sentence})
    return int(said)


def _plain(name: str, said: str) -> str:
    if "\0" in said:
        raise BadParameter({name: "There is no such thing."})
    return said
