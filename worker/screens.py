"""The pages of nodes, and what nodes have measured on the pages of endpoints and tenants."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contivui.web import cells
from contivui.web.facts import facts
from contivui.web.forms import VerbForm
from contivui.web.request import PageRequest
from contivui.web.screens import Attribute, Column, Panel, Screen, add_panel, register
from networks.models import Endpoint, Knock, Node
from networks.resources import NODE
from networks.screens import endpoints_where
from tenants.forms import LabelsField, NameField
from tenants.models import Tenant
from tenants.screens import HISTORY, LABELS, LABELS_COLUMN
from worker.abilities import in_words
from worker.models import DeniedFlow, DriftEvent, SpecSection
from worker.status import State, state_of, status_of, wanted_of

LAST_DRIFTS = 20
LAST_DENIED = 20
LAST_CERTIFICATES = 6
LAST_KNOCKS = 20


def condition(node: Node) -> tuple[str, str]:
    """A node's state as a kind (good, wait, bad, off) and a word."""
    return {
        State.NEVER_SEEN: ("off", gettext("never seen")),
        State.AWAY: ("bad", gettext("away")),
        State.REFUSES: ("bad", gettext("refuses a spec")),
        State.DRIFTS: ("bad", gettext("drift stands")),
        State.APPLYING: ("wait", gettext("applying")),
        State.IN_SYNC: ("good", gettext("in sync")),
    }[state_of(node)]


def drift_words(node: Node) -> str:
    status = status_of(node)
    return f"{status.drift_healed}/{status.drift_found}" if status.drift_found else ""


def missing_features(node: Node) -> list[str]:
    return [str(feature["name"]) for feature in status_of(node).features if not feature["present"]]


def features_of(request: PageRequest, node: Node) -> dict[str, Any]:
    """Missing ones first: they are what somebody has to act on."""
    features = sorted(status_of(node).features, key=lambda feature: bool(feature["present"]))
    shown = [{**feature, "why": in_words(feature["why"])} for feature in features]
    return {"features": shown, "missing": missing_features(node)}


def sections_of(request: PageRequest, node: Node) -> dict[str, Any]:
    """The tenants on a node that she may see; of others, how many they are."""
    rows = SpecSection.objects.filter(node=node)
    seen = rows.filter(tenant__in=Tenant.objects.visible_to(request.user)).select_related("tenant").defer("items")
    shown = list(seen.order_by("tenant__name"))
    return {"sections": shown, "others": rows.count() - len(shown)}


def drift_of(request: PageRequest, node: Node) -> dict[str, Any]:
    events = DriftEvent.objects.visible_to(request.user).filter(node=node).select_related("tenant")
    return {"events": events[:LAST_DRIFTS], "status": status_of(node)}


def agent_of(request: PageRequest, node: Node) -> dict[str, Any]:
    """Its certificates, the newest first, and what may be done about them."""
    may = request.person.may
    rows = node.certificates.order_by("-id")[:LAST_CERTIFICATES]
    return {"node": node, "able": may("node.token"), "may_revoke": may("node.revoke"), "certificates": rows}


def knocks_of(request: PageRequest, node: Node) -> dict[str, Any]:
    return {"knocks": Knock.objects.visible_to(request.user).filter(node=node)[:LAST_KNOCKS]}


def with_status(rows: QuerySet[Node]) -> QuerySet[Node]:
    return rows.select_related("status", "spec").annotate(n_endpoints=Count("endpoints", distinct=True))


class NodeForm(VerbForm):
    name = NameField()
    vtep = forms.CharField(
        label=_("Underlay address"),
        max_length=15,
        help_text=_("The IPv4 address other nodes reach it by; VXLAN traffic comes from it."),
        widget=forms.TextInput({"placeholder": "192.0.2.11", "class": "mono", "autocomplete": "off"}),
    )
    labels = LabelsField()


def show_token(request: PageRequest, made: tuple[Node | None, str]) -> HttpResponse:
    """The one time a join token is shown. Nobody can read it again, so nothing may keep this page."""
    node, token = made
    if node is not None:
        node.page = NODES.url("detail", node)  # type: ignore[attr-defined]
    context = {
        "node": node,
        "token": token,
        "controller": agents_address(request),
        "topics": [f"node.{node.pk}"] if node else ["cluster"],
    }
    response = render(request, "worker/node_token.html", context)
    response["Cache-Control"] = "no-store"
    return response


def agents_address(request: PageRequest) -> str:
    """Where agents connect, as far as this page can know: at the name it was asked under; "" where there is no port for
    them."""
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"https://{host}:{settings.AGENTS_PORT}" if settings.AGENTS_PORT else ""


