from __future__ import annotations

from django.urls import path

from contivui.web.views import pages
from policies import views
from policies.screens import POLICIES, PROFILES

urlpatterns = [
    *pages(POLICIES, "policies"),
    path("policies/<key:pk>/rules/", views.edit_rules, name="policy.rules"),
    *pages(PROFILES, "bandwidth"),
    path("explain/", views.explain, name="explain"),
]
