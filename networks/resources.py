"""What is uniform about networks, reservations, groups, endpoints, nodes and how those join."""

from __future__ import annotations

from contivui.web.filters import ContainsFilter
from contivui.web.resource import Resource
from networks import actions
from networks.models import (
    AddressReservation,
    Endpoint,
    EndpointGroup,
    JoinToken,
    Knock,
    Network,
    Node,
    NodeCertificate,
)
from networks.serializers import (
    EndpointSerializer,
    GroupSerializer,
    JoinTokenSerializer,
    KnockSerializer,
    NetworkSerializer,
    NodeCertificateSerializer,
    NodeSerializer,
    ReservationSerializer,
)

NETWORK = Resource(
    model=Network,
    name="network",
    plural="networks",
    serializer=NetworkSerializer,
    create=actions.create_network,
    update=actions.update_network,
    delete=actions.delete_network,
    search=("name", "subnet4", "subnet6", "labels"),
    filters=("name", "encap", "tag", "kind", "label", "subnet4", "subnet6", "gateway4", "gateway6"),
    more_filters={"contains": lambda: ContainsFilter(v4="subnet4", v6="subnet6")},
    ordering=("name", "tag", "generation"),
    select=("tenant",),
)
RESERVATION = Resource(
    model=AddressReservation,
    name="reservation",
    plural="reservations",
    serializer=ReservationSerializer,
    create=actions.create_reservation,
    update=actions.update_reservation,
    delete=actions.delete_reservation,
    search=("addresses", "note", "labels"),
    filters=("network", "addresses"),
    ordering=(),
    select=("network__tenant",),
)
GROUP = Resource(
    model=EndpointGroup,
    name="group",
    plural="groups",
    serializer=GroupSerializer,
    create=actions.create_group,
    update=actions.update_group,
    delete=actions.delete_group,
    search=("name", "labels"),
    filters=("name", "network", "label", "pool4", "pool6"),
    ordering=("name", "generation"),
    select=("tenant", "network"),
)
ENDPOINT = Resource(
    model=Endpoint,
    name="endpoint",
    plural="endpoints",
    serializer=EndpointSerializer,
    create=actions.create_endpoint,
    update=actions.update_endpoint,
    delete=actions.delete_endpoint,
    search=("name", "ip4", "ip6", "mac", "labels"),
    filters=("name", "network", "group", "node", "ip4", "ip6", "mac"),
    ordering=("name", "generation"),
    select=("tenant", "network", "group", "node"),
)
#: Its create verb answers the node and its one-time token.
NODE = Resource(
    model=Node,
    name="node",
    plural="nodes",
    serializer=NodeSerializer,
    create=actions.create_node,
    update=actions.update_node,
    delete=actions.delete_node,
    search=("name", "vtep", "labels"),
    filters=("name", "vtep"),
    scope="cluster",
    hold=actions.hold_nodes,
)
JOIN_TOKEN = Resource(
    model=JoinToken,
    name="join_token",
    plural="join-tokens",
    serializer=JoinTokenSerializer,
    create=actions.make_join_token,
    delete=actions.end_join_token,
    search=("node__name",),
    filters=("node",),
    ordering=("created_at", "expires_at"),
    select=("node",),
    scope="cluster",
)
NODE_CERTIFICATE = Resource(
    model=NodeCertificate,
    name="node_certificate",
    plural="node-certificates",
    serializer=NodeCertificateSerializer,
    search=("name", "fingerprint"),
    filters=("node", "fingerprint"),
    ordering=("issued_at", "expires_at"),
    select=("node",),
    scope="cluster",
)
#: Who was turned away.
KNOCK = Resource(
    model=Knock,
    name="knock",
    plural="knocks",
    serializer=KnockSerializer,
    search=("claimed", "node__name"),
    filters=("node", "why", "address"),
    ordering=("first_at", "last_at"),
    select=("node",),
    scope="cluster",
)
