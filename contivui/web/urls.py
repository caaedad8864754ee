"""The pages that are about no kind of object: the API, the reader's language, search."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.i18n import set_language

from contivui.web.documentation import api
from contivui.web.search_views import search_page

urlpatterns = [
    path("api/", api, name="api"),
    path("search/", search_page, name="search"),
    path("language/", login_not_required(set_language), name="set_language"),
]
