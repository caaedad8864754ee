"""Netmaster's collections as auth_proxy lets people see them: administrators all, others what is of their tenants."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from netmaster import views, wire
from netmaster.endpoints import endpoint_named
from netmaster.kinds import KINDS
from netmaster.kinds.base import Kind
from netmaster.kinds.fabric import Globals, state
from netmaster.prepared import prepared
from netmaster.proxy.answers import Denied, view
from netmaster.proxy.people import signed_in
from netmaster.structs import Body
from networks.models import Endpoint, Network
from tenants.access import rights_of
from tenants.models import Tenant

INSUFFICIENT = "Insufficient privileges"
#: What rights are asked for, by collection: our word for a thing, and what a write does to it. auth_proxy knows two
#: kinds of requests only, reading and writing, and lets nobody but administrators write to a tenant itself.
VERBS = {
    "aciGws": ("aci", "update"),
    "appProfiles": ("app", "update"),
    "Bgps": ("bgp", "update"),
    "endpointGroups": ("group", "update"),
    "extContractsGroups": ("contract", "update"),
    "globals": ("fabric", "update"),
    "netprofiles": ("profile", "update"),
    "networks": ("network", "update"),
    "policys": ("policy", "update"),
    "rules": ("rule", "update"),
    "serviceLBs": ("service", "update"),
    "tenants": ("tenant", "create"),
    "volumeProfiles": ("volume", "update"),
    "volumes": ("volume", "update"),
}


@view("GET")
def collection(request: HttpRequest, collection: str) -> HttpResponse:
    user = signed_in(request)
    kind = _kind(user, collection)
    if kind is None or rights_of(user).may(f"{VERBS[collection][0]}.view"):
        return views.collection(request, collection)
    if not kind.owned:
        raise Denied(403, INSUFFICIENT)
    seen = Tenant.objects.visible_to(user).values_list("pk", flat=True)
    return wire.ready(prepared().listed(kind, seen))


@view("GET", "POST", "PUT", "DELETE")
def one(request: HttpRequest, collection: str, key: str) -> HttpResponse:
    user = signed_in(request)
    kind = _kind(user, collection)
    if kind is not None:
        _require(user, kind, key, VERBS[collection][1] if request.method != "GET" else "view")
    return views.one(request, collection, key)


@view("GET")
def inspect(request: HttpRequest, collection: str, key: str) -> HttpResponse:
    user = signed_in(request)
    kind = _kind(user, collection)
    if (collection, key) == ("globals", "global") and not rights_of(user).may("fabric.view"):
        return wire.ok(_global_of(user))
    if kind is not None:
        _require(user, kind, key, "view")
    return views.inspect(request, collection, key)


def _kind(user: User, collection: str) -> Kind | None:
    """The collection of this name. What is none is not found by those who see all, and nothing for anybody else."""
    kind = KINDS.get(collection)
    if kind is None and not rights_of(user).sees_all:
        raise Denied(403, INSUFFICIENT)
    return kind


def _global_of(user: User) -> Body:
    """The global object, which everybody may inspect: of networks and tags she is told what is her tenants'."""
    kind = Globals()
    (row,) = kind.rows()
    return {"Config": kind.show(row), "Oper": state(row, Network.objects.visible_to(user))}


@view("GET")
def inspect_endpoint(request: HttpRequest, key: str) -> HttpResponse:
    user = signed_in(request)
    found = endpoint_named(key, Endpoint.objects.visible_to(user))
    if found is None and not rights_of(user).sees_all:
        raise Denied(403, INSUFFICIENT)
    # What netmaster refuses is passed on as it said it.
    return wire.refused(views.NO_ENDPOINT) if found is None else views.shown_endpoint(key, found)


def _require(user: User, kind: Kind, key: str, action: str) -> None:
    """Whose an object is, its key says; what is not there looks as what is another's."""
    rights, verb = rights_of(user), f"{VERBS[kind.collection][0]}.{action}"
    if rights.may(verb):
        return
    tenant = Tenant.objects.filter(name=key.split(":")[0]).first() if kind.owned else None
    if tenant is None or not rights.may(verb, tenant):
        raise Denied(403, INSUFFICIENT)
