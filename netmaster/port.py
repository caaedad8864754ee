"""The port of its own: what comes in there is netmaster's, and nothing of the product's pages is there.

First of all middleware, so that such a request meets no session, no cookie and no form protection: clients of Contiv
know none of them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from netmaster import wire

Answer = Callable[[HttpRequest], HttpResponse]


#: What a path may have as it is.
PLAIN = "/:@!$&'()*+,;=~"
BROWSERS = "This port asks for no token, so browsers may not use it: any page they show could. Use a program."


def by_browser(request: HttpRequest) -> bool:
    """Whether a browser asks. It would do so for any page of anybody's, whoever the port is bound for."""
    said = request.META
    told = said.get("HTTP_ORIGIN") or said.get("HTTP_SEC_FETCH_SITE") or said.get("HTTP_SEC_FETCH_MODE")
    return bool(told) or said.get("HTTP_USER_AGENT", "").startswith("Mozilla/")


def clean(path: str) -> str:
    """A path as Contiv's router wants it: no empty part, none that is a dot or two."""
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


class NetmasterPort:
    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.port = str(settings.NETMASTER_PORT) if settings.NETMASTER_PORT else ""
        self.urlconf = "netmaster.urls" if settings.NETMASTER_OPEN else "netmaster.proxy.urls"

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The port of the socket the request came in by, whatever the Host header says.
        if not self.port or request.META.get("SERVER_PORT") != self.port:
            return self.get_response(request)
        if settings.NETMASTER_OPEN and by_browser(request):
            return wire.forbidden(BROWSERS)
        if (cleaned := clean(request.path_info)) != request.path_info:
            query = request.META.get("QUERY_STRING", "")
            return HttpResponse(
                status=301, headers={"Location": quote(cleaned, PLAIN) + (f"?{query}" if query else "")}
            )
        request.urlconf = self.urlconf
        found = resolve(request.path_info, self.urlconf)
        answer: HttpResponse = found.func(request, *found.args, **found.kwargs)
        return answer
