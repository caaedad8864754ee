"""The port of its own when it asks for tokens: as on the main port, and nothing else."""

from __future__ import annotations

from django.urls import include, path, re_path

from netmaster.proxy.answers import nothing

urlpatterns = [path("api/v1/", include("netmaster.proxy.patterns")), re_path(r"", nothing)]
