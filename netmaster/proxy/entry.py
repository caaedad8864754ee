"""What auth_proxy answers before anybody has signed in: login, version, health."""

from __future__ import annotations

import math

from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse

from netmaster.about import VERSION
from netmaster.proxy.answers import Denied, answer, members_of, said, view
from netmaster.proxy.patience import patience
from netmaster.proxy.tokens import issue


@view("POST")
def login(request: HttpRequest) -> HttpResponse:
    members = members_of(request)
    name, password = said(members, "username"), said(members, "password")
    if not name or not password:
        raise Denied(400, "Username and password must be provided")
    if wait := patience.wait_s(name):
        raise Denied(429, f"Too many wrong passwords. Try again in {math.ceil(wait)} seconds.")
    user = authenticate(request, username=name, password=password)
    if user is None:
        patience.failed(name)
        raise Denied(401, "Invalid username/password")
    patience.succeeded(name)
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
