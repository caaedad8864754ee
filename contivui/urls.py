"""Every address of the product: the API under /api/v2/, the pages beside it."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

from accounts import api as accounts_api
from contivui.web.openapi import WRITTEN
from contivui.web.search_views import SearchView
from networks import api as networks_api
from policies import api as policies_api
from routing import api as routing_api
from tenants import api as tenants_api
from tenants import programs
from worker import api as worker_api

#: A room further on may say more of a kind than the one it is from: then its view set comes in the place of the first.
viewsets = {
    prefix: viewset
    for room in (tenants_api, programs, accounts_api, networks_api, policies_api, routing_api, worker_api)
    for prefix, viewset in room.VIEWSETS.items()
}
router = SimpleRouter()
for prefix, viewset in viewsets.items():
    router.register(prefix, viewset, basename=f"api-{prefix}")

api: list[URLPattern | URLResolver] = [
    path("me/", tenants_api.MeView.as_view(), name="api-me"),
    *accounts_api.PATTERNS,
    re_path(r"^audit/(?P<id>[0-9]{1,18})/undo/\Z", tenants_api.UndoView.as_view(), name="api-audit-undo"),
    path("fabric/", networks_api.FabricView.as_view(), name="api-fabric"),
    path("explain/", policies_api.ExplainView.as_view(), name="api-explain"),
    path("search/", SearchView.as_view(), name="api-search"),
    path("events/", programs.EventsView.as_view(), name="api-events"),
    path("events/stream/", programs.StreamView.as_view(), name="api-events-stream"),
    path("openapi.json", SpectacularJSONAPIView.as_view(renderer_classes=WRITTEN), name="api-openapi"),
    *router.urls,
    re_path(r"", tenants_api.NoSuchThing.as_view()),
]

pages: list[URLPattern | URLResolver] = [
    path("", include("worker.urls")),
    path("", include("networks.urls")),
    path("", include("policies.urls")),
    path("", include("routing.urls")),
    path("", include("netmaster.cards")),
    path("", include("tenants.urls")),
    path("", include("accounts.urls")),
    path("", include("contivui.web.urls")),
]

urlpatterns = [
    path("api/v2/", include(api)),
    path("api/v1/", include("netmaster.proxy.patterns")),
    *pages,
]
handler400 = "contivui.web.errors.bad_request"
handler500 = "contivui.web.errors.server_error"
