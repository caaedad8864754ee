"""The collections, and what can be asked of netmaster itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from netmaster import about, wire
from netmaster.caller import actor_of
from netmaster.endpoints import endpoint_named
from netmaster.handling import body_of, view
from netmaster.kinds import KINDS
from netmaster.kinds.base import Kind
from netmaster.oper import endpoint_oper
from netmaster.prepared import prepared
from netmaster.providers import service_state
from netmaster.refusal import Refusal
from networks.models import Endpoint, Node
from routing.models import Service

NO_ENDPOINT = "endpoint not found"


@view("GET")
def collection(request: HttpRequest, collection: str) -> HttpResponse:
    """All objects of a kind, of all tenants."""
    kind = KINDS.get(collection)
    return wire.ready(prepared().listed(kind)) if kind else wire.not_found()


@view("GET", "POST", "PUT", "DELETE")
def one(request: HttpRequest, collection: str, key: str) -> HttpResponse:
    """One object: read, made or changed, deleted."""
    kind = KINDS.get(collection)
    if kind is None:
        return wire.not_found()
    if request.method == "DELETE":
        kind.remove(actor_of(request), key)
        return wire.ok(key)
    if request.method == "GET":
        return _ready(kind, prepared().one(kind, key))
    return wire.ok(kind.save(actor_of(request), key, kind.struct.read(body_of(request))))


@view("GET")
def inspect(request: HttpRequest, collection: str, key: str) -> HttpResponse:
    """One object with its state at run time, where it has any."""
    kind = KINDS.get(collection)
    if kind is None:
        return wire.not_found()
    return _ready(kind, prepared().inspected(kind, key))


def _ready(kind: Kind, found: bytes | None) -> HttpResponse:
    if found is None:
        raise Refusal(f"{kind.word} not found")
    return wire.ready(found)


@view("GET")
def inspect_endpoint(request: HttpRequest, key: str) -> HttpResponse:
    found = endpoint_named(key, Endpoint.objects.all())
    if found is None:
        raise Refusal(NO_ENDPOINT)
    return shown_endpoint(key, found)


def shown_endpoint(key: str, found: Endpoint) -> HttpResponse:
    return wire.ok({"Oper": {"key": key} | endpoint_oper(found)})


@view("GET")
def version(request: HttpRequest) -> HttpResponse:
    return wire.bare({"GitCommit": "", "Version": about.VERSION, "BuildTime": ""})


@view("GET")
def info(request: HttpRequest) -> HttpResponse:
    """There is one controller, so it leads. Its address is the one it was reached at."""
    address = request.META.get("SERVER_NAME", "")
    return wire.bare(
        {
            "current-state": "leader",
            "leader-ip": f"{address}:{request.META.get('SERVER_PORT', '')}",
            "local-ip": address,
            "netmaster-nodes": [address],
            "netplugin-nodes": list(Node.objects.order_by("vtep").values_list("vtep", flat=True)),
        }
    )


@view("GET")
def services(request: HttpRequest) -> HttpResponse:
    found = Service.objects.select_related("tenant", "network").order_by("pk")
    if not found:
        raise Refusal("key not found")
    return wire.bare([service_state(one) for one in found])


@view("GET")
def service(request: HttpRequest, key: str) -> HttpResponse:
    """The state of one service, by "name:tenant"; null where there is none."""
    name, _, tenant = key.partition(":")
    found = Service.objects.select_related("tenant", "network").filter(name=name, tenant__name=tenant).first()
    return wire.bare([service_state(found)] if found else None)


@view()
def nothing(request: HttpRequest) -> HttpResponse:
    return wire.not_found()
