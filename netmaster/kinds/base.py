"""What every collection of the dialect is: rows of ours, found by Contiv's keys and shown in Contiv's shape."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.db import models

from netmaster import wording
from netmaster.kinds.echo import echo
from netmaster.refusal import Refusal, whole
from netmaster.structs import Body, Struct
from netmaster.versions import Changed, note
from netmaster.wire import filled
from tenants import standing
from tenants.change import Actor
from tenants.checks import named, named_in
from tenants.lookup import Lookup
from tenants.models import Tenant

#: What something is linked to: Contiv's word for its kind, and its key.
Link = tuple[str, str]
Sets = Mapping[str, Iterable[Link]]
Links = Mapping[str, Link | None]
#: Changes of these never show in an object as it is configured.
NEVER_SHOWN = frozenset({"endpoint", "addressreservation"})


class Kind:
    """One collection. Subclasses say how a row reads (`members`, `sets`, `links`), and translate the three verbs."""

    collection: ClassVar[str]
    word: ClassVar[str]
    struct: ClassVar[Struct]
    #: Whether its objects belong to tenants.
    owned: ClassVar[bool] = True

    def rows(self) -> models.QuerySet[Any]:
        """All of them, with what showing them needs, in a constant number of queries."""
        raise NotImplementedError

    def find(self, key: str) -> Any | None:
        """The row of a key."""
        raise NotImplementedError

    def held(self, key: str) -> Any | None:
        """The row of a key that is to be changed: its tenant, if it has one, is locked from here on."""
        if self.owned:
            standing.locked_by_name(key.partition(":")[0])
        return self.find(key)

    def rows_of(self, tenants: Collection[int]) -> models.QuerySet[Any]:
        """Those of some tenants."""
        return self.rows().filter(tenant__in=tenants)

    def touched(self, entry: Changed) -> set[int] | None:
        """The objects that may be shown otherwise after a change of something else than the tenant itself; None: any of
        the tenant's. What a kind says here of its own keeps it from being read anew whenever anything changes."""
        return set() if entry.kind in NEVER_SHOWN else None

    def key(self, row: Any) -> str:
        return f"{row.tenant.name}:{row.name}"

    def tenant_of(self, row: Any) -> Tenant | None:
        return row.tenant if self.owned else None

    def members(self, row: Any) -> Body:
        raise NotImplementedError

    def sets(self, row: Any) -> Sets | None:
        """By name; None for a kind that has no link-sets."""
        return None

    def links(self, row: Any) -> Links | None:
        return None

    # These three are within one transaction, which ends with any refusal (netmaster.refusal.whole).

    def create(self, actor: Actor, body: Body) -> Any:
        raise NotImplementedError

    def made(self, row: Any) -> Any:
        """What create answered, with what showing it needs. A kind to whose new objects nothing is linked yet need not
        ask."""
        return self.rows().get(pk=row.pk)

    def update(self, actor: Actor, row: Any, body: Body) -> Any:
        raise NotImplementedError

    def delete(self, actor: Actor, row: Any) -> None:
        raise NotImplementedError

    def oper(self, row: Any) -> Body | None:
        """What is known of it at run time; None where Contiv shows its configuration only."""
        return None

    def spare(self, body: Body) -> Body:
        """What of a request says how a client words things: all of it, unless some is ignored."""
        return body

    # --- the same for all

    def show(self, row: Any, words: Mapping[str, Any] | None = None) -> Body:
        """The row as Contiv shows it. `words` is how its members were written, when that was read already."""
        if words is None:
            words = wording.of(self.word, row.pk)
        shown: Body = {"key": self.key(row)} | filled(wording.applied(self.members(row), words))
        if (sets := self.sets(row)) is not None:
            shown["link-sets"] = {name: peers for name in sorted(sets) if (peers := _peers(sets[name]))}
        if (links := self.links(row)) is not None:
            shown["links"] = {name: _link(links[name]) for name in sorted(links)}
        return shown

    def show_all(self, rows: Iterable[Any]) -> list[Body]:
        words = wording.of_all(self.word)
        return [self.show(row, words.get(row.pk, {})) for row in rows]

    def echo(self, row: Any, body: Body) -> Body:
        """What an update is answered with."""
        return echo(self.key(row), body, "link-sets" in self.struct.parts, self.links(row))

    def save(self, actor: Actor, key: str, body: Body) -> Body:
        """Create or update, as the key exists or not, and what the client is answered: a new object as it is stored, an
        update as it was sent. Raises Refusal or what verbs raise.

        All of it is one transaction: an object and how it was written are there together, or neither is.
        """
        if self.struct.key_of(body) != key:
            raise Refusal("Invalid Key")
        self.struct.check(body)
        with whole():
            row = self.held(key)
            new = row is None
            row = self.create(actor, body) if row is None else self.update(actor, row, body)
            row = self.made(row) if new else self.rows().get(pk=row.pk)
            words = wording.keep(self.word, row.pk, self.spare(body), self.members(row), new=new)
            if not new and (tenant := self.tenant_of(row)):
                note(tenant.pk, "wordings")
        return self.show(row, words) if new else self.echo(row, body)

    def remove(self, actor: Actor, key: str) -> None:
        with whole():
            row = self.held(key)
            if row is None:
                raise Refusal(f"{self.word} not found")
            pk = row.pk
            self.delete(actor, row)
            wording.forget(self.word, pk)


def _link(link: Link | None) -> Body:
    return {"type": link[0], "key": link[1]} if link else {}


def _peers(links: Iterable[Link]) -> Body:
    return {link[1]: _link(link) for link in sorted(links, key=lambda link: link[1])}


def its(name: str, rows: models.QuerySet[Any] | None = None) -> models.Prefetch[Any, Any, Any]:
    """Related rows as a list `its_<name>` of each row: a list of objects costs no manager per row."""
    return models.Prefetch(name, queryset=rows, to_attr=f"its_{name}")


def tenant_called(name: str) -> Tenant | None:
    """The tenant of this name; where it is locked already, nobody is asked."""
    known: Tenant | None = standing.known_by_name(name) or named(Tenant).first(name)
    return known


def tenant_named(name: str, missing: str = "Tenant not found") -> Tenant:
    found = tenant_called(name)
    if found is None:
        raise Refusal(missing)
    return found


def split(key: str, parts: int) -> list[str] | None:
    """The parts of a key, which has exactly so many."""
    found = key.split(":")
    return found if len(found) == parts and all(found) else None


class OwnedKind(Kind):
    """A kind whose objects have a tenant and a name."""

    model: ClassVar[type[models.Model]]
    select: ClassVar[tuple[str, ...]] = ("tenant",)
    prefetch: ClassVar[tuple[models.Prefetch[Any, Any, Any], ...]] = ()

    def rows(self) -> models.QuerySet[Any]:
        rows = self.model._default_manager.select_related(*self.select).prefetch_related(*self.prefetch)
        return rows.order_by("pk")

    def find(self, key: str) -> Any | None:
        parts = split(key, 2)
        found = parts and self._named.first(*parts)
        return self.rows().get(pk=found.pk) if found else None

    def held(self, key: str) -> Any | None:
        parts = split(key, 2)
        tenant = standing.locked_by_name(parts[0]) if parts else None
        found = named_in(tenant, self.model, parts[1]) if tenant and parts else None
        return self.rows().get(pk=found.pk) if found else None

    @cached_property
    def _named(self) -> Lookup[Any]:
        """Most keys that are looked for are of something to be made: only what is there is loaded whole."""
        rows = self.model._default_manager.order_by()
        return Lookup(lambda tenant, name: rows.filter(tenant__name=tenant, name=name), str, str)
