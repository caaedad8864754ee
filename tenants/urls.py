from __future__ import annotations

from django.urls import path

from contivui.web.views import pages
from tenants import record, views
from tenants.screens import MEMBERS, TENANTS

urlpatterns = [
    *pages(TENANTS, "tenants"),
    *pages(MEMBERS, "members"),
    path("choose-tenant/", views.choose, name="tenant.choose"),
    path("activity/", record.activity, name="activity"),
]
