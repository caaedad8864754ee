from __future__ import annotations

from contivui.web.views import pages
from routing.screens import ACI_GATEWAYS, APP_PROFILES, BGP_PEERS, CONTRACT_GROUPS, SERVICES

urlpatterns = [
    *pages(SERVICES, "services"),
    *pages(APP_PROFILES, "applications"),
    *pages(CONTRACT_GROUPS, "contracts"),
    *pages(BGP_PEERS, "bgp"),
    *pages(ACI_GATEWAYS, "aci"),
]
