"""The side bar, as a table. Addresses are named as strings: the kit knows no app."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contivui.web.request import PageRequest
from contivui.web.screens import Words


@dataclass(frozen=True, slots=True)
class Place:
    """An entry. `verb` is what one must be able to do for it to be offered ("": everybody)."""

    title: Words
    route: str
    icon: str
    verb: str = ""


TENANT = (
    Place(_("Overview"), "overview", "layout-dashboard"),
    Place(_("Networks"), "network.list", "network"),
    Place(_("Groups"), "group.list", "box"),
    Place(_("Isolation"), "policy.list", "shield-lock"),
    Place(_("Bandwidth"), "profile.list", "gauge"),
    Place(_("Endpoints"), "endpoint.list", "plug-connected"),
    Place(_("Explain"), "explain", "route"),
    Place(_("Activity"), "activity", "history"),
)
CLUSTER = (
    Place(_("Nodes"), "node.list", "server-2", "node.view"),
    Place(_("Joining"), "joining", "key", "node.token"),
    Place(_("Fabric"), "fabric", "topology-star-3", "fabric.view"),
    Place(_("Tenants"), "tenant.list", "building-community"),
    Place(_("People"), "user.list", "user-circle", "user.view"),
    Place(_("Sign-in"), "sign_in", "lock", "user.view"),
)
#: Kept for Contiv's clients; nodes do nothing about it yet.
STORED = (
    Place(_("Services"), "service.list", "affiliate"),
    Place(_("Application profiles"), "app.list", "apps"),
    Place(_("Contract groups"), "contract.list", "braces"),
    Place(_("BGP peers"), "bgp.list", "git-merge", "bgp.view"),
    Place(_("ACI gateway"), "aci.list", "sitemap", "aci.view"),
)


def navigation(request: PageRequest) -> list[dict[str, object]]:
    """The sections with what this person is offered; `here` marks the entry the page belongs to."""
    match = request.resolver_match
    here = (match.url_name or "").split(".")[0] if match else ""
    sections = [("", TENANT), (_("Cluster"), CLUSTER), (_("Stored, not yet in effect"), STORED)]
    return [{"title": title, "places": _offered(request, places, here)} for title, places in sections]


def _offered(request: PageRequest, places: tuple[Place, ...], here: str) -> list[dict[str, object]]:
    return [
        {"title": p.title, "icon": p.icon, "url": reverse(p.route), "here": p.route.split(".")[0] == here}
        for p in places
        if not p.verb or request.person.may(p.verb)
    ]
