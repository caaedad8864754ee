"""What auth_proxy answers before anybody has signed in: login, version, health."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from accounts import door
from accounts.actions.factors import has_factor
from accounts.directory import DirectoryAway
from accounts.patience import Wait
from netmaster.about import VERSION
from netmaster.caller import VIA
from netmaster.proxy.answers import Denied, answer, members_of, said, view
from netmaster.proxy.tokens import issue

SECOND_FACTOR = "This account has a second factor, which cannot be asked for here. Use a token of the API v2."


@view("POST")
def login(request: HttpRequest) -> HttpResponse:
    members = members_of(request)
    name, password = said(members, "username"), said(members, "password")
    if not name or not password:
        raise Denied(400, "Username and password must be provided")
    try:
        user = door.check(request, name, password, VIA)
    except Wait as wait:
        raise Denied(429, str(wait)) from None
    except door.Wrong:
        raise Denied(401, "Invalid username/password") from None
    except DirectoryAway:
        raise Denied(503, "The LDAP server does not answer") from None
    if has_factor(user):
        raise Denied(401, SECOND_FACTOR)
    return answer(200, {"token": issue(user)})


@view("GET")
def version(request: HttpRequest) -> HttpResponse:
    return answer(200, {"version": VERSION})


@view("GET")
def health(request: HttpRequest) -> HttpResponse:
    """The proxy and netmaster are one process: who answers is healthy."""
    return answer(
        200, {"netmaster": {"status": "healthy", "version": VERSION}, "status": "healthy", "version": VERSION}
    )
