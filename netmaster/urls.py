"""Every address of netmaster. The trailing slash is a part of it, and nothing else is anywhere."""

from __future__ import annotations

from django.urls import re_path

from netmaster import cleanup, plugin, views

urlpatterns = [
    re_path(r"^api/v1/inspect/endpoints/(?P<key>[^/]+)/\Z", views.inspect_endpoint),
    re_path(r"^api/v1/inspect/(?P<collection>[^/]+)/(?P<key>[^/]+)/\Z", views.inspect),
    re_path(r"^api/v1/(?!inspect/)(?P<collection>[^/]+)/\Z", views.collection),
    re_path(r"^api/v1/(?!inspect/)(?P<collection>[^/]+)/(?P<key>[^/]+)/\Z", views.one),
    re_path(r"^version\Z", views.version),
    re_path(r"^info\Z", views.info),
    re_path(r"^services\Z", views.services),
    re_path(r"^service/(?P<key>[^/]+)\Z", views.service),
    re_path(r"^plugin/(?P<verb>[^/]+)\Z", plugin.plugin),
    re_path(r"^debug/epcleanup/tenant/(?P<tenant>[^/]+)/(?P<what>[^/]+)/(?P<name>[^/]+)\Z", cleanup.cleanup),
    re_path(r"", views.nothing),
]
