"""serviceLBs: an address is kept for each, and its providers are known; nodes do not balance yet."""

from __future__ import annotations

import re

from core import ipam
from netmaster.addresses import beyond, octets
from netmaster.allocation import exhaustion
from netmaster.kinds.base import Links, OwnedKind, tenant_named
from netmaster.oper import endpoint_oper
from netmaster.providers import providers_of
from netmaster.refusal import Refusal
from netmaster.structs import SERVICE, Body
from netmaster.wire import filled
from networks.models import Network
from routing.actions import create_service, delete_service, update_service
from routing.models import Service
from tenants.change import Actor
from tenants.checks import named_in
from tenants.models import Tenant

PORT = re.compile(r"([0-9]{1,5}):([0-9]{1,5}):(tcp|udp)", re.ASCII | re.IGNORECASE)
LAST_PORT = 65535


class Services(OwnedKind):
    collection, word, struct, model = "serviceLBs", "serviceLB", SERVICE, Service
    select = ("tenant", "network")

    def members(self, row: Service) -> Body:
        return {
            "serviceName": row.name,
            "tenantName": row.tenant.name,
            "networkName": row.network.name,
            "ipAddress": row.address,
            "selectors": [f"{label}={value}" for label, value in row.selectors.items()],
            "ports": row.ports,
        }

    def links(self, row: Service) -> Links:
        tenant = row.tenant.name
        return {"Network": ("network", f"{tenant}:{row.network.name}"), "Tenant": ("tenant", tenant)}

    def create(self, actor: Actor, body: Body) -> Service:
        tenant, network, said = _said(body)
        asked = body["ipAddress"]
        if asked and network.subnet4 and octets(asked) not in ipam.span(network.subnet4):
            raise beyond(asked, network.subnet4)
        name = body["serviceName"]
        with exhaustion(network):
            return create_service(actor=actor, tenant=tenant, name=name, network=network, address=asked, **said)

    def update(self, actor: Actor, row: Service, body: Body) -> Service:
        """Contiv makes it anew and keeps its address, whichever one is asked for."""
        _, network, said = _said(body)
        with exhaustion(network):
            return update_service(actor=actor, row=row, network=network, **said)

    def echo(self, row: Service, body: Body) -> Body:
        """What was made anew is answered as such."""
        return self.show(row)

    def delete(self, actor: Actor, row: Service) -> None:
        delete_service(actor=actor, row=row)

    def oper(self, row: Service) -> Body:
        # A provider is shown with the service's name where its group's would stand.
        shown = [endpoint_oper(one.endpoint) | {"serviceName": row.name} for one in providers_of(row)]
        return filled({"serviceVip": row.address, "numProviders": len(shown), "providers": shown})


def _said(body: Body) -> tuple[Tenant, Network, Body]:
    """Where a service is and what it is for, looked at in Contiv's order."""
    if not body["selectors"]:
        raise Refusal("Invalid selector options")
    ports = _ports(body["ports"])
    tenant = tenant_named(body["tenantName"], f"Tenant {body['tenantName']} not found")
    network: Network | None = named_in(tenant, Network, body["networkName"])
    if network is None:
        raise Refusal(f"Network {body['networkName']} not found")
    return tenant, network, {"ports": ports, "selectors": _selectors(body["selectors"])}


def _selectors(texts: list[str]) -> dict[str, str]:
    """A label may be asked for with no value."""
    found = {}
    for text in texts:
        label, equals, value = text.partition("=")
        if not (label and equals) or "=" in value:
            raise Refusal(f"Invalid selector {text}. selector format is key1=value1")
        found[label] = value
    return found


def _ports(texts: list[str]) -> list[str]:
    """Each must be right, not the first alone; the protocol in capitals."""
    for text in texts or [""]:
        found = PORT.fullmatch(text)
        if found is None or not all(1 <= int(found[n]) <= LAST_PORT for n in (1, 2)):
            raise Refusal("Invalid Port maping . Port format is - Port:TargetPort:Protocol")
    return [text.upper() for text in texts]
