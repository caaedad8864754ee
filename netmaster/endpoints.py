"""Endpoints as plug-ins name them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from netmaster import wording
from netmaster.group_numbers import group_number
from netmaster.models import Container
from netmaster.structs import Body
from netmaster.world import ENDPOINT, container_of
from networks.actions import delete_endpoint
from networks.models import Endpoint, Network
from tenants.change import Actor, as_one
from tenants.checks import named_in
from tenants.lookup import Columns, Lookup

#: What an endpoint may be called by: its name here, its id, its container, its container's name.
NAMES = ("name", "container__endpoint_name", "container__container", "container__common_name")


#: By the name alone, each with its network: asked for both, SQLite goes through all endpoints of the network.
TOLD = Columns(
    lambda name: (
        Container.objects.filter(endpoint_name=name).order_by("pk").values_list("endpoint_id", "endpoint__network_id")
    ),
    str,
)
CONTAINER = Lookup(lambda endpoint: Container.objects.filter(endpoint=endpoint), int)


def endpoint_named(key: str, among: QuerySet[Endpoint]) -> Endpoint | None:
    """The endpoint called so among some, or else the first whose name begins so, in the order of their full ids."""
    for how in ("", "__startswith"):
        asked = Q()
        for name in NAMES:
            asked |= Q(**{f"{name}{how}": key})
        found = sorted(loaded(among.filter(asked)), key=full_id)
        if found:
            return found[0]
    return None


def loaded(rows: QuerySet[Endpoint]) -> QuerySet[Endpoint]:
    return rows.select_related("tenant", "network", "group__contiv_number", "node", "container")


def endpoint_in(network: Network, name: str) -> Endpoint | None:
    """The endpoint a plug-in calls so in a network."""
    return told_in(network, name) or untold(network, named_in(network.tenant, Endpoint, name))


def told_in(network: Network, name: str) -> Endpoint | None:
    """The one a plug-in told us of under this name."""
    found = next((endpoint for endpoint, where in TOLD.all(name) if where == network.pk), None)
    return loaded(Endpoint.objects.filter(pk=found)).get() if found else None


def untold(network: Network, named: Endpoint | None) -> Endpoint | None:
    """The endpoint that has the name here, if it is in the network and no plug-in calls it otherwise."""
    if named is None or named.network_id != network.pk or CONTAINER.first(named.pk):
        return None
    return loaded(Endpoint.objects.filter(pk=named.pk)).get()


def remove(actor: Actor, endpoint: Endpoint) -> None:
    """Delete an endpoint with what was noted of it here."""
    with as_one():
        wording.forget(ENDPOINT, endpoint.pk)
        delete_endpoint(actor=actor, row=endpoint)


def full_id(endpoint: Endpoint) -> str:
    network, tenant = endpoint.network.name, endpoint.tenant.name
    return f"{network}.{tenant}-{container_of(endpoint).endpoint_name}"


def record(endpoint: Endpoint) -> Body:
    """An endpoint as plug-ins read it: every member is there, also those that say nothing."""
    container: Container = container_of(endpoint)
    group, tenant = endpoint.group, endpoint.tenant.name
    return {
        "id": full_id(endpoint),
        "netID": f"{endpoint.network.name}.{tenant}",
        "endpointID": container.endpoint_name,
        "serviceName": group.name if group else "",
        "endpointGroupId": group_number(group) if group else 0,
        "endpointGroupKey": f"{group.name}:{tenant}" if group else "",
        "ipAddress": endpoint.ip4 or "",
        "ipv6Address": endpoint.ip6 or "",
        "macAddress": endpoint.mac,
        "homingHost": container.host,
        "intfName": "",
        "vtepIP": "",
        "labels": container.labels and dict(sorted(container.labels.items())),
        "containerId": container.container,
        "epCommonName": container.common_name,
    }
