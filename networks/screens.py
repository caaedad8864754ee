"""The pages of networks, reservations, groups and endpoints."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contivui.web import cells
from contivui.web.request import PageRequest
from contivui.web.screens import Attribute, Choices, Column, Facet, Panel, Screen, register
from networks.forms import EndpointForm, GroupForm, NetworkForm, ReservationForm
from networks.models import AddressReservation, Encap, Endpoint, EndpointGroup, Network, Node
from networks.occupancy import occupancy
from networks.resources import ENDPOINT, GROUP, NETWORK, RESERVATION
from tenants.screens import HISTORY, LABELS, LABELS_COLUMN, LIVE, TENANT_COLUMN

#: Choices a filter offers; who has more searches by name.
MOST_CHOICES = 200
#: Rows a card shows of what belongs to an object; the list shows all.
MOST_SHOWN = 50


def subnets(row: Network) -> list[str]:
    return [one for one in (row.subnet4, row.subnet6) if one]


def addresses(row: Endpoint) -> list[str]:
    return [one for one in (row.ip4, row.ip6) if one]


def offered(model: Any) -> Any:
    """The tenant's rows of a kind, as choices of a filter."""

    def choices(request: PageRequest) -> Choices:
        rows = model.objects.visible_to(request.user)
        if request.person.tenant:
            rows = rows.filter(tenant=request.person.tenant)
            return [(row.pk, row.name) for row in rows[:MOST_CHOICES]]
        return [(row.pk, f"{row.tenant} · {row.name}") for row in rows.select_related("tenant")[:MOST_CHOICES]]

    return choices


def endpoints_where(path: str) -> Any:
    """The context of a card that lists the endpoints of an object."""

    def context(request: PageRequest, row: Any) -> dict[str, Any]:
        rows = Endpoint.objects.visible_to(request.user).filter(**{path: row}).select_related("group", "node", "tenant")
        more = f"?{urlencode({'tenant': getattr(row, 'tenant', ''), path: row.pk})}"
        return {"endpoints": rows[:MOST_SHOWN], "count": rows.count(), "more": more, "several": path == "node"}

    return context


def groups_of(request: PageRequest, row: Any) -> dict[str, Any]:
    groups = row.groups.annotate(n_endpoints=Count("endpoints")).order_by("name")
    return {"groups": groups[:MOST_SHOWN], "count": row.n_groups, "network": row}


def counted(model: Any, path: str) -> Coalesce:
    """How many rows of a model are of a row by `path`. Asked of each row that is shown by itself: two such counts that
    are joined would go through every pair of their rows."""
    of_row = model.objects.filter(**{path: OuterRef("pk")}).order_by().values(path)
    return Coalesce(Subquery(of_row.annotate(n=Count("pk")).values("n")), 0)


def counted_network(rows: QuerySet[Network]) -> QuerySet[Network]:
    return rows.annotate(n_groups=counted(EndpointGroup, "network"), n_endpoints=counted(Endpoint, "network"))


def counted_group(rows: QuerySet[EndpointGroup]) -> QuerySet[EndpointGroup]:
    return rows.annotate(n_endpoints=counted(Endpoint, "group"))


def addresses_of(request: PageRequest, row: Network) -> dict[str, Any]:
    kept = row.reservations.all()[:MOST_CHOICES]
    families = [(one, one.ranges[:MOST_SHOWN], one.more_than(MOST_SHOWN)) for one in occupancy(row).values()]
    return {"families": families, "reservations": kept, "network": row, "most": MOST_SHOWN}


def reserved_with(row: Network) -> list[str]:
    return [kept.addresses for kept in row.reservations.all()]


def to_network(request: PageRequest, row: AddressReservation) -> HttpResponse:
    """A reservation is seen on its network's page."""
    messages.success(request, gettext("%(addresses)s is reserved.") % {"addresses": row})
    return redirect("network.detail", row.network_id)


NETWORKS = register(
    Screen(
        resource=NETWORK,
        title=_("Networks"),
        one=_("network"),
        icon="network",
        purpose=_(
            "A network is a layer-2 segment with a subnet, spread over all nodes. Groups of endpoints live in it, and "
            "all networks of a tenant are routed to each other. Begin with one, for example 20.1.1.0/24."
        ),
        form=NetworkForm,
        narrow=counted_network,
        columns=(
            Column(key="name", title=_("Name"), cell=cells.key, sort="name"),
            TENANT_COLUMN,
            Column(key="subnets", title=_("Subnets"), value=subnets, cell=cells.codes, sort="subnet4"),
            Column(key="encap", title=_("Encapsulation"), value=Network.get_encap_display, sort="encap"),
            Column(key="tag", title=_("Tag"), sort="tag", number=True),
            Column(key="n_groups", title=_("Groups"), sort="n_groups", number=True),
            Column(key="n_endpoints", title=_("Endpoints"), sort="n_endpoints", number=True),
            LABELS_COLUMN,
            LIVE,
        ),
        facets=(Facet(key="encap", title=_("Encapsulation"), path="encap", choices=lambda request: Encap.choices),),
        attributes=(
            Attribute(title=_("IPv4 subnet"), value=lambda row: row.subnet4, cell=cells.code),
            Attribute(title=_("IPv4 gateway"), value=lambda row: row.gateway4, cell=cells.code),
            Attribute(title=_("IPv4 range"), value=lambda row: row.range4, cell=cells.code),
            Attribute(title=_("IPv6 subnet"), value=lambda row: row.subnet6, cell=cells.code),
            Attribute(title=_("IPv6 gateway"), value=lambda row: row.gateway6, cell=cells.code),
            Attribute(title=_("IPv6 range"), value=lambda row: row.range6, cell=cells.code),
            Attribute(title=_("Encapsulation"), value=lambda row: f"{row.get_encap_display()} {row.tag}"),
            Attribute(title=_("Kind"), value=Network.get_kind_display),
            Attribute(title=_("Second name"), value=lambda row: row.label),
            LABELS,
        ),
        goes=reserved_with,
        panels=[
            Panel(key="groups", title=_("Groups"), template="networks/groups.html", context=groups_of, width="half"),
            Panel(key="addresses", title=_("Addresses"), template="networks/addresses.html", context=addresses_of),
            Panel(
                key="endpoints",
                title=_("Endpoints"),
                template="networks/endpoints.html",
                context=endpoints_where("network"),
            ),
            HISTORY,
        ],
    )
)

