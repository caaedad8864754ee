"""How networks, groups, endpoints, nodes and the fabric read and are written in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contivui.web.fields import Ref
from networks.models import Encap, EndpointGroup, Network, Node
from tenants.serializers import OwnedSerializer


class NetworkSerializer(OwnedSerializer):
    subnet4 = serializers.CharField(required=False, allow_blank=True, help_text="For example 20.1.1.0/24.")
    gateway4 = serializers.CharField(required=False, allow_blank=True, help_text="For example 20.1.1.254; empty: none.")
    subnet6 = serializers.CharField(required=False, allow_blank=True, help_text="For example fd00:20:1::/64.")
    gateway6 = serializers.CharField(required=False, allow_blank=True, help_text="For example fd00:20:1::fe.")
    encap = serializers.ChoiceField(Encap.choices, required=False)
    tag = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, help_text="VLAN id or VNI; 0 or none: the lowest free one."
    )


class GroupSerializer(OwnedSerializer):
    network = Ref(Network, "network")


class EndpointSerializer(OwnedSerializer):
    network = Ref(Network, "network")
    group = Ref(EndpointGroup, "group", required=False, allow_null=True)
    node = Ref(Node, "node", required=False, allow_null=True, help_text="Cluster administrators place endpoints.")
    mac = serializers.CharField(read_only=True)
    ip4 = serializers.CharField(required=False, allow_null=True, help_text="None: the lowest free one.")
    ip6 = serializers.CharField(required=False, allow_null=True, help_text="None: the lowest free one.")


class NodeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=64)
    vtep = serializers.IPAddressField(protocol="ipv4", help_text="Underlay address its VXLAN traffic comes from.")


class NewNodeSerializer(NodeSerializer):
    """A node with its token, which nobody can read again."""

    token = serializers.CharField(read_only=True)


class NodeTokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(read_only=True, help_text="Replaces the old one. Nobody can read it again.")


class FabricSerializer(serializers.Serializer[Any]):
    vlan_first = serializers.IntegerField(required=False)
    vlan_last = serializers.IntegerField(required=False)
    vxlan_first = serializers.IntegerField(required=False)
    vxlan_last = serializers.IntegerField(required=False)
