"""How services and what is kept for BGP and ACI read and are written in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contivui.web.fields import Ref, Refs
from networks.models import EndpointGroup, Network
from routing.models import STORED_ONLY, ContractKind
from tenants.serializers import OwnedSerializer


class InEffect(serializers.CharField):
    """Says in every answer that nodes do nothing about it yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, source="pk", help_text="Whether nodes act on it.")

    def to_representation(self, value: Any) -> str:
        return STORED_ONLY


class ServiceSerializer(OwnedSerializer):
    name = serializers.CharField(max_length=256)
    network = Ref(Network, "network")
    address = serializers.CharField(required=False, allow_null=True, help_text="None: the lowest free one.")
    selectors = serializers.DictField(
        child=serializers.CharField(max_length=256, allow_blank=True), help_text="Labels its endpoints have."
    )
    ports = serializers.ListField(child=serializers.CharField(max_length=32), help_text="For example 80:8080:TCP.")
    state = InEffect()


class AppProfileSerializer(OwnedSerializer):
    groups = Refs(EndpointGroup, "group", required=False)
    state = InEffect()


class ContractGroupSerializer(OwnedSerializer):
    kind = serializers.ChoiceField(ContractKind.choices)
    contracts = serializers.ListField(
        child=serializers.CharField(max_length=500), required=False, help_text="For example uni/tn-common/brc-default."
    )
    groups = Refs(EndpointGroup, "group", required=False)
    state = InEffect()


class BgpPeerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=256, help_text="The host name of the node.")
    router_address = serializers.CharField(max_length=18, help_text="The node's own, for example 50.1.1.1/24.")
    asn = serializers.CharField(max_length=10, required=False, allow_blank=True, help_text="For example 65001.")
    neighbor = serializers.IPAddressField(protocol="ipv4", required=False, allow_null=True)
    neighbor_asn = serializers.CharField(max_length=10, required=False, allow_blank=True)
    state = InEffect()


class AciGatewaySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)
    physical_domain = serializers.CharField(max_length=128)
    path_bindings = serializers.CharField(
        required=False, allow_blank=True, help_text="For example topology/pod-1/paths-101/pathep-[eth1/14]."
    )
    node_bindings = serializers.CharField(
        required=False, allow_blank=True, help_text="For example topology/pod-1/node-101."
    )
    enforce_policies = serializers.BooleanField(required=False)
    include_common_tenant = serializers.BooleanField(required=False)
    state = InEffect()
