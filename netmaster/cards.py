"""What the pages say of members that a client of Contiv's wrote and reads back, and that can have no effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from contivui.web.request import PageRequest
from contivui.web.screens import Panel, Words, add_panel
from netmaster import wording
from netmaster.kinds import KINDS
from networks.screens import NETWORKS
from policies.screens import PROFILES
from routing.screens import BGP_PEERS

NO_GATEWAY = _(
    "Gateway %(said)s is no address that an interface of the subnet may have: the network has no such gateway."
)
NO_SUBNET = _("%(said)s is no subnet that a network may have: the network has no IPv6.")
NO_NUMBER = _("“%(said)s” is no AS number: it is kept for who wrote it, and never in effect.")
#: By collection: members that may have been written so, and what to say of them then.
VAIN: dict[str, Mapping[str, Words]] = {
    "networks": {"gateway": NO_GATEWAY, "ipv6Subnet": NO_SUBNET, "ipv6Gateway": NO_GATEWAY},
    "netprofiles": {"DSCP": _("There is no priority mark (DSCP) %(said)s: packets keep the mark they have.")},
    "Bgps": {"as": NO_NUMBER, "neighbor-as": NO_NUMBER},
}


def vain(collection: str, row: Any) -> list[str]:
    """What was written of the row and stored as nothing, in sentences."""
    kind = KINDS[collection]
    words = wording.of(kind.word, row.pk)
    if not words:
        return []
    stored = kind.members(row)
    shown = wording.applied(stored, words)
    said = {name: shown[name] for name in VAIN[collection] if shown[name] and not stored[name]}
    return [str(VAIN[collection][name]) % {"said": value} for name, value in said.items()]


def _context(collection: str) -> Callable[[PageRequest, Any], dict[str, Any] | None]:
    def context(request: PageRequest, row: Any) -> dict[str, Any] | None:
        found = vain(collection, row)
        return {"sentences": found} if found else None

    return context


for screen, collection in ((NETWORKS, "networks"), (PROFILES, "netprofiles"), (BGP_PEERS, "Bgps")):
    add_panel(
        screen.resource.name,
        Panel(
            key="contiv",
            title=_("As a client of Contiv wrote it"),
            template="netmaster/vain.html",
            context=_context(collection),
            width="half",
        ),
    )

#: Cards stand on pages of other rooms; they have no address of their own.
urlpatterns: list[URLPattern] = []
