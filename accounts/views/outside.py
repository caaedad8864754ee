"""The administrators' page of who vouches for people from outside: a directory, or a provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from contivui.web.forms import VerbForm
from contivui.web.request import PageRequest


@dataclass(frozen=True, slots=True)
class OutsidePage:
    """`name` is the end of the route's, and the template's; `away` is what `try_out` raises when nothing answers."""

    name: str
    form: type[VerbForm]
    current: Callable[[], Any]
    keep: Callable[..., Any]
    drop: Callable[..., None]
    try_out: Callable[[Any], None]
    away: type[Exception]


def settings_page(request: PageRequest, one: OutsidePage, more: Callable[[], dict[str, Any]]) -> HttpResponse:
    """Which one; saved, it is asked at once whether it answers. `more` is what the template shows beside the form."""
    request.person.require("user.view" if request.method == "GET" else "user.update")
    route, known = f"sign_in.{one.name}", one.current()
    if request.method == "POST" and "drop" in request.POST:
        one.drop(actor=request.person.actor)
        return redirect(route)
    form = one.form(request, row=known)
    if request.method == "POST":
        saved, row = form.run(one.keep, actor=request.person.actor)
        if saved:
            _say_whether_it_answers(request, one, row)
            return redirect(route)
    context = {"form": form, "known": known, "topics": [], **more()}
    return render(request, f"accounts/{one.name}.html", context, status=form.status)


def _say_whether_it_answers(request: PageRequest, one: OutsidePage, row: Any) -> None:
    try:
        one.try_out(row)
    except one.away as away:
        messages.warning(request, _("It is saved, but: %(why)s") % {"why": away})
    else:
        messages.success(request, _("It is saved, and it answers."))
