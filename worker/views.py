"""The Overview, and a new join token for a node."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from contivui.web.request import PageRequest
from contivui.web.views import find
from networks.actions import make_join_token
from worker import overview
from worker.screens import NODES, show_token


def show_overview(request: PageRequest) -> HttpResponse:
    """Is everything in sync, since when, what changed last, what flows, what is wrong."""
    person = request.person
    tenants = [person.tenant] if person.tenant else list(person.tenants)
    administrator = person.may("node.view")
    context = {
        "sync": overview.sync_of(tenants),
        "counts": overview.counts_of(tenants),
        "changes": overview.last_changes(tenants, cluster=administrator and not person.tenant),
        "busiest": overview.busiest(tenants),
        "throughput": overview.throughput_now(tenants),
        "denied": overview.denied_last_minute(tenants),
        "flows": overview.last_denied(tenants),
        "nodes": overview.nodes() if administrator else None,
    }
    return render(request, "worker/overview.html", context)


@require_POST
def new_token(request: PageRequest, pk: int) -> HttpResponse:
    """Make a token for the node's machine to join with, and show it, once."""
    node = find(request, NODES, pk)
    request.person.require("node.token")
    return show_token(request, (node, make_join_token(actor=request.person.actor, node=node)[1]))
