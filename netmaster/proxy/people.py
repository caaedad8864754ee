"""Local users: our accounts in auth_proxy's words."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from netmaster.caller import actor_of
from netmaster.proxy.answers import Denied, answer, members_of, said, view
from netmaster.proxy.tokens import user_of
from tenants.access import may
from tenants.users import create_user, delete_user, update_user

#: The account that is always there.
BUILT_IN = "admin"
USERNAME = re.compile(r"[A-Za-z0-9_.@-]+\Z")
OTHERS = "access denied"


def administrator(request: HttpRequest) -> User:
    """Who asks, when she may do this to people: administrators, and auditors who only look. Raises Denied."""
    user = signed_in(request)
    if not may(user, "user.view" if request.method == "GET" else "user.update"):
        raise Denied(403, OTHERS)
    return user


def signed_in(request: HttpRequest) -> User:
    user = user_of(request)
    request.contiv_user = user  # type: ignore[attr-defined]
    return user


def shown(user: User) -> dict[str, Any]:
    return {
        "username": user.get_username(),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "disable": not user.is_active,
    }


@view("GET", "POST")
def users(request: HttpRequest) -> HttpResponse:
    administrator(request)
    if request.method == "GET":
        return answer(200, [shown(user) for user in User.objects.order_by("username")])
    members = members_of(request)
    name, password = said(members, "username"), said(members, "password")
    if not name or not password:
        raise Denied(400, "Username/Password is empty")
    if not USERNAME.match(name):
        raise Denied(400, "Invalid username. Only alpha-numeric and [-_.@] are allowed")
    if User.objects.filter(username=name).exists():
        raise Denied(400, f'User "{name}" exists already')
    made = create_user(
        actor=actor_of(request),
        username=name,
        password=password,
        first_name=said(members, "first_name"),
        last_name=said(members, "last_name"),
        is_active=members.get("disable") is not True,
    )
    return answer(201, shown(made))


@view("GET", "PATCH", "DELETE")
def user(request: HttpRequest, name: str) -> HttpResponse:
    asks = signed_in(request)
    own = asks.get_username() == name
    if not own or request.method == "DELETE":
        administrator(request)
    found = User.objects.filter(username=name).first()
    if found is None:
        raise Denied(404)
    if request.method == "GET":
        return answer(200, shown(found))
    if request.method == "DELETE":
        if name == BUILT_IN:
            raise Denied(400, f'Cannot delete built-in user "{name}"')
        delete_user(actor=actor_of(request), row=found)
        return answer(204)
    return answer(200, shown(_patched(request, asks, found)))


def _patched(request: HttpRequest, asks: User, found: User) -> User:
    """Empty texts mean "keep", and so does what is not there."""
    members = members_of(request)
    names = ("first_name", "last_name", "password")
    changes: dict[str, Any] = {name: text for name in names if (text := said(members, name))}
    if isinstance(members.get("disable"), bool):
        if members["disable"] and (found.pk == asks.pk or found.get_username() == BUILT_IN):
            raise Denied(400, "Nobody disables herself, and nobody disables the built-in administrator")
        administrator(request)
        changes["is_active"] = not members["disable"]
    return update_user(actor=actor_of(request), row=found, **changes)
