"""What plug-ins on nodes ask of netmaster: addresses, and endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from netmaster import wire
from netmaster.allocation import (
    address_in,
    free_reservation,
    network_named,
    reserve,
    with_length,
)
from netmaster.caller import actor_of
from netmaster.endpoints import endpoint_in, record, told_in, untold
from netmaster.handling import JSON, body_of, view
from netmaster.models import Container
from netmaster.refusal import Refusal
from netmaster.structs import kind_of, typed
from netmaster.versions import note
from networks.actions import create_endpoint, delete_endpoint
from networks.models import Endpoint, EndpointGroup, Network, Node
from tenants.change import Actor, together
from tenants.checks import named, named_in
from tenants.lookup import insert
from tenants.models import Tenant, validate_name

MISSING = "key not found"
#: Of any text a plug-in says.
LONGEST = 256
Said = Mapping[str, Any]


@view("POST")
def plugin(request: HttpRequest, verb: str) -> HttpResponse:
    handler = VERBS.get(verb)
    if handler is None or request.content_type != JSON:
        return wire.not_found()
    said = body_of(request)
    return wire.ok(handler(actor_of(request), said if isinstance(said, dict) else {}))


def alloc_address(actor: Actor, said: Said) -> Any:
    wanted, pool = text(said, "NetworkID"), text(said, "AddressPool")
    network, group = address_in(wanted, pool)
    family = 6 if ":" in pool else 4
    found = reserve(actor, network, group, family, text(said, "PreferredIPv4Address"))
    return {"NetworkID": wanted, "IPv4Address": with_length(network, found, family)}


def release_address(actor: Actor, said: Said) -> Any:
    """Said of an address that nobody keeps, it changes nothing."""
    network, _ = network_named(text(said, "NetworkID"))
    free_reservation(actor, network, text(said, "IPv4Address"))
    return "success"


def create(actor: Actor, said: Said) -> Any:
    """Make an endpoint, or answer the one that is there under this id."""
    network = _network(said)
    name, config = text(said, "EndpointID"), members(said, "ConfigEP", "master.ConfigEP")
    found = told_in(network, name)
    same = None if found else named_in(Endpoint).first(network.tenant_id, name)
    found = found or untold(network, same)
    if found is None:
        group = _group(network, text(said, "ServiceName") or text(config, "ServiceName"))
        own = _own_name(network, name, taken=same is not None)
        with together():
            found = _make(actor, network, group, own, name, config, text(said, "EPCommonName"))
    return {"EndpointConfig": record(found)}


def delete(actor: Actor, said: Said) -> Any:
    found = endpoint_in(_network(said), text(said, "EndpointID"))
    if found is None:
        raise Refusal(MISSING)
    answer = {"EndpointConfig": record(found)}
    delete_endpoint(actor=actor, row=found)
    return answer


def update(actor: Actor, said: Said) -> Any:
    """A container started or died. Of an endpoint that is not there nothing is known, and nothing is answered."""
    tenant, network = text(said, "Tenant"), text(said, "Network")
    place = Network.objects.filter(tenant__name=tenant, name=network).first()
    if place is None:
        raise Refusal(MISSING)
    found = endpoint_in(place, text(said, "EndpointID"))
    if found is None:
        return None
    container = getattr(found, "container", None) or Container(endpoint=found, endpoint_name=found.name)
    container.running = text(said, "Event") == "start"
    container.reported_ip = text(said, "IPAddress")
    if container.running:
        container.container = text(said, "ContainerID")
        container.common_name = text(said, "EPCommonName") or container.common_name
        labels = members(said, "Labels", "map[string]string")
        container.labels = {name: text(labels, name) for name in labels}
    with transaction.atomic():
        container.save()
        note(place.tenant_id, "containers")
    return {"IPAddress": container.reported_ip}


VERBS: dict[str, Callable[[Actor, Said], Any]] = {
    "allocAddress": alloc_address,
    "releaseAddress": release_address,
    "createEndpoint": create,
    "deleteEndpoint": delete,
    "updateEndpoint": update,
}


def text(said: Said, name: str) -> str:
    """A member that is a text, or not there."""
    given = said.get(name)
    found = "" if given is None else str(typed("string", given, f"Go struct field .{name}"))
    if "\0" in found or len(found) > LONGEST:
        raise Refusal(f"{name} string invalid format")
    return found


def members(said: Said, name: str, type: str) -> Said:
    """A member that is an object, or not there."""
    given = said.get(name)
    if given is not None and not isinstance(given, dict):
        raise Refusal(f"json: cannot unmarshal {kind_of(given)} into Go struct field .{name} of type {type}")
    return given or {}


def _network(said: Said) -> Network:
    tenant: Tenant | None = named(Tenant).first(text(said, "TenantName"))
    name = text(said, "NetworkName")
    found: Network | None = named_in(Network).first(tenant.pk, name) if tenant else None
    if tenant is None or found is None:
        raise Refusal(MISSING)
    found.tenant = tenant
    return found


def _group(network: Network, name: str) -> EndpointGroup | None:
    if not name:
        return None
    found: EndpointGroup | None = named_in(EndpointGroup).first(network.tenant_id, name)
    if found is None:
        raise Refusal(MISSING)
    return found


def _make(
    actor: Actor, network: Network, group: EndpointGroup | None, own: str, name: str, config: Said, common: str
) -> Endpoint:
    asked4, asked6 = text(config, "IPAddress"), text(config, "IPv6Address")
    for address in filter(None, (asked4, asked6)):
        # An address that was allocated before is kept for this very endpoint.
        free_reservation(actor, network, address, checked=True)
    host = text(config, "Host")
    made = create_endpoint(
        actor=actor,
        tenant=network.tenant,
        name=own,
        network=network,
        group=group,
        node=named(Node).first(host) if host else None,
        ip4=asked4 or None,
        ip6=asked6 or None,
    )
    made.container = Container(endpoint=made, endpoint_name=name, common_name=common, host=host)
    insert(made.container)
    return made


def _own_name(network: Network, name: str, *, taken: bool) -> str:
    """What the endpoint is called here: as the plug-in calls it, where that is a name and free in the tenant."""
    try:
        validate_name(name)
    except ValidationError:
        fits = False
    else:
        fits = len(name) <= 64
    return name if fits and not taken else f"ep-{sha256(f'{network.pk} {name}'.encode()).hexdigest()[:16]}"
