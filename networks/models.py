"""Where: networks, the groups of endpoints in them, the endpoints, and the nodes that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from tenants.models import TenantOwned, validate_name

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class Encap(models.TextChoices):
    VXLAN = "vxlan", "VXLAN"
    VLAN = "vlan", "VLAN"


class Fabric(models.Model):
    """The one row of settings all tenants share: which tags networks may take. Locked while one is chosen."""

    vlan_first = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(4094)])
    vlan_last = models.PositiveIntegerField(default=4094, validators=[MinValueValidator(1), MaxValueValidator(4094)])
    vxlan_first = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    vxlan_last = models.PositiveIntegerField(default=10000, validators=[MaxValueValidator(16777215)])

    class Meta:
        verbose_name_plural = "fabric"

    def __str__(self) -> str:
        return "fabric"


class Network(TenantOwned):
    """A layer-2 segment with a subnet. Any two networks of a tenant are routed to each other, on every node."""

    encap = models.CharField(max_length=5, choices=Encap, default=Encap.VXLAN)
    #: VLAN id or VXLAN network identifier, unique over all tenants.
    tag = models.PositiveIntegerField()
    #: Canonical prefixes and addresses as text ("20.1.1.0/24"); "" where the family is not used.
    subnet4 = models.CharField(max_length=18, blank=True)
    gateway4 = models.CharField(max_length=15, blank=True)
    subnet6 = models.CharField(max_length=43, blank=True)
    gateway6 = models.CharField(max_length=39, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            *TenantOwned.Meta.constraints,
            models.UniqueConstraint(fields=["encap", "tag"], name="networks_network_tag_once"),
        ]


class EndpointGroup(TenantOwned):
    """Endpoints of one network that policies and bandwidth profiles treat alike."""

    #: What people call it, in messages.
    word = "group"

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="groups")


class NodeQuerySet(models.QuerySet["Node"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Nodes belong to the cluster: only its administrators see them as objects."""
        return self if user.is_authenticated and user.is_superuser else self.none()


class Node(models.Model):
    """A machine with an agent. It proves itself with a token of which only the hash is kept."""

    name = models.CharField(max_length=64, unique=True, validators=[validate_name])
    vtep = models.GenericIPAddressField(
        protocol="IPv4", unique=True, help_text="Underlay address VXLAN traffic of this node comes from."
    )
    token_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = NodeQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Endpoint(TenantOwned):
    """One interface of a container: a MAC, its addresses, the node it is on (none yet: addressed, not plugged in)."""

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="endpoints")
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
