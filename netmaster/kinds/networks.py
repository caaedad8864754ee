"""networks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import ipam
from netmaster.addresses import beyond, octets
from netmaster.endpoints import remove
from netmaster.kinds.base import Links, OwnedKind, Sets, its, tenant_named
from netmaster.kinds.rules import lose
from netmaster.local_tags import give_local_tag
from netmaster.models import Unlisted
from netmaster.oper import network_oper
from netmaster.refusal import Refusal
from netmaster.structs import NETWORK, Body
from netmaster.versions import Changed, note
from netmaster.world import World
from networks.actions import create_network, delete_network
from networks.addresses import handed_out, near
from networks.models import EndpointGroup, Fabric, Network, NetworkKind
from networks.tags import current_fabric
from tenants.change import Actor
from tenants.checks import named_in
from tenants.models import Tenant

SHORTEST, SHORTEST6 = 8, 16


class Networks(OwnedKind):
    collection, word, struct, model = "networks", "network", NETWORK, Network
    select = ("tenant", "local_tag")
    prefetch = (its("groups"), its("services"))

    def members(self, row: Network) -> Body:
        length = row.subnet4.partition("/")[2]
        return {
            "networkName": row.name,
            "tenantName": row.tenant.name,
            "nwType": row.kind,
            "encap": row.encap,
            "pktTag": row.tag,
            "subnet": f"{row.range4}/{length}" if row.range4 else row.subnet4,
            "gateway": row.gateway4,
            "ipv6Subnet": row.subnet6,
            "ipv6Gateway": row.gateway6,
            "cfgdTag": row.label,
        }

    def sets(self, row: Any) -> Sets:
        tenant = row.tenant.name
        return {
            "EndpointGroups": [("endpointGroup", f"{tenant}:{one.name}") for one in row.its_groups],
            "Servicelbs": [("serviceLB", f"{tenant}:{one.name}") for one in row.its_services],
        }

    def links(self, row: Network) -> Links:
        return {"Tenant": ("tenant", row.tenant.name)}

    def touched(self, entry: Changed) -> set[int] | None:
        if entry.kind == "network":
            return {entry.pk}
        return entry.either("network_id") if entry.kind in {"endpointgroup", "service"} else set()

    def create(self, actor: Actor, body: Body) -> Network:
        fabric = current_fabric()
        if not fabric.forwarding_mode:
            raise Refusal("Global configuration is not ready: global forwarding mode is not set")
        tenant = tenant_named(body["tenantName"])
        _refuse_overlap(tenant, body)
        if named_in(tenant, EndpointGroup, body["networkName"]):
            raise Refusal(f"EndpointGroup {body['networkName']} conflicts with the network name")
        _refuse_shape(body)
        _refuse_tag(fabric, body["encap"], body["pktTag"])
        first, last, prefix = spread(body["subnet"])
        subnet6 = _subnet6(body["ipv6Subnet"])
        with _some_tag(body["encap"]):
            row = create_network(
                actor=actor,
                tenant=tenant,
                name=body["networkName"],
                subnet4=prefix,
                range4=_narrowed(prefix, first, last) if "-" in body["subnet"] else "",
                gateway4=_gateway(prefix, body["gateway"]),
                subnet6=subnet6,
                gateway6=_gateway(subnet6, body["ipv6Gateway"]),
                encap=body["encap"],
                tag=body["pktTag"],
                kind=body["nwType"],
                label=body["cfgdTag"],
            )
        if row.encap == "vxlan":
            give_local_tag(row, new=True)
        return row

    def made(self, row: Any) -> Any:
        row.its_groups, row.its_services = [], []
        return row

    def update(self, actor: Actor, row: Network, body: Body) -> Network:
        raise Refusal("Cant change network parameters after its created")

    def delete(self, actor: Actor, row: Any) -> None:
        if count := row.groups.count():
            raise Refusal(f"cannot delete {row.name} has {count} endpoint groups")
        if count := row.services.count():
            raise Refusal(f"cannot delete {row.name} has {count} services ")
        if row.kind != NetworkKind.INFRA and row.endpoints.exists():
            raise Refusal("Error: Network has active endpoints", leaves=partial(_take_off, row))
        # What is in an infrastructure network are the nodes' own entrances: they go with it.
        for endpoint in row.endpoints.all():
            remove(actor, endpoint)
        lose(actor, row.peer_rules.all())
        delete_network(actor=actor, row=row)

    def oper(self, row: Network) -> Body:
        return network_oper(World(row.tenant, row), row)


def _take_off(row: Network) -> None:
    with transaction.atomic():
        Unlisted(network=row).save()
        note(row.tenant_id, "wordings")


def spread(subnet: str) -> tuple[str, str, str]:
    """First and last address of a subnet as a client writes it, and the prefix it lies in: host bits may be set, and
    "a-b/len" is the range a to b. Raises nothing: the pattern was checked."""
    ends, _, length = subnet.partition("/")
    first, _, last = ends.partition("-")
    prefix = ipam.prefix_around(first, length, 4)
    whole = ipam.span(prefix)
    if not last:
        return ipam.text_of(4, whole.first), ipam.text_of(4, whole.last), prefix
    return first, last, prefix


def _subnet6(subnet: str) -> str:
    """An IPv6 subnet without host bits; "" for one that no network may have, of which only the wording is kept."""
    address, _, length = subnet.partition("/")
    try:
        return ipam.subnet(ipam.prefix_around(address, length, 6), 6) if subnet else ""
    except ipam.AddressError:
        return ""


def _gateway(subnet: str, address: str) -> str:
    """A gateway as it can be; "" for an address that no interface of the subnet may have, of which only the wording is
    kept: there is no gateway then."""
    try:
        return ipam.host(subnet, address, "gateway") if subnet and address else ""
    except ipam.AddressError:
        return ""


def _refuse_overlap(tenant: Tenant, body: Body) -> None:
    """The ranges are compared, of IPv6 first, as Contiv does."""
    if subnet6 := _subnet6(body["ipv6Subnet"]):
        for other in near(tenant, 6, subnet6):
            if ipam.overlaps(subnet6, handed_out(other, 6)):
                raise Refusal(f"network {other.name} conflicts with subnetv6  {body['ipv6Subnet']}")
    first, last, prefix = spread(body["subnet"])
    mine = (octets(first), octets(last))
    for other in near(tenant, 4, prefix):
        theirs = ipam.span(handed_out(other, 4))
        if mine[0] <= theirs.last and theirs.first <= mine[1]:
            raise Refusal(f"network {other.name} conflicts with subnet {body['subnet']}")


def _refuse_shape(body: Body) -> None:
    first, last, prefix = spread(body["subnet"])
    length, span = _length(prefix), ipam.span(prefix)
    if octets(first) > octets(last) or octets(last) not in span:
        raise Refusal("Network subnet format not valid")
    if length < SHORTEST:
        raise Refusal(f"subnet length {length} not supported")
    if body["gateway"] and octets(body["gateway"]) not in span:
        raise beyond(body["gateway"], prefix)
    length6 = _length(body["ipv6Subnet"])
    if body["ipv6Gateway"] and length6 < SHORTEST6:
        raise Refusal(f"subnet length {length6} not supported")


def _length(subnet: str) -> int:
    """The length of a prefix; 0 of none."""
    return int(subnet.partition("/")[2] or 0)


def _narrowed(prefix: str, first: str, last: str) -> str:
    """Of a range the addresses that interfaces may have: a client may write the ends of its prefix along."""
    room = ipam.usable(prefix)
    low, high = max(octets(first), room.first), min(octets(last), room.last)
    if low > high:
        raise Refusal("Network subnet format not valid")
    return f"{ipam.text_of(4, low)}-{ipam.text_of(4, high)}"


@contextmanager
def _some_tag(encap: str) -> Iterator[None]:
    """Contiv's words where no tag is left."""
    try:
        yield
    except ValidationError as error:
        if any(one.code == "full" for one in getattr(error, "error_dict", {}).get("tag", ())):
            raise Refusal(f"no {encap}s available") from None
        raise


def _refuse_tag(fabric: Fabric, encap: str, tag: int) -> None:
    """Of a tag that is asked for; whether any is left is seen when one is chosen."""
    first, last = getattr(fabric, f"{encap}_first"), getattr(fabric, f"{encap}_last")
    if tag == 0:
        return
    if encap == "vxlan" and 0 < tag < first:
        raise Refusal("requested vxlan is out of range")
    if not first <= tag <= last or Network.objects.filter(encap=encap, tag=tag).exists():
        # Contiv prints the tag as a number without sign.
        where = f" - vlan:{tag % 2**64}" if encap == "vlan" else ""
        raise Refusal(f"requested {encap} not available{where}")
