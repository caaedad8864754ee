"""The Overview."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from contivui.web.request import PageRequest
from worker import overview


def show_overview(request: PageRequest) -> HttpResponse:
    """Is everything in sync, since when, what changed last, what flows, what is wrong."""
    person = request.person
    tenants = [person.tenant] if person.tenant else list(person.tenants)
    context = {
        "sync": overview.sync_of(tenants),
        "counts": overview.counts_of(tenants),
        "changes": overview.last_changes(request.user, person.tenant),
        "busiest": overview.busiest(tenants),
        "throughput": overview.throughput_now(tenants),
        "denied": overview.denied_last_minute(tenants),
        "flows": overview.last_denied(tenants),
        "nodes": overview.nodes() if person.may("node.view") else None,
    }
    return render(request, "worker/overview.html", context)
