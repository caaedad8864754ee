from __future__ import annotations

from django.urls import path

from contivui.web.views import pages
from tenants import invitation_pages, quota_pages, record, token_pages, views
from tenants.screens import MEMBERS, PEOPLE, TENANTS

urlpatterns = [
    *pages(TENANTS, "tenants"),
    *pages(MEMBERS, "members"),
    *pages(PEOPLE, "people"),
    path("tenants/<key:pk>/quota/", quota_pages.quota, name="tenant.quota"),
    path("tenants/<key:pk>/invite/", invitation_pages.invite, name="tenant.invite"),
    path("invitations/<key:pk>/withdraw/", invitation_pages.withdraw, name="invitation.withdraw"),
    path("invitation/<str:secret>/", invitation_pages.invitation, name="invitation"),
    path("choose-tenant/", views.choose, name="tenant.choose"),
    path("tokens/", token_pages.tokens, name="tokens"),
    path("activity/", record.activity, name="activity"),
    path("activity/<key:pk>/undo/", record.undo, name="undo"),
]
