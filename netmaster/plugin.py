"""What plug-ins on nodes ask of netmaster: addresses, and endpoints."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from netmaster import wire
from netmaster.allocation import (
    address_in,
    exhaustion,
    free_reservation,
    network_named,
    reserve,
    with_length,
)
from netmaster.caller import actor_of
from netmaster.calls import read
from netmaster.endpoints import endpoint_in, full_id, record, remove, told_in, untold
from netmaster.handling import JSON, body_of, view
from netmaster.kinds.base import tenant_called
from netmaster.models import Container, Wording
from netmaster.providers import answers_for_any
from netmaster.refusal import Refusal
from netmaster.structs import Body
from netmaster.versions import note
from netmaster.world import ENDPOINT
from networks.actions import create_endpoint
from networks.models import Endpoint, EndpointGroup, Network, Node
from tenants import standing
from tenants.change import Actor, as_one
from tenants.checks import named, named_in
from tenants.models import validate_name
from tenants.storing import insert

MISSING = "key not found"


@view("POST")
def plugin(request: HttpRequest, verb: str) -> HttpResponse:
    handler = VERBS.get(verb)
    if handler is None or request.content_type != JSON:
        return wire.not_found()
    return wire.ok(handler(actor_of(request), read(verb, body_of(request))))


def alloc_address(actor: Actor, said: Body) -> Any:
    wanted, pool = said["NetworkID"], said["AddressPool"]
    network, group = address_in(wanted, pool)
    # A pool of IPv4 with a tenant behind it has a colon, too: Contiv gives an IPv6 address of its network.
    family = 6 if ":" in pool else 4
    found = reserve(actor, network, group, family, said["PreferredIPv4Address"])
    return {"NetworkID": wanted, "IPv4Address": with_length(network, found, family)}


def release_address(actor: Actor, said: Body) -> Any:
    """Said of an address that nobody keeps, it changes nothing."""
    network, _ = network_named(said["NetworkID"])
    free_reservation(actor, network, said["IPv4Address"])
    return "success"


def create(actor: Actor, said: Body) -> Any:
    """Make an endpoint, or answer the one that is there under this id."""
    config = said["ConfigEP"]
    name = config["Container"] or said["EndpointID"]
    with as_one():
        standing.locked_by_name(said["TenantName"])
        network = _network(said)
        if not name:
            raise Refusal("Name the endpoint: EndpointID, and Container in ConfigEP, are the id of its container.")
        found = told_in(network, name)
        same = None if found else named_in(network.tenant, Endpoint, name)
        found = found or untold(network, same)
        if found is None:
            group = _group(network, config["ServiceName"] or said["ServiceName"])
            own = _own_name(network, name, taken=same is not None)
            with exhaustion(network, group):
                found = _make(actor, network, group, own, name, config, said["EPCommonName"])
    return {"EndpointConfig": record(found)}


def delete(actor: Actor, said: Body) -> Any:
    found = endpoint_in(_network(said), said["EndpointID"])
    if found is None:
        raise Refusal(MISSING)
    answer = {"EndpointConfig": record(found)}
    remove(actor, found)
    return answer


def update(actor: Actor, said: Body) -> Any:
    """A container started, or died. Other events are answered, and change nothing."""
    happened = EVENTS.get(said["Event"])
    if happened is not None and happened(said) is None:
        return None
    return {"IPAddress": said["IPAddress"]}


def _started(said: Body) -> Container:
    found = endpoint_in(_place(said), said["EndpointID"])
    if found is None:
        raise Refusal(MISSING)
    container = getattr(found, "container", None) or Container(endpoint=found, endpoint_name=found.name)
    container.running = bool(said["ContainerID"])
    container.reported_ip = said["IPAddress"]
    container.container = said["ContainerID"]
    container.common_name = said["EPCommonName"]
    container.labels = said["Labels"]
    _keep(container)
    if not container.running:
        raise Refusal(f"invalid ProviderID from providerInfo:{{&{{{_printed(said, found)}}}}}")
    return container


def _printed(said: Body, endpoint: Endpoint) -> str:
    """What Contiv knows of a container that has no id, as Go prints it."""
    labels, place = wire.map_text(said["Labels"]), f"{said['Tenant']} {said['Network']} []"
    return f"{said['IPAddress']} {said['ContainerID']} {labels} {place}  {full_id(endpoint)}"


def _died(said: Body) -> Container | None:
    """A container is known by its own id, wherever it was; of one that never started nothing is known, nor of one that
    answered for a service and died already."""
    name = said["ContainerID"]
    if not name:
        raise Refusal("invalid containerID in UpdateEndpointRequest:(nil)")
    rows = Container.objects.filter(container=name, endpoint__tenant__name=said["Tenant"])
    container = rows.select_related("endpoint").order_by("-running", "pk").first()
    if container is None or (not container.running and answers_for_any(container)):
        return None
    container.running = False
    _keep(container)
    return container


def _keep(container: Container) -> None:
    with transaction.atomic():
        container.save()
        note(container.endpoint.tenant_id, "containers")


EVENTS: dict[str, Callable[[Body], Container | None]] = {"start": _started, "die": _died}
VERBS: dict[str, Callable[[Actor, Body], Any]] = {
    "allocAddress": alloc_address,
    "releaseAddress": release_address,
    "createEndpoint": create,
    "deleteEndpoint": delete,
    "updateEndpoint": update,
}


def _network(said: Body) -> Network:
    tenant = tenant_called(said["TenantName"])
    found = named_in(tenant, Network, said["NetworkName"]) if tenant else None
    if found is None:
        raise Refusal(MISSING)
    return found


def _place(said: Body) -> Network:
    """Where a container started: plug-ins of Docker name the group's network, which is called as the group is."""
    tenant = tenant_called(said["Tenant"])
    name = said["Network"]
    if tenant is None:
        raise Refusal(MISSING)
    found = named_in(tenant, Network, name)
    if found is None:
        group = named_in(tenant, EndpointGroup, name)
        found = group.network if group else None
    if found is None:
        raise Refusal(MISSING)
    return found


def _group(network: Network, name: str) -> EndpointGroup | None:
    if not name:
        return None
    found = named_in(network.tenant, EndpointGroup, name)
    if found is None:
        raise Refusal(MISSING)
    return found


def _make(
    actor: Actor, network: Network, group: EndpointGroup | None, own: str, name: str, config: Body, common: str
) -> Endpoint:
    asked4, asked6 = config["IPAddress"], config["IPv6Address"] if network.subnet6 else ""
    # An address that was allocated before is kept for this very endpoint.
    asked = [one for one in (asked4, asked6) if one and not free_reservation(actor, network, one)]
    host = config["Host"]
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
    if asked:
        insert(Wording(kind=ENDPOINT, row=made.pk, members={"addresses": asked}))
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
