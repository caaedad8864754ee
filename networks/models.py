"""Where: networks, the groups of endpoints in them, the endpoints, and the nodes that carry them."""

from __future__ import annotations

from typing import Any, Literal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import ipam
from networks.credentials import JoinToken, Knock, NodeCertificate
from tenants.labels import Labelled
from tenants.models import NAME_PATTERN, ClusterOwnedQuerySet, Tenant, TenantOwned, TenantOwnedQuerySet, validate_name

__all__ = ["JoinToken", "Knock", "NodeCertificate"]

#: Labels are written like names, only longer.
validate_label = RegexValidator(NAME_PATTERN, validate_name.message, code="name")


class Encap(models.TextChoices):
    VXLAN = "vxlan", "VXLAN"
    VLAN = "vlan", "VLAN"


class ForwardingMode(models.TextChoices):
    BRIDGE = "bridge", _("Bridge")
    ROUTING = "routing", _("Routing")


class ArpMode(models.TextChoices):
    PROXY = "proxy", _("Proxy")
    FLOOD = "flood", _("Flood")


class InfraType(models.TextChoices):
    DEFAULT = "default", _("Default")
    ACI = "aci", "ACI"
    ACI_OPFLEX = "aci-opflex", "ACI OpFlex"


class Fabric(models.Model):
    """The one row of settings all tenants share. Locked while a tag is chosen.

    Networks take their tags from the ranges. The modes, the type and the private subnet are what Contiv's clients set
    and read; "" is what a client left out.
    """

    vlan_first = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(4094)])
    vlan_last = models.PositiveIntegerField(default=4094, validators=[MinValueValidator(1), MaxValueValidator(4094)])
    vxlan_first = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(16777215)])
    vxlan_last = models.PositiveIntegerField(
        default=10000, validators=[MinValueValidator(1), MaxValueValidator(16777215)]
    )
    forwarding_mode = models.CharField(max_length=7, choices=ForwardingMode, default=ForwardingMode.BRIDGE, blank=True)
    arp_mode = models.CharField(max_length=5, choices=ArpMode, default=ArpMode.PROXY, blank=True)
    infra_type = models.CharField(max_length=10, choices=InfraType, default=InfraType.DEFAULT, blank=True)
    private_subnet = models.CharField(max_length=18, default="172.19.0.0/16")

    class Meta:
        verbose_name_plural = "fabric"

    def __str__(self) -> str:
        return "fabric"


class BaseField(models.CharField):  # type: ignore[type-arg]
    """The first address of a family's subnet, "" without one, by which networks that overlap are found. It follows from
    the subnet whenever a row is stored. Hexadecimal of a fixed width, so that the order as text is the order."""

    def __init__(self, *, family: Literal[4, 6], **options: Any) -> None:
        self.family = family
        usual: dict[str, Any] = {"max_length": {4: 8, 6: 32}[family], "blank": True, "editable": False, "default": ""}
        super().__init__(**usual | options)

    def deconstruct(self) -> Any:
        name, path, positional, options = super().deconstruct()
        return name, path, positional, options | {"family": self.family}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        subnet = getattr(model_instance, f"subnet{self.family}")
        value = self.digits(ipam.span(subnet).first) if subnet else ""
        setattr(model_instance, self.attname, value)
        return value

    def digits(self, address: int) -> str:
        return f"{address:0{self.max_length}x}"


class NetworkKind(models.TextChoices):
    DATA = "data", _("Data")
    INFRA = "infra", _("Infrastructure")


class Network(TenantOwned):
    """A layer-2 segment with a subnet. Any two networks of a tenant are routed to each other, on every node.

    Networks of a tenant share no address. Two of them may share a prefix, with ranges that do not meet, as in Contiv;
    then the older one with a gateway is the one that is routed, since a kernel routes a prefix to one bridge only
    (`networks.snapshot`).
    """

    encap = models.CharField(max_length=5, choices=Encap, default=Encap.VXLAN)
    #: VLAN id or VXLAN network identifier, unique over all tenants.
    tag = models.PositiveIntegerField()
    kind = models.CharField(max_length=5, choices=NetworkKind, default=NetworkKind.DATA)
    #: A second name, of the person's choice; need not be unique. Contiv's cfgdTag.
    label = models.CharField(max_length=128, blank=True, validators=[validate_label])
    #: Canonical prefixes and addresses as text ("20.1.1.0/24"); "" where the family is not used.
    subnet4 = models.CharField(max_length=18, blank=True)
    gateway4 = models.CharField(max_length=15, blank=True)
    #: The addresses it hands out, "first-last"; "" is all of the subnet. The gateway may lie outside.
    range4 = models.CharField(max_length=31, blank=True)
    subnet6 = models.CharField(max_length=43, blank=True)
    gateway6 = models.CharField(max_length=39, blank=True)
    range6 = models.CharField(max_length=79, blank=True)
    base4 = BaseField(family=4)
    base6 = BaseField(family=6)

    class Meta(TenantOwned.Meta):
        constraints = [
            *TenantOwned.Meta.constraints,
            models.UniqueConstraint(fields=["encap", "tag"], name="networks_network_tag_once"),
        ]
        indexes = [
            *TenantOwned.Meta.indexes,
            models.Index(fields=["tenant", "base4"], name="networks_network_base4"),
            models.Index(fields=["tenant", "base6"], name="networks_network_base6"),
        ]


