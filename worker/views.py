"""The Overview, and a new token for a node."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from contivui.web.request import PageRequest
from contivui.web.views import find
from networks.actions import new_node_token
from worker import overview
from worker.screens import NODES, show_token


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


@require_POST
def new_token(request: PageRequest, pk: int) -> HttpResponse:
    """Replace a node's token and show the new one, once."""
    node = find(request, NODES, pk)
    request.person.require("node.token")
    return show_token(request, (node, new_node_token(actor=request.person.actor, row=node)))
