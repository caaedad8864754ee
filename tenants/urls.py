from __future__ import annotations

from django.urls import path

from contivui.web.views import pages
from tenants import record, token_pages, views
from tenants.screens import MEMBERS, TENANTS

urlpatterns = [
    *pages(TENANTS, "tenants"),
    *pages(MEMBERS, "members"),
    path("choose-tenant/", views.choose, name="tenant.choose"),
    path("tokens/", token_pages.tokens, name="tokens"),
    path("activity/", record.activity, name="activity"),
    path("activity/<key:pk>/undo/", record.undo, name="undo"),
]
