"""What is reached how, beyond plain networks: services, BGP peers, and what is handed to an ACI fabric.

All of it is stored, checked and shown; none of it is in effect on nodes yet.
"""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from networks.models import EndpointGroup, Network
from tenants.models import ClusterOwnedQuerySet, TenantOwned, validate_name

#: What every page and answer about these objects says of them.
STORED_ONLY = "stored, not yet in effect"


class Service(TenantOwned):
    """A virtual address in a network for the endpoints whose labels hold all of `selectors`.

    `selectors` is {label: value}; `ports` is a list of "port:port of the endpoint:TCP or UDP".
    """

    name = models.CharField(max_length=256, validators=[validate_name])
    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="services")
    address = models.GenericIPAddressField(protocol="IPv4")
    selectors = models.JSONField(default=dict)
    ports = models.JSONField(default=list)


class AppProfile(TenantOwned):
    """Groups that an ACI fabric shows as one application."""

    word = "application profile"

    groups = models.ManyToManyField(EndpointGroup, through="AppProfileGroup", related_name="app_profiles", blank=True)


class AppProfileGroup(models.Model):
    """Puts a group into a profile; a group is in at most one, and stays while it is."""

    profile = models.ForeignKey(AppProfile, on_delete=models.CASCADE, related_name="members")
    group = models.OneToOneField(EndpointGroup, on_delete=models.PROTECT, related_name="app_profile")

    def __str__(self) -> str:
        return f"application profile {self.profile}"


class ContractKind(models.TextChoices):
    PROVIDED = "provided", "Provided"
    CONSUMED = "consumed", "Consumed"


class ContractGroup(TenantOwned):
    """Contracts of an ACI fabric, by distinguished name, that groups provide or consume."""

    word = "contract group"

    kind = models.CharField(max_length=8, choices=ContractKind)
    contracts = models.JSONField(default=list, blank=True)
    groups = models.ManyToManyField(EndpointGroup, related_name="contract_groups", blank=True)


class BgpPeer(models.Model):
    """The router a node speaks BGP with. `name` is the node's host name; AS numbers are text, "" while not set."""

    word = "BGP peer"
    kind = "bgp"

    name = models.CharField(max_length=256, unique=True, validators=[validate_name])
    router_address = models.CharField(max_length=18)
    asn = models.CharField(max_length=10, blank=True)
    neighbor = models.GenericIPAddressField(protocol="IPv4", null=True, blank=True)
    neighbor_asn = models.CharField(max_length=10, blank=True)

    objects = ClusterOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


PATH = r"topology/pod-[0-9]{1,4}/paths-[0-9]{1,4}/pathep-\[eth[0-9]{1,2}/[0-9]{1,2}\]"
NODE = r"topology/pod-[0-9]{1,4}/node-[0-9]{1,4}"


def listed(pattern: str, example: str) -> RegexValidator:
    """Any number of these, separated by commas; nothing at all is right, too."""
    return RegexValidator(
        rf"^({pattern}(,{pattern})*)?\Z", f"Write {example}, several with commas between.", code="path"
    )


class AciGateway(models.Model):
    """The one connection to an ACI fabric."""

    word = "ACI gateway"
    kind = "aci"

    name = models.CharField(max_length=8, unique=True, default="aciGw", editable=False)
    physical_domain = models.CharField(max_length=128, validators=[validate_name])
    path_bindings = models.TextField(blank=True, validators=[listed(PATH, "topology/pod-1/paths-101/pathep-[eth1/14]")])
    node_bindings = models.TextField(blank=True, validators=[listed(NODE, "topology/pod-1/node-101")])
    enforce_policies = models.BooleanField(default=True)
    include_common_tenant = models.BooleanField(default=False)

    objects = ClusterOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
