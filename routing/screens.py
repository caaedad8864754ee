"""The pages of what is stored and not yet in effect: each says so."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from contivui.web import cells
from contivui.web.screens import Attribute, Column, Facet, Screen, register
from networks.models import EndpointGroup, Network
from networks.screens import offered
from routing import forms
from routing.models import ContractKind
from routing.resources import ACI_GATEWAY, APP_PROFILE, BGP_PEER, CONTRACT_GROUP, SERVICE
from tenants.screens import HISTORY, LABELS, LABELS_COLUMN, TENANT_COLUMN

NAME = Column(key="name", title=_("Name"), cell=cells.key, sort="name")
STATE = Attribute(title=_("State"), value=lambda row: _("stored, not yet in effect"))
STATE_COLUMN = Column(
    key="state",
    title=_("State"),
    value=lambda row: _("stored, not yet in effect"),
    cell=lambda value, row: cells.state("waiting", value),
    plain=str,
)
KINDS = {ContractKind.PROVIDED.value: _("provided"), ContractKind.CONSUMED.value: _("consumed")}


def selectors(row: Any) -> list[str]:
    return [f"{name}={value}" for name, value in row.selectors.items()]


def groups(row: Any) -> list[Any]:
    return list(row.groups.all())


GROUPS_COLUMN = Column(key="groups", title=_("Groups"), value=groups, cell=cells.links_to("group"))
GROUPS = Attribute(title=_("Groups"), value=groups, cell=cells.links_to("group", most=50))

SERVICES = register(
    Screen(
        resource=SERVICE,
        title=_("Services"),
        one=_("service"),
        icon="affiliate",
        purpose=_(
            "A service is one address for all endpoints with certain labels. It is stored, not yet in effect: its "
            "address is kept aside, and nodes do not balance yet."
        ),
        form=forms.ServiceForm,
        live=False,
        columns=(
            NAME,
            TENANT_COLUMN,
            Column(key="network", title=_("Network"), cell=cells.link_to("network"), sort="network__name"),
            Column(key="address", title=_("Address"), cell=cells.code, sort="address"),
            Column(key="selectors", title=_("Labels of its endpoints"), value=selectors, cell=cells.codes),
            LABELS_COLUMN,
            STATE_COLUMN,
        ),
        facets=(Facet(key="network", title=_("Network"), path="network", choices=offered(Network)),),
        attributes=(
            STATE,
            Attribute(title=_("Network"), value=lambda row: row.network, cell=cells.link_to("network")),
            Attribute(title=_("Address"), value=lambda row: row.address, cell=cells.code),
            Attribute(title=_("Labels of its endpoints"), value=selectors, cell=cells.codes),
            Attribute(title=_("Ports"), value=lambda row: row.ports, cell=cells.codes),
            LABELS,
        ),
        panels=[HISTORY],
    )
)
APP_PROFILES = register(
    Screen(
        resource=APP_PROFILE,
        title=_("Application profiles"),
        one=_("application profile"),
        icon="apps",
        purpose=_(
            "An application profile names the groups that an ACI fabric shows as one application. It is stored, not "
            "yet in effect."
        ),
        form=forms.AppProfileForm,
        live=False,
        columns=(NAME, TENANT_COLUMN, GROUPS_COLUMN, LABELS_COLUMN, STATE_COLUMN),
        facets=(Facet(key="group", title=_("Group"), path="groups", choices=offered(EndpointGroup)),),
        attributes=(STATE, GROUPS, LABELS),
        panels=[HISTORY],
    )
)
CONTRACT_GROUPS = register(
    Screen(
        resource=CONTRACT_GROUP,
        title=_("Contract groups"),
        one=_("contract group"),
        icon="braces",
        purpose=_(
            "A contract group names contracts of an ACI fabric that groups provide or consume. It is stored, not yet "
            "in effect."
        ),
        form=forms.ContractGroupForm,
        live=False,
        columns=(
            NAME,
            TENANT_COLUMN,
            Column(key="kind", title=_("Kind"), value=lambda row: KINDS[row.kind], sort="kind"),
            GROUPS_COLUMN,
            LABELS_COLUMN,
            STATE_COLUMN,
        ),
        facets=(Facet(key="kind", title=_("Kind"), path="kind", choices=lambda request: KINDS.items()),),
        attributes=(
            STATE,
            Attribute(title=_("Kind"), value=lambda row: KINDS[row.kind]),
            Attribute(title=_("Contracts"), value=lambda row: row.contracts, cell=cells.codes),
            GROUPS,
            LABELS,
        ),
        panels=[HISTORY],
    )
)
BGP_PEERS = register(
    Screen(
        resource=BGP_PEER,
        title=_("BGP peers"),
        one=_("BGP peer"),
        icon="git-merge",
        purpose=_(
            "A BGP peer is the router a node tells of its containers. It is stored, not yet in effect: no node speaks "
            "BGP yet."
        ),
        form=forms.BgpPeerForm,
        live=False,
        guarded=True,
        columns=(
            NAME,
            Column(key="router_address", title=_("Router address"), cell=cells.code, sort="router_address"),
            Column(key="asn", title=_("AS number"), sort="asn"),
            Column(key="neighbor", title=_("Neighbour"), cell=cells.code, sort="neighbor"),
            STATE_COLUMN,
        ),
        attributes=(
            STATE,
            Attribute(title=_("Router address"), value=lambda row: row.router_address, cell=cells.code),
            Attribute(title=_("AS number"), value=lambda row: row.asn),
            Attribute(title=_("Neighbour"), value=lambda row: row.neighbor, cell=cells.code),
            Attribute(title=_("Neighbour's AS number"), value=lambda row: row.neighbor_asn),
        ),
        panels=[HISTORY],
    )
)
ACI_GATEWAYS = register(
    Screen(
        resource=ACI_GATEWAY,
        title=_("ACI gateway"),
        one=_("ACI gateway"),
        icon="sitemap",
        purpose=_(
            "The ACI gateway says which fabric application profiles are for. There is one at the most. It is stored, "
            "not yet in effect."
        ),
        form=forms.AciGatewayForm,
        live=False,
        guarded=True,
        columns=(
            NAME,
            Column(key="physical_domain", title=_("Physical domain"), cell=cells.code, sort="physical_domain"),
            STATE_COLUMN,
        ),
        attributes=(
            STATE,
            Attribute(title=_("Physical domain"), value=lambda row: row.physical_domain, cell=cells.code),
            Attribute(title=_("Path bindings"), value=lambda row: row.path_bindings, cell=cells.code),
            Attribute(title=_("Node bindings"), value=lambda row: row.node_bindings, cell=cells.code),
            Attribute(title=_("Enforce policies"), value=lambda row: _("yes") if row.enforce_policies else _("no")),
            Attribute(
                title=_("Include the common tenant"),
                value=lambda row: _("yes") if row.include_common_tenant else _("no"),
            ),
        ),
        panels=[HISTORY],
    )
)
