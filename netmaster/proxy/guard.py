"""Netmaster's collections as auth_proxy lets people see them: administrators all, others what is of their tenants."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from netmaster import views, wire
from netmaster.endpoints import endpoint_named
from netmaster.kinds import KINDS
from netmaster.kinds.base import Kind
from netmaster.prepared import prepared
from netmaster.proxy.answers import Denied, view
from netmaster.proxy.people import signed_in
from networks.models import Endpoint
from tenants.access import Right, rights_of
from tenants.models import Tenant

INSUFFICIENT = "Insufficient privileges"
WRITES = {"POST", "PUT", "DELETE"}


@view("GET")
def collection(request: HttpRequest, collection: str) -> HttpResponse:
    user, kind = signed_in(request), KINDS.get(collection)
    if user.is_superuser or kind is None:
        return views.collection(request, collection)
    if not kind.owned:
        raise Denied(403, INSUFFICIENT)
    seen = Tenant.objects.visible_to(user).values_list("pk", flat=True)
    return wire.ready(prepared().listed(kind, seen))


@view("GET", "POST", "PUT", "DELETE")
def one(request: HttpRequest, collection: str, key: str) -> HttpResponse:
    user, kind = signed_in(request), KINDS.get(collection)
    if not user.is_superuser and kind is not None:
        _refuse(user, kind, key, request.method in WRITES)
    return views.one(request, collection, key)


@view("GET")
def inspect(request: HttpRequest, collection: str, key: str) -> HttpResponse:
    user, kind = signed_in(request), KINDS.get(collection)
    everybodys = collection == "globals" and key == "global"
    if not user.is_superuser and kind is not None and not everybodys:
        _refuse(user, kind, key, False)
    return views.inspect(request, collection, key)


@view("GET")
def inspect_endpoint(request: HttpRequest, key: str) -> HttpResponse:
    user = signed_in(request)
    found = endpoint_named(key, Endpoint.objects.visible_to(user))
    if found is None and not user.is_superuser:
        raise Denied(403, INSUFFICIENT)
    return views.shown_endpoint(key, found)


def _refuse(user: User, kind: Kind, key: str, writes: bool) -> None:
    """Whose an object is, its key says; what is not there looks as what is another's."""
    tenant = Tenant.objects.filter(name=key.split(":")[0]).first()
    if not kind.owned or tenant is None:
        raise Denied(403, INSUFFICIENT)
    if kind.collection == "tenants" and writes:
        raise Denied(403, INSUFFICIENT)
    if not _holds(user, tenant, Right.EDITOR if writes else Right.VIEWER):
        raise Denied(403, INSUFFICIENT)


def _holds(user: User, tenant: Tenant, right: Right) -> bool:
    return rights_of(user).of(tenant) >= right
