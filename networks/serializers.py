"""How networks, groups, endpoints, nodes and the fabric read and are written in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contivui.web.fields import Ref, TenantName
from networks.actions.join_token import MOST_TOKEN_HOURS
from networks.models import ArpMode, Encap, EndpointGroup, ForwardingMode, InfraType, Knock, Network, NetworkKind, Node
from tenants.models import Tenant
from tenants.serializers import LabelsField, OwnedSerializer

RANGE = "The addresses it hands out, for example {}; empty: all of the subnet."
POOL = "Addresses only this group draws from, for example {}; empty: what is left of the network."
LABEL = "A second name of your own choice; need not be unique."


class NetworkSerializer(OwnedSerializer):
    subnet4 = serializers.CharField(required=False, allow_blank=True, help_text="For example 20.1.1.0/24.")
    gateway4 = serializers.CharField(required=False, allow_blank=True, help_text="For example 20.1.1.254; empty: none.")
    subnet6 = serializers.CharField(required=False, allow_blank=True, help_text="For example fd00:20:1::/64.")
    gateway6 = serializers.CharField(required=False, allow_blank=True, help_text="For example fd00:20:1::fe.")
    range4 = serializers.CharField(required=False, allow_blank=True, help_text=RANGE.format("20.1.1.10-20.1.1.50"))
    range6 = serializers.CharField(
        required=False, allow_blank=True, help_text=RANGE.format("fd00:20:1::10-fd00:20:1::50")
    )
    kind = serializers.ChoiceField(NetworkKind.choices, required=False, help_text="infra: of the nodes themselves.")
    label = serializers.CharField(  # type: ignore[assignment]  # the word means something else in the stubs
        required=False, allow_blank=True, max_length=128, help_text=LABEL
    )
    encap = serializers.ChoiceField(Encap.choices, required=False)
    tag = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, help_text="VLAN id or VNI; 0 or none: the lowest free one."
    )


class GroupSerializer(OwnedSerializer):
    network = Ref(Network, "network")
    label = serializers.CharField(  # type: ignore[assignment]  # the word means something else in the stubs
        required=False, allow_blank=True, max_length=128, help_text=LABEL
    )
    pool4 = serializers.CharField(required=False, allow_blank=True, help_text=POOL.format("20.1.1.10-20.1.1.50"))
    pool6 = serializers.CharField(required=False, allow_blank=True, help_text=POOL.format("fd00::10-fd00::50"))


class RangeSerializer(serializers.Serializer[Any]):
    """Addresses in one state. Endpoints that are neighbours are one range; one alone has its name in `what`."""

    first = serializers.CharField()
    last = serializers.CharField()
    state = serializers.ChoiceField(["free", "pool", "endpoint", "gateway", "reserved"], help_text="pool: free in it.")
    what = serializers.CharField(help_text="An endpoint's name, a reservation's note, the group of a pool; or empty.")
    count = serializers.IntegerField(help_text="How many addresses.")


class OccupancySerializer(serializers.Serializer[Any]):
    """What of a family is free: the addresses first..last and, where it lies outside, the gateway, in order."""

    subnet = serializers.CharField()
    routed = serializers.BooleanField(
        help_text="Whether nodes route it: it has a gateway, and no older network with one shares its prefix."
    )
    first = serializers.CharField()
    last = serializers.CharField()
    free = serializers.IntegerField(help_text="How many addresses are free, those of pools among them.")
    in_use = serializers.IntegerField(help_text="How many endpoints have.")
    ranges = RangeSerializer(many=True)
    next = serializers.CharField(help_text="Ask for `?from=` this for the ranges that follow; empty after the last.")


class NetworkAddressesSerializer(serializers.Serializer[Any]):
    """By family; null where the network has none."""

    ip4 = OccupancySerializer(allow_null=True)
    ip6 = OccupancySerializer(allow_null=True)


class ReservationSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    tenant = TenantName(Tenant, required=False)
    network = Ref(Network, "network", anchors=True)
    addresses = serializers.CharField(max_length=79, help_text="For example 20.1.1.5 or 20.1.1.5-20.1.1.9.")
    note = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="Why, and for whom.")
    labels = LabelsField()


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
    labels = LabelsField()


class NewNodeSerializer(NodeSerializer):
    """A node with the token its machine joins with, which nobody can read again."""

    token = serializers.CharField(read_only=True)


class NodeTokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(read_only=True, help_text="Lets the machine in once, within a day.")


class JoinTokenSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    node = Ref(Node, "node", required=False, allow_null=True, help_text="None: for a machine of a new name.")
    hours = serializers.IntegerField(
        required=False, write_only=True, min_value=1, max_value=MOST_TOKEN_HOURS, help_text="It lasts; 24 if left out."
    )
    state = serializers.CharField(read_only=True, help_text="open, used, ended or expired.")
    created_at = serializers.DateTimeField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)
    used_at = serializers.DateTimeField(read_only=True, allow_null=True)
    ended_at = serializers.DateTimeField(read_only=True, allow_null=True)


class NewJoinTokenSerializer(JoinTokenSerializer):
    """A join token with its text, which nobody can read again."""

    token = serializers.CharField(read_only=True)


class NodeCertificateSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    node = Ref(Node, "node", read_only=True)
    name = serializers.CharField(read_only=True, help_text="The node's name when it was given.")
    fingerprint = serializers.CharField(read_only=True, help_text="SHA-256 of the certificate.")
    state = serializers.CharField(read_only=True, help_text="good, revoked or expired.")
    issued_at = serializers.DateTimeField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)
    revoked_at = serializers.DateTimeField(read_only=True, allow_null=True)


class KnockSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    node = Ref(Node, "node", read_only=True, allow_null=True, help_text="Whom it is about, where that is known.")
    why = serializers.ChoiceField(Knock.Why.choices, read_only=True)
    claimed = serializers.CharField(read_only=True, help_text="The name the caller gave itself.")
    address = serializers.CharField(read_only=True, allow_null=True)
    first_at = serializers.DateTimeField(read_only=True)
    last_at = serializers.DateTimeField(read_only=True)
    times = serializers.IntegerField(read_only=True)


class FabricSerializer(serializers.Serializer[Any]):
    vlan_first = serializers.IntegerField(required=False)
    vlan_last = serializers.IntegerField(required=False)
    vxlan_first = serializers.IntegerField(required=False)
    vxlan_last = serializers.IntegerField(required=False)
    forwarding_mode = serializers.ChoiceField(ForwardingMode.choices, required=False, allow_blank=True)
    arp_mode = serializers.ChoiceField(ArpMode.choices, required=False, allow_blank=True)
    infra_type = serializers.ChoiceField(InfraType.choices, required=False, allow_blank=True)
    private_subnet = serializers.CharField(required=False, help_text="A /16, for example 172.19.0.0/16.")
