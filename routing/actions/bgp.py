"""The verbs on BGP peers."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Interface, NetmaskValueError

from routing.models import BgpPeer
from tenants.change import KEEP, Actor, Keep, assign, change, held, plain
from tenants.checks import FieldErrors, name_free

LAST_ASN = 2**32 - 1


def create_bgp_peer(
    *,
    actor: Actor,
    name: str,
    router_address: str,
    asn: str = "",
    neighbor: str | None = None,
    neighbor_asn: str = "",
    pk: int | None = None,
) -> BgpPeer:
    """Say which router the node `name` speaks BGP with. `router_address` is the node's own, with its prefix length."""
    with change(actor=actor, tenant=None, verb="bgp.create") as step:
        row = BgpPeer(pk=pk, name=name, router_address=router_address, asn=asn)
        assign(row, neighbor=neighbor or None, neighbor_asn=neighbor_asn)
        _check(row)
        row.save()
        step.created(row)
    return row


def update_bgp_peer(
    *,
    actor: Actor,
    row: BgpPeer,
    name: str | Keep = KEEP,
    router_address: str | Keep = KEEP,
    asn: str | Keep = KEEP,
    neighbor: str | Keep | None = KEEP,
    neighbor_asn: str | Keep = KEEP,
) -> BgpPeer:
    """Change what is given."""
    with change(actor=actor, tenant=None, verb="bgp.update") as step:
        row = held(row)
        before = plain(row)
        assign(row, name=name, router_address=router_address, asn=asn, neighbor_asn=neighbor_asn)
        assign(row, neighbor=neighbor if neighbor is KEEP else neighbor or None)
        _check(row)
        if step.same(row, before):
            return row
        row.save()
        step.updated(row, before)
    return row


def delete_bgp_peer(*, actor: Actor, row: BgpPeer) -> None:
    with change(actor=actor, tenant=None, verb="bgp.delete") as step:
        row = held(row)
        before = plain(row)
        row.delete()
        step.deleted(row, before)


def _check(row: BgpPeer) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    name_free(row, errors)
    try:
        length = IPv4Interface(row.router_address).network.prefixlen
    except (AddressValueError, NetmaskValueError, ValueError):
        length = 0
    if "/" not in row.router_address or not 1 <= length <= 31:
        errors.add("router_address", "Give an address with its prefix length, for example 50.1.1.1/24.", "prefix")
    for field in ("asn", "neighbor_asn"):
        said = getattr(row, field)
        if said and not (said.isascii() and said.isdigit() and 1 <= int(said) <= LAST_ASN):
            errors.add(field, f"An AS number is 1 to {LAST_ASN}, for example 65001.", "asn")
    errors.settle()
