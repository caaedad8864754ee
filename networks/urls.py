from __future__ import annotations

from django.urls import path

from contivui.web.views import pages
from networks import views
from networks.screens import ENDPOINTS, GROUPS, NETWORKS, RESERVATIONS

urlpatterns = [
    *pages(NETWORKS, "networks"),
    *pages(RESERVATIONS, "reservations"),
    *pages(GROUPS, "groups"),
    *pages(ENDPOINTS, "endpoints"),
    path("fabric/", views.fabric, name="fabric"),
]