RESERVATIONS = register(
    Screen(
        resource=RESERVATION,
        title=_("Reservations"),
        one=_("reservation"),
        icon="bookmark",
        purpose=_(
            "Reserved addresses are never handed out: for a router, a printer, or a move that is to come. A network's "
            "page shows them among what is free."
        ),
        form=ReservationForm,
        made=to_network,
        live=False,
        columns=(
            Column(key="addresses", title=_("Addresses"), value=str, cell=cells.key),
            Column(key="tenant", title=_("Tenant"), sort="network__tenant__name"),
            Column(key="network", title=_("Network"), cell=cells.link_to("network"), sort="network__name"),
            Column(key="note", title=_("Note")),
            LABELS_COLUMN,
        ),
        facets=(Facet(key="network", title=_("Network"), path="network", choices=offered(Network)),),
        attributes=(
            Attribute(title=_("Addresses"), value=str, cell=cells.code),
            Attribute(title=_("Network"), value=lambda row: row.network, cell=cells.link_to("network")),
            Attribute(title=_("Note"), value=lambda row: row.note),
            LABELS,
        ),
        panels=[HISTORY],
    )
)

GROUPS = register(
    Screen(
        resource=GROUP,
        title=_("Groups"),
        one=_("group"),
        icon="box",
        purpose=_(
            "A group holds the endpoints of a network that are treated alike: policies say what may reach it, a "
            "bandwidth profile how fast. Make one for each part of your application, for example web and db."
        ),
        form=GroupForm,
        narrow=counted_group,
        columns=(
            Column(key="name", title=_("Name"), cell=cells.key, sort="name"),
            TENANT_COLUMN,
            Column(key="network", title=_("Network"), cell=cells.link_to("network"), sort="network__name"),
            Column(key="n_endpoints", title=_("Endpoints"), sort="n_endpoints", number=True),
            LABELS_COLUMN,
            LIVE,
        ),
        facets=(Facet(key="network", title=_("Network"), path="network", choices=offered(Network)),),
        attributes=(
            Attribute(title=_("Network"), value=lambda row: row.network, cell=cells.link_to("network")),
            Attribute(title=_("IPv4 pool"), value=lambda row: row.pool4, cell=cells.code),
            Attribute(title=_("IPv6 pool"), value=lambda row: row.pool6, cell=cells.code),
            Attribute(title=_("Second name"), value=lambda row: row.label),
            LABELS,
        ),
        panels=[
            Panel(
                key="endpoints",
                title=_("Endpoints"),
                template="networks/endpoints.html",
                context=endpoints_where("group"),
            ),
            HISTORY,
        ],
    )
)


def nodes(request: PageRequest) -> Choices:
    return Node.objects.visible_to(request.user).values_list("pk", "name")[:MOST_CHOICES]


def places(request: PageRequest) -> Choices:
    return [("node", _("on a node")), ("none", _("on no node"))]


ENDPOINTS = register(
    Screen(
        resource=ENDPOINT,
        title=_("Endpoints"),
        one=_("endpoint"),
        icon="plug-connected",
        purpose=_(
            "An endpoint is one interface of a container: a MAC, its addresses, a node. Agents make them when a "
            "container starts; one made here keeps its addresses until it is plugged in."
        ),
        form=EndpointForm,
        columns=(
            Column(key="name", title=_("Name"), cell=cells.key, sort="name"),
            TENANT_COLUMN,
            Column(key="addresses", title=_("Addresses"), value=addresses, cell=cells.codes, sort="ip4"),
            Column(key="group", title=_("Group"), cell=cells.link_to("group"), sort="group__name"),
            Column(key="network", title=_("Network"), cell=cells.link_to("network"), sort="network__name"),
            Column(key="node", title=_("Node"), value=lambda row: row.node and row.node.name, sort="node__name"),
            Column(
                key="traffic",
                title=_("Sends / receives"),
                fact="traffic",
                cell=lambda value, row: value.short if value else cells.NOTHING,
                plain=lambda value: value and [value.tx_bps, value.rx_bps],
                number=True,
            ),
            LABELS_COLUMN,
            LIVE,
        ),
        facets=(
            Facet(key="network", title=_("Network"), path="network", choices=offered(Network)),
            Facet(key="group", title=_("Group"), path="group", choices=offered(EndpointGroup)),
            Facet(key="node", title=_("Node"), path="node", choices=nodes),
            Facet(key="place", title=_("Place"), path="node__isnull", choices=places, parse="none".__eq__),
        ),
        attributes=(
            Attribute(title=_("Addresses"), value=addresses, cell=cells.codes),
            Attribute(title="MAC", value=lambda row: row.mac, cell=cells.code),
            Attribute(title=_("Network"), value=lambda row: row.network, cell=cells.link_to("network")),
            Attribute(title=_("Group"), value=lambda row: row.group, cell=cells.link_to("group")),
            Attribute(title=_("Node"), value=lambda row: row.node and row.node.name),
            LABELS,
        ),
        panels=[HISTORY],
    )
)