NODES = register(
    Screen(
        resource=NODE,
        title=_("Nodes"),
        one=_("node"),
        icon="server-2",
        purpose=_(
            "A node is a machine that carries containers. An agent on it makes the specification true in its kernel. "
            "Add one, and paste the command it gives you into a shell on that machine."
        ),
        form=NodeForm,
        made=show_token,
        narrow=with_status,
        topics=lambda row: [f"node.{row.pk}", "cluster"],
        live=False,
        guarded=True,
        columns=(
            Column(key="name", title=_("Name"), cell=cells.key, sort="name"),
            Column(
                key="state",
                title=_("State"),
                value=condition,
                cell=lambda value, row: cells.state(*value),
                plain=lambda value: value[1],
            ),
            Column(key="vtep", title=_("Underlay address"), cell=cells.code, sort="vtep"),
            Column(key="wanted", title=_("Wanted"), value=wanted_of, number=True),
            Column(key="applied", title=_("Applied"), value=lambda row: status_of(row).revision, number=True),
            Column(key="n_endpoints", title=_("Endpoints"), sort="n_endpoints", number=True),
            Column(key="drift", title=_("Drift healed"), value=drift_words, number=True),
            Column(key="missing", title=_("Missing abilities"), value=missing_features, cell=cells.codes),
            Column(key="seen_at", title=_("Last seen"), value=lambda row: status_of(row).seen_at, cell=cells.ago),
            LABELS_COLUMN,
        ),
        attributes=(
            Attribute(title=_("State"), value=condition, cell=lambda value, row: cells.state(*value)),
            Attribute(title=_("Underlay address"), value=lambda row: row.vtep, cell=cells.code),
            Attribute(title=_("Revision wanted"), value=wanted_of),
            Attribute(title=_("Revision applied"), value=lambda row: status_of(row).revision),
            Attribute(title=_("Last apply took"), value=lambda row: row, cell=lambda row, _row: apply_words(row)),
            Attribute(
                title=_("Connected since"),
                value=lambda row: status_of(row).connected_at if status_of(row).connected else None,
                cell=cells.moment,
            ),
            Attribute(title=_("Last seen"), value=lambda row: status_of(row).seen_at, cell=cells.ago),
            Attribute(title=_("Agent"), value=lambda row: status_of(row).agent_version),
            LABELS,
        ),
        panels=[
            Panel(
                key="tenants", title=_("Tenants"), template="worker/sections.html", context=sections_of, width="half"
            ),
            Panel(
                key="features",
                title=_("Kernel abilities"),
                template="worker/features.html",
                context=features_of,
                width="half",
            ),
            Panel(key="agent", title=_("Agent"), template="worker/agent.html", context=agent_of, width="half"),
            Panel(key="knocks", title=_("Turned away"), template="worker/knocks.html", context=knocks_of),
            Panel(key="drift", title=_("Drift"), template="worker/drift.html", context=drift_of),
            Panel(
                key="endpoints",
                title=_("Endpoints"),
                template="networks/endpoints.html",
                context=endpoints_where("node"),
            ),
            HISTORY,
        ],
    )
)


def apply_words(node: Node) -> str:
    took = status_of(node).apply_ms
    return f"{took:.0f} ms" if took is not None else cells.NOTHING


def traffic_of_endpoint(request: PageRequest, row: Endpoint) -> dict[str, Any]:
    return {"traffic": facts("traffic", [row]).get(row.pk)}


def denied_of_endpoint(request: PageRequest, row: Endpoint) -> dict[str, Any]:
    """The last packets of this endpoint, and to it, that policy dropped."""
    ours = [address for address in (row.ip4, row.ip6) if address]
    flows = DeniedFlow.objects.visible_to(request.user).filter(tenant_id=row.tenant_id)
    flows = flows.filter(source__in=ours) | flows.filter(destination__in=ours)
    return {"flows": flows.select_related("tenant")[:LAST_DENIED]}


def nodes_of_tenant(request: PageRequest, row: Tenant) -> dict[str, Any]:
    """How far the tenant's last change is, node by node."""
    sections = SpecSection.objects.filter(tenant=row).select_related("node").defer("items").order_by("node__name")
    return {"sections": sections, "tenant": row, "able": request.person.may("node.view")}


add_panel(
    "endpoint",
    Panel(key="traffic", title=_("Traffic"), template="worker/traffic.html", context=traffic_of_endpoint, width="half"),
)
add_panel(
    "endpoint", Panel(key="denied", title=_("Denied lately"), template="worker/denied.html", context=denied_of_endpoint)
)
add_panel(
    "tenant",
    Panel(key="nodes", title=_("On nodes"), template="worker/on_nodes.html", context=nodes_of_tenant, width="half"),
)
