"""What the address of a list asks for: words, filters, an order, a page. The address holds all of it, so a link to a
list shows the same list to the next person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import QueryDict

from contivui.web.problem import Problem
from contivui.web.request import PageRequest
from contivui.web.screens import Column, Facet, Screen

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter as the page offers it. `words` is the chosen value in words, "" when nothing is chosen."""

    facet: Facet
    options: list[tuple[str, str]]
    chosen: str

    @property
    def words(self) -> str:
        return dict(self.options).get(self.chosen, self.chosen)


@dataclass(frozen=True, slots=True)
class Listing:
    """The asked-for rows. `rows` is everything that matches, in order; `page` the part that is shown. `labels` is a
    selector of labels, `problem` what is wrong with it: then nothing matches."""

    query: str
    choices: list[Choice]
    sort: str
    rows: QuerySet[Any]
    page: Page[Any]
    params: QueryDict
    labels: str = ""
    problem: str = ""

    @property
    def asked(self) -> bool:
        """Whether anything narrows the list: then an empty one is no invitation to make the first."""
        return bool(self.query or self.labels or any(choice.chosen for choice in self.choices))

    def address(self, **changes: str | None) -> str:
        """This list's address with some parameters changed, None taking one away. Another list begins at page 1."""
        params = self.params.copy()
        for key, value in {"page": None, "format": None, **changes}.items():
            params.pop(key, None)
            if value:
                params[key] = value
        return f"?{params.urlencode()}"

    def next_sort(self, column: Column) -> str:
        return f"-{column.key}" if self.sort == column.key else column.key


def listing(request: PageRequest, screen: Screen) -> Listing:
    params = request.GET
    choices = [_choice(request, facet) for facet in screen.facets]
    rows = _in_tenant(screen.rows(request), request, screen)
    rows = _matching(rows, params.get("q", "").strip(), screen.resource.search)
    for choice in choices:
        if choice.chosen:
            rows = rows.filter(**{choice.facet.path: choice.facet.parse(choice.chosen)})
    labels = params.get("labels", "").strip() if screen.labelled else ""
    rows, problem = _labelled(rows, labels)
    sort, rows = _ordered(rows, params.get("sort", ""), screen)
    page = Paginator(rows, PER_PAGE).get_page(params.get("page"))
    return Listing(params.get("q", "").strip(), choices, sort, rows, page, params, labels, problem)


def _labelled(rows: QuerySet[Any], selector: str) -> tuple[QuerySet[Any], str]:
    try:
        return (rows.labelled(selector) if selector else rows), ""  # type: ignore[attr-defined]
    except Problem as problem:
        return rows.none(), problem.message


def _choice(request: PageRequest, facet: Facet) -> Choice:
    """What is not among the options is not a filter: a stale or made-up value shows the whole list, not an error."""
    options = [(str(value), str(words)) for value, words in facet.choices(request)]
    chosen = request.GET.get(facet.key, "")
    return Choice(facet, options, chosen if chosen in dict(options) else "")


def _in_tenant(rows: QuerySet[Any], request: PageRequest, screen: Screen) -> QuerySet[Any]:
    if not (screen.in_tenant and request.person.tenant):
        return rows
    return rows.filter(**{screen.tenant_path: request.person.tenant})


def _matching(rows: QuerySet[Any], words: str, paths: tuple[str, ...]) -> QuerySet[Any]:
    """Every word must be somewhere."""
    for word in words.split()[:8]:
        rows = rows.filter(Q(*((f"{path}__icontains", word) for path in paths), _connector=Q.OR))
    return rows.distinct() if words and any("__" in path for path in paths) else rows


def _ordered(rows: QuerySet[Any], sort: str, screen: Screen) -> tuple[str, QuerySet[Any]]:
    """By the asked-for column, then by key, so that pages neither repeat nor leave out a row."""
    column = next((c for c in screen.columns if c.sort and c.key == sort.removeprefix("-")), None)
    if column is None:
        return "", rows.order_by(*(screen.resource.model._meta.ordering or ()), "pk")
    return sort, rows.order_by(("-" if sort.startswith("-") else "") + column.sort, "pk")
