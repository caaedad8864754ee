"""The page on which the API's document is read and tried."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def api(request: HttpRequest) -> HttpResponse:
    return render(request, "web/api.html")
