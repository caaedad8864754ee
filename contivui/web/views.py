"""The pages every kind of object has: list, page, form, deletion. One function each; what differs is in its Screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, register_converter
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from contivui.web.export import exported
from contivui.web.facts import facts
from contivui.web.listing import listing
from contivui.web.problem import Problem
from contivui.web.request import PageRequest
from contivui.web.screens import Panel, Screen


class KeyConverter:
    """A row's key in an address. More digits than a database key can have lead nowhere instead of failing in it."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(KeyConverter, "key")


def pages(screen: Screen, folder: str) -> list[URLPattern]:
    """The addresses of a screen: /networks/, /networks/new/, /networks/7/, /networks/7/edit/, /networks/7/delete/.
    What the resource has no verb for has no address."""
    name, offers = screen.name, screen.resource
    routes = [
        path(f"{folder}/", partial(show_list, screen=screen), name=f"{name}.list"),
        path(f"{folder}/<key:pk>/", partial(show_detail, screen=screen), name=f"{name}.detail"),
    ]
    if screen.form and offers.create:
        routes.append(path(f"{folder}/new/", partial(create, screen=screen), name=f"{name}.create"))
    if screen.form and offers.update:
        routes.append(path(f"{folder}/<key:pk>/edit/", partial(edit, screen=screen), name=f"{name}.edit"))
    if offers.delete:
        routes.append(path(f"{folder}/<key:pk>/delete/", partial(delete, screen=screen), name=f"{name}.delete"))
    return routes


def find(request: PageRequest, screen: Screen, pk: int) -> Any:
    """The row, or 404 when it is not there for this person."""
    row = screen.rows(request).filter(pk=pk).first()
    if row is None:
        raise Http404
    row.page = screen.url("detail", row)
    return row


def show_list(request: PageRequest, screen: Screen) -> HttpResponseBase:
    if screen.guarded:
        request.person.require(f"{screen.name}.view")
    asked = listing(request, screen)
    if (form := request.GET.get("format")) in {"csv", "json"}:
        return exported(screen, asked.rows, form)
    may_create = bool(screen.form and screen.resource.create) and request.person.may(
        f"{screen.name}.create", request.person.tenant
    )
    context = {"screen": screen, "listing": asked, "lines": lines(screen, list(asked.page)), "may_create": may_create}
    return render(request, "web/list.html", context)


def lines(screen: Screen, rows: list[Any]) -> list[dict[str, Any]]:
    """The rows of a table as drawn cells. Facts are asked for once per column, not once per row."""
    columns = screen.columns
    known = {column.key: facts(column.fact, rows) for column in columns if column.fact}
    drawn = []
    for row in rows:
        row.page = screen.url("detail", row)
        values = [(column, column.read(row, known.get(column.key, {}).get(row.pk))) for column in columns]
        drawn.append({"row": row, "cells": [(column, column.cell(value, row)) for column, value in values]})
    return drawn


def show_detail(request: PageRequest, pk: int, screen: Screen) -> HttpResponse:
    row = find(request, screen, pk)
    tenant = screen.owner(row)
    panels = [(panel, panel.context(request, row)) for panel in screen.panels]
    cards = [Card("half"), *(Card(panel.width, panel, content) for panel, content in panels if content is not None)]
    context = {
        "screen": screen,
        "row": row,
        "attributes": [(one.title, one.cell(one.value(row), row)) for one in screen.attributes],
        "blocks": side_by_side(cards),
        "live": facts("realization", [row]).get(row.pk) if screen.live else None,
        "may_update": bool(screen.form and screen.resource.update)
        and request.person.may(f"{screen.name}.update", tenant),
        "may_delete": bool(screen.resource.delete) and request.person.may(f"{screen.name}.delete", tenant),
        "topics": topics(screen, row),
    }
    return render(request, "web/detail.html", context)


@dataclass(frozen=True, slots=True)
class Card:
    """A card of an object's page: a panel with what it shows, or (None) that of the object itself."""

    width: str
    panel: Panel | None = None
    content: Mapping[str, Any] | None = None


#: Cards of a left and a right column; where there is nothing on the right, those on the left have the whole width.
Block = tuple[Sequence[Card], Sequence[Card]]


def side_by_side(cards: Iterable[Card]) -> list[Block]:
    """Cards as they stand on a page: those of half its width in two columns, each as high as what is in it, until one
    of the whole width comes. A half that has no other beside it is given the whole width too."""
    blocks: list[Block] = []
    for width, run in groupby(cards, key=lambda card: card.width):
        found = list(run)
        if width == "half" and len(found) > 1:
            blocks.append((found[::2], found[1::2]))
        else:
            blocks += [([card], []) for card in found]
    return blocks


def topics(screen: Screen, row: Any) -> list[str]:
    """What an object's page listens to."""
    tenant = screen.owner(row)
    return [*([f"tenant.{tenant.pk}"] if tenant else []), *screen.topics(row)]


