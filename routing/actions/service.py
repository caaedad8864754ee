"""The verbs on services."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.labels import Labels
from networks.models import Network
from routing.addresses import free_address, take_address
from routing.models import Service
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import check_named, owned, refuse
from tenants.models import Tenant

PORT = re.compile(r"([0-9]{1,5}):([0-9]{1,5}):(TCP|UDP)", re.ASCII)
LONGEST = 256


def create_service(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    network: Network,
    selectors: Mapping[str, str],
    ports: Sequence[str],
    address: str | None = None,
    labels: Labels | None = None,
    pk: int | None = None,
) -> Service:
    """Keep an address of the network (the lowest free one, unless asked for) for endpoints with these labels."""
    with change(actor=actor, tenant=tenant, verb="service.create") as step:
        row = Service(pk=pk, tenant=tenant, name=name, network=owned("network", network, tenant))
        assign(row, selectors=dict(selectors), ports=list(ports), labels=labels or {})
        _check(row)
        take_address(row, address)
        row.generation = step.generation or 0
        row.save()
        step.created(row)
    return row


def update_service(
    *,
    actor: Actor,
    row: Service,
    name: str | Keep = KEEP,
    network: Network | Keep = KEEP,
    selectors: Mapping[str, str] | Keep = KEEP,
    ports: Sequence[str] | Keep = KEEP,
    address: str | Keep | None = KEEP,
    labels: Labels | Keep = KEEP,
) -> Service:
    """Change what it is for. It keeps its address; another network means another address, lowest free or asked for."""
    with change(actor=actor, tenant=row.tenant, verb="service.update") as step:
        row = fresh(row)
        before, old = plain(row), fresh(row)
        assign(row, name=name, labels=labels, selectors=selectors if selectors is KEEP else dict(selectors))
        assign(row, ports=ports if ports is KEEP else list(ports))
        if network is not KEEP:
            row.network = owned("network", network, row.tenant)
        _check(row)
        if row.network_id != old.network_id or (address is not KEEP and address and address != row.address):
            free_address(old)
            take_address(row, None if address is KEEP else address)
        if step.same(row, before):
            return row
        row.generation = step.generation or 0
        row.save()
        step.updated(row, before)
    return row


def delete_service(*, actor: Actor, row: Service) -> None:
    """Delete a service; its address is free again."""
    with change(actor=actor, tenant=row.tenant, verb="service.delete") as step:
        row = fresh(row)
        before = plain(row)
        free_address(row)
        row.delete()
        step.deleted(row, before)


def _check(row: Service) -> None:
    check_named(row, exclude=["address", "selectors", "ports"])
    parts = [part for pair in row.selectors.items() for part in pair]
    wrong = any(not isinstance(part, str) or len(part) > LONGEST for part in parts) or not all(row.selectors)
    if wrong or not row.selectors:
        refuse("selectors", "Give at least one label its endpoints have, for example app=web.", "needed")
    if not row.ports or not all(_is_port(one) for one in row.ports):
        refuse("ports", "Give at least one port as port:port of the endpoint:TCP, for example 80:8080:TCP.", "ports")


def _is_port(text: object) -> bool:
    found = PORT.fullmatch(text) if isinstance(text, str) else None
    return found is not None and all(1 <= int(found[n]) <= 65535 for n in (1, 2))
