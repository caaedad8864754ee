"""The verbs on networks."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from core.labels import Labels
from networks import spaces
from networks.addresses import OF_FAMILY, check_family
from networks.allocation import free_again, space_of
from networks.kept import FAMILIES, Family, area_of, of_family, pools_of, reservations_of
from networks.models import AddressReservation, Encap, Endpoint, EndpointGroup, Network, NetworkKind, NumberSpace
from networks.tags import choose_tag, tag_free_again
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import FieldErrors, name_free, named_in, refuse, unused
from tenants.labels import follow_all
from tenants.models import Tenant
from tenants.storing import insert


def create_network(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    subnet4: str = "",
    gateway4: str = "",
    subnet6: str = "",
    gateway6: str = "",
    encap: str = Encap.VXLAN,
    tag: int | None = None,
    kind: str = NetworkKind.DATA,
    label: str = "",
    range4: str = "",
    range6: str = "",
    labels: Labels | None = None,
    pk: int | None = None,
) -> Network:
    """Make a network of at least one family. An empty gateway means none, an empty range all of the subnet; a subnet
    may also name its range, "20.1.1.10-20.1.1.50/24". `tag` None or 0 takes the lowest free one of the fabric's range
    for this encapsulation."""
    with change(actor=actor, tenant=tenant, verb="network.create") as step:
        row = Network(
            pk=pk, tenant=tenant, name=name, encap=encap, tag=tag or 0, kind=kind, label=label, labels=labels or {}
        )
        assign(row, subnet4=subnet4, gateway4=gateway4, range4=range4)
        assign(row, subnet6=subnet6, gateway6=gateway6, range6=range6)
        _check(row)
        row.generation = step.generation or 0
        insert(row)
        step.created(row)
    return row


def update_network(
    *,
    actor: Actor,
    row: Network,
    name: str | Keep = KEEP,
    subnet4: str | Keep = KEEP,
    gateway4: str | Keep = KEEP,
    subnet6: str | Keep = KEEP,
    gateway6: str | Keep = KEEP,
    encap: str | Keep = KEEP,
    tag: int | Keep | None = KEEP,
    kind: str | Keep = KEEP,
    label: str | Keep = KEEP,
    range4: str | Keep = KEEP,
    range6: str | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> Network:
    """Rename, set gateways, add a family. Once it has endpoints, a subnet it has with its range, the encapsulation and
    the tag stay: every address and every node would have to change at one moment. `tag` None or 0 leaves the tag as it
    is, unless the encapsulation changes."""
    with change(actor=actor, tenant=row.tenant, verb="network.update") as step:
        row = fresh(row)
        before, old = plain(row), fresh(row)
        assign(row, name=name, kind=kind, label=label, labels=labels, encap=encap)
        assign(row, subnet4=subnet4, gateway4=gateway4, range4=range4)
        assign(row, subnet6=subnet6, gateway6=gateway6, range6=range6)
        if tag is not KEEP:
            row.tag = tag or (row.tag if row.encap == old.encap else 0)
        _check(row, old)
        if step.same(row, before):
            return row
        row.generation = step.generation or 0
        row.save()
        _settle(row, old)
        step.updated(row, before)
    return row


def delete_network(*, actor: Actor, row: Network) -> None:
    """Delete a network nothing stands in and no rule names. Raises Refused naming who does."""
    with change(actor=actor, tenant=row.tenant, verb="network.delete") as step:
        row = fresh(row)
        unused(row, _users(row))
        before = recorded(row)
        row.delete()
        tag_free_again(row)
        follow_all(AddressReservation, before["reservations"], ())
        step.deleted(row, before)


def recorded(row: Network) -> dict[str, Any]:
    """A network for the record, with the addresses it keeps aside, which go with it."""
    return plain(row) | {"reservations": [plain(one) for one in row.reservations.order_by("pk")]}


def _check(row: Network, old: Network | None = None) -> None:
    errors = FieldErrors()
    errors.fields_of(row, exclude=["tag", *(f"{field}{family}" for field in OF_FAMILY for family in FAMILIES)])
    name_free(row, errors)
    for family in FAMILIES:
        check_family(row, family, errors)
    if not (row.subnet4 or row.subnet6 or errors.found):
        errors.add(
            "subnet4", "Give at least one subnet, for example 20.1.1.0/24 here or fd00:1::/64 for IPv6.", "needed"
        )
    if old is not None:
        _check_fixed(row, old, errors)
    errors.settle()
    if old is None or (row.encap, row.tag) != (old.encap, old.tag):
        row.tag = choose_tag(row)


def _check_fixed(row: Network, old: Network, errors: FieldErrors) -> None:
    """A family may be added under running endpoints; what they already stand on may not move."""
    moved = [f for f in ("encap", "tag") if getattr(row, f) != getattr(old, f)]
    moves = [(family, field) for family in FAMILIES if (field := _moved_space(row, old, family))]
    everybody = Endpoint.objects.filter(network=row)
    standing = {field: everybody.count() for field in moved}
    standing |= {field: everybody.exclude(**{f"ip{family}": None}).count() for family, field in moves}
    for field, count in standing.items():
        if count:
            says = f"This cannot change while the network has {count} endpoints. Make another network."
            errors.add(field, says, "fixed")
    for family, field in moves:
        for user in _kept_in(old, family)[:1]:
            errors.add(field, f"This cannot change while {user}. Remove that first.", "fixed")


def _moved_space(row: Network, old: Network, family: Family) -> str:
    """The field by which a family's addresses became others; "" when they did not."""
    fields = (f"subnet{family}", f"range{family}") if getattr(old, f"subnet{family}") else ()
    return next((field for field in fields if getattr(row, field) != getattr(old, field)), "")


def _kept_in(row: Network, family: Family) -> list[str]:
    """Who has addresses of the network's family set aside, as half-sentences."""
    return [
        *(f"group {pool.whose} has the pool {pool.addresses}" for pool in pools_of(row, family)),
        *(f"{kept.addresses} is reserved" for kept in reservations_of(row, family)),
    ]


def _settle(row: Network, old: Network) -> None:
    """Let what is free follow a network that was saved: its gateway's address, its tag, or all of a family's addresses,
    which nobody has then; they are counted when the next one is asked for."""
    for family in FAMILIES:
        if _moved_space(row, old, family):
            NumberSpace.objects.filter(network=row, what=f"ip{family}").delete()
            continue
        gateway, before = of_family(row, "gateway", family), of_family(old, "gateway", family)
        if before and before != gateway:
            free_again(row, before)
        if gateway and before != gateway:
            spaces.take(space_of(row, family), area_of(gateway))
    if (row.encap, row.tag) != (old.encap, old.tag):
        tag_free_again(old)


def _users(row: Network) -> list[str]:
    groups = EndpointGroup.objects.filter(network=row).values_list("name", flat=True)
    endpoints = Endpoint.objects.filter(network=row).values_list("name", flat=True)
    rules = row.peer_rules.filter(Q(peer="network")).values_list("policy__name", "name", "pk")
    return [
        *(f"group {name} is in it" for name in groups),
        *(f"endpoint {name} is in it" for name in endpoints),
        *(f"rule {name or pk} of policy {policy} names it" for policy, name, pk in rules),
    ]


def network_of(tenant: Tenant, name: str) -> Network:
    """The tenant's network of that name, or an error at `network`."""
    found: Network | None = named_in(tenant, Network, name)
    if found is None:
        refuse("network", f"Tenant {tenant.name} has no network {name}. Choose one from its list.", "unknown")
    return found
