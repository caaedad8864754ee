"""What is in a tenant's networks at this moment, read once for an answer that shows much of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from core import ipam
from netmaster import wording
from netmaster.allocation import ASKED
from netmaster.models import Container, Wording
from networks.models import AddressReservation, Endpoint, EndpointGroup, Network
from routing.models import Service
from tenants.models import Tenant

#: Under what the addresses are noted that a plug-in named.
ENDPOINT = "endpoint"


class World:
    """One tenant, or one network of it."""

    def __init__(self, tenant: Tenant, network: Network | None = None) -> None:
        self.tenant, self.network = tenant, network

    @cached_property
    def networks(self) -> list[Network]:
        if self.network is not None:
            return [self.network]
        return list(Network.objects.filter(tenant=self.tenant).select_related("local_tag").order_by("pk"))

    @cached_property
    def groups(self) -> list[EndpointGroup]:
        rows = EndpointGroup.objects.filter(network__in=self.networks).select_related("tenant", "network")
        return list(rows.order_by("pk"))

    @cached_property
    def endpoints(self) -> list[Endpoint]:
        rows = Endpoint.objects.filter(network__in=self.networks)
        rows = rows.select_related("tenant", "network", "group__contiv_number", "node", "container")
        return list(rows.order_by("pk"))

    @cached_property
    def reserved(self) -> dict[int, list[ipam.Span]]:
        """What is kept aside, by network, but for what a plug-in or a service asked for."""
        found: dict[int, list[ipam.Span]] = defaultdict(list)
        rows = AddressReservation.objects.filter(network__in=self.networks).exclude(note=ASKED)
        kept = list(rows.values_list("network_id", "addresses"))
        asked = _asked_by_services(self.networks) if kept else set()
        for network, addresses in kept:
            if (network, addresses) not in asked:
                found[network].append(ipam.span(addresses))
        return found

    @cached_property
    def named(self) -> dict[int, list[str]]:
        """The addresses that plug-ins asked for without having been given them, by endpoint."""
        found: dict[int, list[str]] = defaultdict(list)
        those = Endpoint.objects.filter(network__in=self.networks).values("pk")
        rows = Wording.objects.filter(kind=ENDPOINT, row__in=those).values_list("row", "members")
        return found | {pk: members["addresses"] for pk, members in rows}

    def endpoints_of(self, network: Network) -> list[Endpoint]:
        return [one for one in self.endpoints if one.network_id == network.pk]

    def members_of(self, group: EndpointGroup) -> list[Endpoint]:
        return [one for one in self.endpoints if one.group_id == group.pk]


def _asked_by_services(networks: list[Network]) -> set[tuple[int, str]]:
    """Addresses of services that were asked for, each with its network: those that clients read of their services.
    Of one that was chosen here the wording says that none was asked for."""
    rows = list(Service.objects.filter(network__in=networks).values_list("pk", "network_id", "address"))
    words = wording.of_all("serviceLB", [pk for pk, _, _ in rows]) if rows else {}
    return {
        (network, f"{address}-{address}")
        for pk, network, address in rows
        if wording.applied({"ipAddress": address}, words.get(pk, {}))["ipAddress"]
    }


def container_of(endpoint: Endpoint) -> Container:
    """What is known of the container behind an endpoint; of one made elsewhere, its name and its node."""
    found: Container | None = getattr(endpoint, "container", None)
    if found is not None:
        return found
    return Container(endpoint=endpoint, endpoint_name=endpoint.name, host=endpoint.node.name if endpoint.node else "")


def spans_of(addresses: Iterable[str | None], family: int) -> list[ipam.Span]:
    return [span for one in addresses if one and (span := ipam.span(one)).version == family]