def create(request: PageRequest, screen: Screen) -> HttpResponse:
    tenant = request.person.tenant if screen.in_tenant else None
    if screen.in_tenant and tenant is None:
        able = [one for one in request.person.tenants if request.person.may(f"{screen.name}.create", one)]
        return render(request, "web/choose_tenant.html", {"screen": screen, "tenants": able})
    request.person.require(f"{screen.name}.create", tenant)
    assert screen.form and screen.resource.create
    form = screen.form(request, tenant=tenant)
    form.focus_first()
    if request.method == "POST":
        frame = {"tenant": tenant} if screen.in_tenant else {}
        done, row = form.run(screen.resource.create, actor=request.person.actor, **frame)
        if done and screen.made:
            return screen.made(request, row)
        if done:
            words = capfirst(_("%(one)s %(name)s is made.") % {"one": screen.one, "name": row})
            return saved(request, screen, row, words)
    return _form_page(request, screen, form, None)


def edit(request: PageRequest, pk: int, screen: Screen) -> HttpResponse:
    row = find(request, screen, pk)
    tenant = screen.owner(row)
    request.person.require(f"{screen.name}.update", tenant)
    assert screen.form and screen.resource.update
    form = screen.form(request, tenant=tenant, row=row)
    if request.method == "POST":
        done, changed = form.run(screen.resource.update, actor=request.person.actor, row=row)
        if done and getattr(changed, "as_it_was", False):
            words = _("Nothing was changed: %(one)s %(name)s is so already.") % {"one": screen.one, "name": changed}
            messages.success(request, words)
            return redirect(screen.url("detail", row))
        if done:
            words = capfirst(_("%(one)s %(name)s is saved.") % {"one": screen.one, "name": changed})
            return saved(request, screen, changed, words)
    return _form_page(request, screen, form, row)


def _form_page(request: PageRequest, screen: Screen, form: Any, row: Any | None) -> HttpResponse:
    """A form that was refused answers 422, so that programs and tests can tell; the page is the same."""
    left = _quota(screen, form) if row is None else None
    context = {"screen": screen, "form": form, "row": row, "topics": [], "quota": left}
    return render(request, "web/form.html", context, status=form.status)


def _quota(screen: Screen, form: Any) -> Any | None:
    """How many more of this kind the tenant may have, when that is limited."""
    tenant = form.tenant if screen.in_tenant else None
    return facts("quota", [tenant])[tenant.pk].get(screen.resource.plural) if tenant else None


def saved(request: PageRequest, screen: Screen, row: Any, words: str) -> HttpResponse:
    """To the object's page, which shows this change becoming live. The address names the change, so that live updates
    and a reload go on showing it."""
    messages.success(request, words)
    return redirect(f"{screen.url('detail', row)}{change_mark(screen.owner(row), getattr(row, 'generation', None))}")


def change_mark(tenant: Any | None, generation: int | None) -> str:
    return f"?saved={tenant.pk}.{generation}" if tenant and generation else ""


def delete(request: PageRequest, pk: int, screen: Screen) -> HttpResponse:
    row = find(request, screen, pk)
    tenant = screen.owner(row)
    request.person.require(f"{screen.name}.delete", tenant)
    if request.method != "POST":
        problem = _would_refuse(request, screen, row)
        return render(request, "web/delete.html", _deletion(screen, row, problem))
    name = str(row)
    try:
        _delete_verb(screen)(actor=request.person.actor, row=row)
    except Problem as problem:
        return render(request, "web/delete.html", _deletion(screen, row, problem), status=409)
    messages.success(request, capfirst(_("%(one)s %(name)s is deleted.") % {"one": screen.one, "name": name}))
    if not screen.in_tenant:
        return redirect(screen.url("list"))
    assert tenant is not None
    tenant.refresh_from_db(fields=["generation"])
    return redirect(screen.url("list") + change_mark(tenant, tenant.generation))


def _deletion(screen: Screen, row: Any, problem: Problem | None) -> dict[str, Any]:
    return {"screen": screen, "row": row, "problem": problem, "goes": screen.goes(row), "topics": []}


def _would_refuse(request: PageRequest, screen: Screen, row: Any) -> Problem | None:
    """Ask the verb itself, and take it back: what the page says of users is what the verb would say."""
    try:
        with transaction.atomic():
            _delete_verb(screen)(actor=request.person.actor, row=_copy(screen, row))
            transaction.set_rollback(True)
    except Problem as problem:
        return problem
    return None


def _copy(screen: Screen, row: Any) -> Any:
    """Deleting takes the key from a row in memory, also when it is taken back: the page keeps its own."""
    rows: QuerySet[Any] = screen.resource.model._default_manager.all()
    return rows.get(pk=row.pk)


def _delete_verb(screen: Screen) -> Any:
    assert screen.resource.delete
    return screen.resource.delete
