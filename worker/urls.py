from __future__ import annotations

from django.urls import path

from contivui.web.views import pages
from worker import plots, views
from worker.health import healthz
from worker.screens import NODES

urlpatterns = [
    path("", views.show_overview, name="overview"),
    path("healthz", healthz, name="healthz"),
    path("overview/throughput.json", plots.throughput, name="plot.throughput"),
    path("overview/denied.json", plots.denied, name="plot.denied"),
    *pages(NODES, "nodes"),
    path("nodes/<key:pk>/token/", views.new_token, name="node.token"),
]
