from __future__ import annotations

from contivui.web.views import pages
from networks.screens import ENDPOINTS, GROUPS, NETWORKS

urlpatterns = [*pages(NETWORKS, "networks"), *pages(GROUPS, "groups"), *pages(ENDPOINTS, "endpoints")]