class EndpointGroup(TenantOwned):
    """Endpoints of one network that policies and bandwidth profiles treat alike."""

    #: What people call it, in messages.
    word = "group"

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="groups")
    label = models.CharField(max_length=128, blank=True, validators=[validate_label])
    #: Addresses of the network that only this group draws from, and it from nothing else: "first-last"; "": none.
    pool4 = models.CharField(max_length=31, blank=True)
    pool6 = models.CharField(max_length=79, blank=True)


class AddressReservation(Labelled):
    """Addresses of a network that are never handed out, and why. Changes nothing on nodes."""

    tenant_path = "network__tenant"
    #: What people call it, in messages.
    word = "reservation"

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="reservations")
    #: Canonical "first-last".
    addresses = models.CharField(max_length=79)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.addresses

    @property
    def tenant(self) -> Tenant:
        return self.network.tenant


class Node(Labelled):
    """A machine with an agent. It proves itself with a certificate (networks.credentials)."""

    kind = "node"

    name = models.CharField(max_length=64, unique=True, validators=[validate_name])
    vtep = models.GenericIPAddressField(
        protocol="IPv4", unique=True, help_text="Underlay address VXLAN traffic of this node comes from."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ClusterOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Endpoint(TenantOwned):
    """One interface of a container: a MAC, its addresses, the node it is on (none yet: addressed, not plugged in)."""

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="endpoints", db_index=False)
    group = models.ForeignKey(EndpointGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="endpoints")
    node = models.ForeignKey(Node, null=True, blank=True, on_delete=models.PROTECT, related_name="endpoints")
    mac = models.CharField(max_length=17)
    ip4 = models.GenericIPAddressField(protocol="IPv4", null=True, blank=True)
    ip6 = models.GenericIPAddressField(protocol="IPv6", null=True, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            *TenantOwned.Meta.constraints,
            models.UniqueConstraint(fields=["network", "ip4"], name="networks_endpoint_ip4_once"),
            models.UniqueConstraint(fields=["network", "ip6"], name="networks_endpoint_ip6_once"),
            models.UniqueConstraint(fields=["network", "mac"], name="networks_endpoint_mac_once"),
        ]
        #: Whoever looks for an address knows no network yet.
        indexes = [
            *TenantOwned.Meta.indexes,
            models.Index(fields=["ip4"], name="networks_endpoint_ip4"),
            models.Index(fields=["ip6"], name="networks_endpoint_ip6"),
            models.Index(fields=["mac"], name="networks_endpoint_mac"),
        ]


class NumberSpace(models.Model):
    """Numbers that are handed out one by one: the addresses of a family of a network, or the tags of an encapsulation.

    What is free of it stands in its spans, so that giving the lowest one out reads one row, however many are in use.
    The spans follow from the other rows; where there is no space they are counted anew (`networks.spaces`).
    """

    class What(models.TextChoices):
        IP4 = "ip4", "IPv4"
        IP6 = "ip6", "IPv6"
        VLAN = "vlan", "VLAN"
        VXLAN = "vxlan", "VXLAN"

    what = models.CharField(max_length=5, choices=What)
    network = models.ForeignKey(Network, null=True, on_delete=models.CASCADE, related_name="spaces", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["network", "what"], name="networks_space_once_per_network"),
            models.UniqueConstraint(
                fields=["what"], condition=models.Q(network=None), name="networks_space_once_per_encap"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.network or 'the fabric'}"


class FreeSpan(models.Model):
    """Numbers that are free, as long as they go without a gap; `group` is whose pool they are in (None: nobody's).
    First and last are hexadecimal of a fixed width, so that their order as text is their order."""

    space = models.ForeignKey(NumberSpace, on_delete=models.CASCADE, related_name="spans", db_index=False)
    group = models.ForeignKey(EndpointGroup, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    first = models.CharField(max_length=32)
    last = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["space", "first"], name="networks_span_once")]
        indexes = [models.Index(fields=["space", "group", "first"], name="networks_span_lowest")]

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"
