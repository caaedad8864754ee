from __future__ import annotations

from django.urls import path

from contivui.web.views import pages
from worker import joining_pages, plots, views
from worker.health import healthz
from worker.screens import NODES

urlpatterns = [
    path("", views.show_overview, name="overview"),
    path("healthz", healthz, name="healthz"),
    path("overview/throughput.json", plots.throughput, name="plot.throughput"),
    path("overview/denied.json", plots.denied, name="plot.denied"),
    *pages(NODES, "nodes"),
    path("nodes/joining/", joining_pages.joining, name="joining"),
    path("nodes/<key:pk>/token/", joining_pages.new_token, name="node.token"),
    path("nodes/<key:pk>/revoke/", joining_pages.revoke, name="node.revoke"),
]
