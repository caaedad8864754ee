"""What the pages of one kind of object show, declared once; contivui.web.views makes the pages of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db import models
from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise

from contivui.web import cells
from contivui.web.forms import VerbForm
from contivui.web.request import PageRequest
from contivui.web.resource import Resource

if TYPE_CHECKING:
    Words = str | Promise
else:
    Words = str

Choices = Iterable[tuple[Any, Words]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a list. `value` reads it from the row (default: the attribute path `key`), or `fact` names where
    it comes from; `cell` draws it, `plain` writes it in an export. `sort` is the look-up path that orders by it."""

    key: str
    title: Words
    value: Callable[[Any], Any] | None = None
    fact: str = ""
    cell: cells.Cell = cells.text
    plain: Callable[[Any], Any] = cells.plain
    sort: str = ""
    number: bool = False

    @property
    def descending(self) -> str:
        return f"-{self.key}"

    def read(self, row: Any, known: Any = None) -> Any:
        if self.fact:
            return known
        return self.value(row) if self.value else attrgetter(self.key.replace("__", "."))(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A filter of a list: the address says `key=value`, rows are those whose `path` equals what `parse` makes of it."""

    key: str
    title: Words
    path: str
    choices: Callable[[PageRequest], Choices]
    parse: Callable[[str], Any] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A card of an object's page. `context` gives its template what it shows; None leaves the card out."""

    key: str
    title: Words
    template: str
    context: Callable[[PageRequest, Any], dict[str, Any] | None]
    width: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One line of an object's own card."""

    title: Words
    value: Callable[[Any], Any]
    cell: cells.Cell = cells.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The pages of one resource. `purpose` says in an empty list what the thing is for.

    `goes` names what is deleted along with a row; `topics` are what its page listens to beyond its tenant; `narrow`
    adds what columns and cards need to the query; `owner` is the tenant whose rights count for a row; `made` answers
    what a create verb made when it is not the row alone; `live` shows how far rows are live; a `guarded` list is
    refused to who may see none of it.
    """

    resource: Resource
    title: Words
    one: Words
    icon: str
    purpose: Words
    columns: tuple[Column, ...]
    attributes: tuple[Attribute, ...] = ()
    form: type[VerbForm] | None = None
    facets: tuple[Facet, ...] = ()
    panels: list[Panel] = field(default_factory=list)
    goes: Callable[[Any], Sequence[str]] = lambda row: ()
    topics: Callable[[Any], Sequence[str]] = lambda row: ()
    narrow: Callable[[models.QuerySet[Any]], models.QuerySet[Any]] = lambda rows: rows
    owner: Callable[[Any], Any | None] = lambda row: getattr(row, "tenant", None)
    made: Callable[[PageRequest, Any], HttpResponse] | None = None
    live: bool = True
    guarded: bool = False

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def in_tenant(self) -> bool:
        """Whether rows belong to one tenant: then a new one needs to know which."""
        return hasattr(self.resource.model, "tenant")

    @property
    def labelled(self) -> bool:
        """Whether rows have labels, which a list can be narrowed by."""
        return hasattr(self.resource.model, "labels")

    @property
    def tenant_path(self) -> str:
        """From a row to its tenant, in a query: what hangs under another row has it from there."""
        return str(getattr(self.resource.model, "tenant_path", "tenant"))

    def rows(self, request: PageRequest) -> models.QuerySet[Any]:
        """Everything of this kind the person may see, ready to be shown."""
        manager: Any = self.resource.model._default_manager
        rows = manager.visible_to(request.user)
        return self.narrow(rows.select_related(*self.resource.select).prefetch_related(*self.resource.prefetch))

    def url(self, action: str, row: Any | None = None) -> str:
        return reverse(f"{self.name}.{action}", args=[row.pk] if row is not None else [])


#: By resource name, in the order in which apps are named in contivui.urls.
registry: dict[str, Screen] = {}


def register(screen: Screen) -> Screen:
    registry[screen.name] = screen
    return screen


def add_panel(name: str, panel: Panel) -> None:
    """Let a room further on say something on an object's page: its own room cannot know of it."""
    registry[name].panels.append(panel)
