"""The pages about the reader herself: the API, her language."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.i18n import set_language

from contivui.web.documentation import api

urlpatterns = [
    path("api/", api, name="api"),
    path("language/", login_not_required(set_language), name="set_language"),
]
