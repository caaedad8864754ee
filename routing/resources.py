"""What is uniform about services, application profiles, contract groups, BGP peers and the ACI gateway."""

from __future__ import annotations

from contivui.web.resource import Resource
from routing import actions, serializers
from routing.models import AciGateway, AppProfile, BgpPeer, ContractGroup, Service

SERVICE = Resource(
    model=Service,
    name="service",
    plural="services",
    serializer=serializers.ServiceSerializer,
    create=actions.create_service,
    update=actions.update_service,
    delete=actions.delete_service,
    search=("name", "address", "labels"),
    filters=("name", "network", "address"),
    ordering=("name", "generation"),
    select=("tenant", "network"),
)
APP_PROFILE = Resource(
    model=AppProfile,
    name="app",
    plural="app-profiles",
    serializer=serializers.AppProfileSerializer,
    create=actions.create_app_profile,
    update=actions.update_app_profile,
    delete=actions.delete_app_profile,
    search=("name", "labels"),
    filters=("name", "groups"),
    ordering=("name", "generation"),
    select=("tenant",),
    prefetch=("groups",),
)
CONTRACT_GROUP = Resource(
    model=ContractGroup,
    name="contract",
    plural="contract-groups",
    serializer=serializers.ContractGroupSerializer,
    create=actions.create_contract_group,
    update=actions.update_contract_group,
    delete=actions.delete_contract_group,
    search=("name", "labels"),
    filters=("name", "kind", "groups"),
    ordering=("name", "generation"),
    select=("tenant",),
    prefetch=("groups",),
)
BGP_PEER = Resource(
    model=BgpPeer,
    name="bgp",
    plural="bgp-peers",
    serializer=serializers.BgpPeerSerializer,
    create=actions.create_bgp_peer,
    update=actions.update_bgp_peer,
    delete=actions.delete_bgp_peer,
    search=("name", "router_address", "neighbor"),
    filters=("name", "router_address", "asn", "neighbor", "neighbor_asn"),
    scope="cluster",
)
ACI_GATEWAY = Resource(
    model=AciGateway,
    name="aci",
    plural="aci-gateways",
    serializer=serializers.AciGatewaySerializer,
    create=actions.create_gateway,
    update=actions.update_gateway,
    delete=actions.delete_gateway,
    search=("physical_domain",),
    filters=("physical_domain",),
    scope="cluster",
)
