"""Every address of netmaster. The trailing slash is a part of it, and nothing else is anywhere."""

from __future__ import annotations

from django.urls import re_path

from netmaster import cleanup, plugin, views

urlpatterns = [
    re_path(r"^api/v1/inspect/endpoints/(?P<key>[^/\x00]+)/\Z", views.inspect_endpoint),
    re_path(r"^api/v1/inspect/(?P<collection>[^/\x00]+)/(?P<key>[^/\x00]+)/\Z", views.inspect),
    re_path(r"^api/v1/(?!inspect/)(?P<collection>[^/\x00]+)/\Z", views.collection),
    re_path(r"^api/v1/(?!inspect/)(?P<collection>[^/\x00]+)/(?P<key>[^/\x00]+)/\Z", views.one),
    re_path(r"^version\Z", views.version),
    re_path(r"^info\Z", views.info),
    re_path(r"^services\Z", views.services),
    re_path(r"^service/(?P<key>[^/\x00]+)\Z", views.service),
    re_path(r"^plugin/(?P<verb>[^/\x00]+)\Z", plugin.plugin),
    re_path(
        r"^debug/epcleanup/tenant/(?P<tenant>[^/\x00]+)/(?P<what>[^/\x00]+)/(?P<name>[^/\x00]+)\Z", cleanup.cleanup
    ),
    re_path(r"", views.nothing),
]
