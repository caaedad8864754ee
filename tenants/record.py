"""Activity: the record of changes as people read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from contivui.web.problem import Problem, Unconfirmed
from contivui.web.request import PageRequest, Person
from contivui.web.screens import registry
from tenants.access import Forbidden
from tenants.columns import called
from tenants.difference import difference
from tenants.doings import in_words, saying
from tenants.models import AuditEntry
from tenants.references import names_of
from tenants.signals import undo_asked
from tenants.undo import can_be, require_all, take_back, together, verbs_of

PER_PAGE = 50
#: The verbs a filter offers are those of this many last changes: reading the whole record for a menu is too dear.
RECENT = 2000


def described(entries: Iterable[AuditEntry], person: Person | None = None) -> list[AuditEntry]:
    """The entries, each with its difference as `lines`, and whether undoing it is offered to the person."""
    rows = list(entries)
    names = names_of(rows)
    for entry in rows:
        entry.may_undo = _is_offered(entry, person) if person else False  # type: ignore[attr-defined]
        words = called(entry.object_type)
        lines = difference(entry.before, entry.after, names.get(entry.object_type))
        entry.lines = [(words.get(line.field, line.field), line) for line in lines]  # type: ignore[attr-defined]
        entry.page = page_of(entry)  # type: ignore[attr-defined]
    return rows


def _is_offered(entry: AuditEntry, person: Person) -> bool:
    """Of the rights it takes those are asked for that a page knows without reading more; undoing asks for all."""
    tenant = next((one for one in person.tenants if one.pk == entry.tenant_id), None)
    return can_be(entry) and all(person.may(verb, tenant) for verb in verbs_of(entry))


def page_of(entry: AuditEntry) -> str:
    """Where the object is looked at; "" when it was deleted, or has no page of its own."""
    screen = next((s for s in registry.values() if s.resource.model._meta.model_name == entry.object_type), None)
    if screen is None or entry.after is None or entry.object_id is None:
        return ""
    return reverse(f"{screen.name}.detail", args=[entry.object_id])


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks of the record."""

    query: str
    verb: str
    thing: str

    @classmethod
    def of(cls, request: PageRequest) -> Asked:
        return cls(*(request.GET.get(key, "").strip()[:100] for key in ("q", "verb", "object")))

    def narrow(self, rows: QuerySet[AuditEntry], verbs: Iterable[str]) -> QuerySet[AuditEntry]:
        """`verbs` are those that are looked for by their words."""
        for word in self.query.split()[:8]:
            said = Q(actor__icontains=word) | Q(object_name__icontains=word) | Q(verb__icontains=word)
            rows = rows.filter(said | Q(request=word) | Q(verb__in=saying(word, verbs)))
        if self.verb:
            rows = rows.filter(verb=self.verb)
        kind, _dot, key = self.thing.partition(".")
        if key.isdecimal() and len(key) <= 18:
            rows = rows.filter(object_type=kind, object_id=int(key))
        return rows

    def address(self, **changes: str | int) -> str:
        said = {"q": self.query, "verb": self.verb, "object": self.thing, **changes}
        return "?" + urlencode({key: value for key, value in said.items() if value})


def activity(request: PageRequest) -> HttpResponse:
    """Who changed what, when, from where; newest first."""
    rows = AuditEntry.objects.visible_to(request.user)
    if request.person.tenant:
        rows = rows.filter(tenant=request.person.tenant)
    verbs = sorted(set(rows.values_list("verb", flat=True)[:RECENT]))
    asked = Asked.of(request)
    page = Paginator(asked.narrow(rows, verbs).select_related("tenant"), PER_PAGE).get_page(request.GET.get("page"))
    offered = sorted((in_words(verb), verb) for verb in verbs)
    context = {"asked": asked, "verbs": offered, "page": page, "entries": described(page, request.person)}
    context["newer"] = asked.address(page=page.number - 1) if page.has_previous() else ""
    context["older"] = asked.address(page=page.number + 1) if page.has_next() else ""
    return render(request, "tenants/activity.html", context)


def undo(request: PageRequest, pk: int) -> HttpResponse:
    """Asks first, showing what will be done; then undoes the change with all else that its request did."""
    entry = get_object_or_404(AuditEntry.objects.visible_to(request.user), pk=pk)
    entries, changes, problem = [entry], list[AuditEntry](), None
    try:
        entries = together(entry)
        require_all(request.user, entries)
        undo_asked.send(sender=None, request=request, entries=entries)
        with transaction.atomic():
            changes = take_back(entries, request.person.actor)
            transaction.set_rollback(request.method != "POST")
    except (Forbidden, Unconfirmed):
        raise
    except Problem as found:
        problem = found
    if request.method == "POST" and not problem:
        messages.success(request, _("Undone: %(verb)s, %(name)s.") % {"verb": entry.doing, "name": entry.object_name})
        return redirect("activity")
    context = {"entry": entry, "entries": described(entries), "changes": described(changes), "problem": problem}
    refused = problem is not None and request.method == "POST"
    return render(request, "tenants/undo.html", context | {"topics": []}, status=409 if refused else 200)
