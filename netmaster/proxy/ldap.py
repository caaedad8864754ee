"""The LDAP configuration: there is none, and it says so, because nobody could sign in by it yet."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from netmaster.proxy.answers import Denied, view
from netmaster.proxy.people import administrator


@view("GET", "PUT", "PATCH", "DELETE")
def configuration(request: HttpRequest) -> HttpResponse:
    administrator(request)
    if request.method == "PUT":
        raise Denied(400, "Signing in by LDAP is not offered yet, so its configuration is not kept. Use local users.")
    raise Denied(404)
