"""Finding objects of all kinds at once: by a name or a note, by an address, by labels. Rooms say what of theirs can be
found, and by what (`findable`, called as their app becomes ready).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from typing import Any

from django.db.models import CharField, Q, QuerySet, TextField
from django.db.models.lookups import IContains
from django.urls import reverse

from contivui.web.resource import Resource

Address = IPv4Address | IPv6Address
Rows = QuerySet[Any]
#: Longest text anybody looks for, and how many words of it count.
LONGEST, MOST_WORDS = 200, 8


def page_of(resource: Resource) -> Callable[[Any], str]:
    return lambda row: reverse(f"{resource.name}.detail", args=[row.pk])


@dataclass(frozen=True, slots=True)
class Findable:
    """One kind of object. `words` are the columns whose text is looked into, the first being what it is called and
    told in the order of; `same` are those that are found by their whole value alone; `at` answers the rows that have an
    address, or hold it, each with the column that says so; `page` is the address of the page that shows a row."""

    resource: Resource
    words: tuple[str, ...] = ("name",)
    same: tuple[str, ...] = ()
    at: Callable[[Rows, Address], Iterator[tuple[Any, str]]] | None = None
    page: Callable[[Any], str] | None = None

    @property
    def kind(self) -> str:
        return self.resource.name

    def rows(self, user: Any, tenant: str) -> Rows:
        """All of the kind that this person may see, or of them those of one tenant."""
        manager: Any = self.resource.model._default_manager
        rows: Rows = manager.visible_to(user)
        if not tenant:
            return rows
        path = getattr(self.resource.model, "tenant_path", "tenant")
        return rows.filter(**{f"{path}__name": tenant}) if self.resource.scope == "tenant" else rows.none()


@dataclass(frozen=True, slots=True)
class Found:
    """An object, with the column that was met and what stands there."""

    findable: Findable
    row: Any
    field: str
    value: str

    @property
    def page(self) -> str:
        return (self.findable.page or page_of(self.findable.resource))(self.row)

    @property
    def tenant(self) -> str | None:
        return str(self.row.tenant) if self.findable.resource.scope == "tenant" else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, kind after kind; `more` are the kinds of which there is more than was asked for."""

    found: list[Found] = field(default_factory=list)
    more: list[str] = field(default_factory=list)


class Somewhere(IContains):
    """Text that holds another one, letters of either case being the same. PostgreSQL's own way to make them the same
    asks its locale for each letter of each row; names are plain ASCII, and so is what SQLite makes the same."""

    lookup_name = "somewhere"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return IContains(self.lhs, self.rhs).as_sql(compiler, connection)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = compiler.compile(self.lhs)
        text, more = self.process_rhs(compiler, connection)
        return f'{column}::text COLLATE "C" ILIKE {text}', [*parameters, *more]


for column in (CharField, TextField):
    column.register_lookup(Somewhere)

#: What makes a text a selector of labels rather than words.
SELECTOR = re.compile(r"=|\b(not)?in\s*\(")
_kinds: list[Findable] = []


def findable(kind: Findable) -> None:
    """Let objects of a kind be found, after those of the kinds that were named before."""
    _kinds.append(kind)


def has_address(*columns: str) -> Callable[[Rows, Address], Iterator[tuple[Any, str]]]:
    """Rows of which one of these columns is the address."""

    def at(rows: Rows, address: Address) -> Iterator[tuple[Any, str]]:
        fitting = [column for column in columns if _holds(rows, column, address)]
        said = Q(*((column, str(address)) for column in fitting), _connector=Q.OR)
        for row in rows.filter(said).order_by("pk") if fitting else ():
            yield row, next(column for column in fitting if getattr(row, column) == str(address))

    return at


def _holds(rows: Rows, column: str, address: Address) -> bool:
    """A column of the other family is not asked: databases differ in whether they mind."""
    protocol = getattr(rows.model._meta.get_field(column), "protocol", "both")
    return protocol.lower() in ("both", f"ipv{address.version}")


def search(user: Any, text: str, most: int, tenant: str = "") -> Answer:
    """Objects this person may see that `text` finds, at most so many of each kind. An address finds what has it or
    holds it; what has “=” or “in (…)” in it is a selector of labels (and may be refused as one:
    tenants.labels.BadSelector); anything else are words, all of which must be there."""
    answer = Answer()
    for kind in _kinds:
        met = list(islice(_met(kind, kind.rows(user, tenant), text, most + 1), most + 1))
        answer.found.extend(met[:most])
        if len(met) > most:
            answer.more.append(kind.kind)
    return answer


def _met(kind: Findable, rows: Rows, text: str, most: int) -> Iterator[Found]:
    try:
        address = ip_address(text)
    except ValueError:
        yield from (_labelled if SELECTOR.search(text) else _worded)(kind, rows, text, most)
        return
    whole = rows.select_related(*kind.resource.select)
    for row, column in kind.at(whole, address) if kind.at else ():
        yield Found(kind, row, column, str(getattr(row, column)))


def _labelled(kind: Findable, rows: Rows, text: str, most: int) -> Iterator[Found]:
    if not hasattr(kind.resource.model, "labels"):
        return
    chosen: Rows = rows.labelled(text)  # type: ignore[attr-defined]
    # Most kinds have none, and what rows are shown with takes a database longer to plan than to look up.
    for row in _loaded(kind, rows, _keys(chosen, most)):
        yield Found(kind, row, "labels", ", ".join(f"{key}={row.labels[key]}" for key in sorted(row.labels)))


def _worded(kind: Findable, rows: Rows, text: str, most: int) -> Iterator[Found]:
    """What is called exactly so comes first, what begins so next."""
    met = {pk: column for column in kind.same for pk in _keys(rows.filter(**{column: text.lower()}), most)}
    words, found = text.split()[:MOST_WORDS], rows
    for word in words:
        found = found.filter(Q(*((f"{path}__somewhere", word) for path in kind.words), _connector=Q.OR))
    # Keys and words alone are read from an index, whatever else rows hold.
    hits = list(found.order_by(kind.words[0], "pk").values_list("pk", *kind.words)[:most])
    if len(hits) == most:
        # A database asked for what is called exactly so first would read all there is.
        hits += rows.filter(**{kind.words[0]: text}).order_by("pk").values_list("pk", *kind.words)[:most]
    for pk, *values in sorted(hits, key=lambda hit: _rank(hit[1], text)):
        column = next(path for path, value in zip(kind.words, values, strict=True) if words[0].lower() in value.lower())
        met.setdefault(pk, column)
    for row in _loaded(kind, rows, list(met)):
        yield Found(kind, row, met[row.pk], str(getattr(row, met[row.pk])))


def _loaded(kind: Findable, rows: Rows, keys: list[int]) -> list[Any]:
    """The rows of these keys, in their order, with what showing them needs."""
    found = rows.select_related(*kind.resource.select).in_bulk(keys) if keys else {}
    return [found[pk] for pk in keys if pk in found]


def _keys(rows: Rows, most: int) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:most])


def _rank(name: str, text: str) -> int:
    lower, wanted = name.lower(), text.lower()
    return 0 if lower == wanted else 1 if lower.startswith(wanted) else 2
