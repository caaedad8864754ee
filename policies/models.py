"""What may flow, and how fast: policies of rules on groups, bandwidth profiles on groups."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from networks.models import EndpointGroup, Network
from tenants.labels import Labelled
from tenants.models import Tenant, TenantOwned, TenantOwnedQuerySet, Verdict, validate_name

#: Profiles have always been named more freely than other things ("gold_10 mbps").
validate_profile_name = RegexValidator(
    r"^[^\s/:\x00-\x1f]+( [^\s/:\x00-\x1f]+)*\Z",
    "Use any characters but slashes, colons and line breaks, with single blanks inside, for example gold_10.",
    code="name",
)


class Policy(TenantOwned):
    """A set of rules on any number of groups. Rules of all policies on a group count as one set."""

    groups = models.ManyToManyField(EndpointGroup, related_name="policies", blank=True)

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "policies"


class RuleDirection(models.TextChoices):
    IN = "in", "Incoming"
    OUT = "out", "Outgoing"


class RulePeer(models.TextChoices):
    ANY = "any", "Anyone"
    GROUP = "group", "Group"
    NETWORK = "network", "Network"
    ADDRESS = "address", "Addresses"


class Rule(Labelled):
    """One line of a policy, seen from the group the policy is on.

    `protocol` is "any", "tcp", "udp", "icmp" or a number 0–255 as text; `ports` is "" (any) or a list such as
    "80, 443, 8000-8100", canonical: sorted, merged. `peer_addresses` holds prefixes and ranges, comma-separated; beside
    a group they narrow it to those of its endpoints that have one of these addresses. `own_addresses`, written so,
    narrow the rule to some of its own side: where incoming connections go to, or outgoing ones come from. `name` may be
    empty.

    `missing` is what the rule is about and there is not: {"group": "g2"} or {"network": "net1"} after its peer was
    deleted, {"protocol": "300"} and {"port": "-1"} as clients of Contiv may write them. The field that would say it is
    empty then, and the rule matches nothing, whatever has that name later.
    """

    tenant_path = "policy__tenant"

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="rules", db_index=False)
    name = models.CharField(max_length=64, blank=True, validators=[validate_name])
    description = models.CharField(max_length=200, blank=True)
    direction = models.CharField(max_length=3, choices=RuleDirection, default=RuleDirection.IN)
    priority = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(100)])
    action = models.CharField(max_length=5, choices=Verdict, default=Verdict.ALLOW)
    protocol = models.CharField(max_length=4, default="any")
    ports = models.CharField(max_length=500, blank=True)
    peer = models.CharField(max_length=7, choices=RulePeer, default=RulePeer.ANY)
    peer_group = models.ForeignKey(
        EndpointGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="peer_rules"
    )
    peer_network = models.ForeignKey(
        Network, null=True, blank=True, on_delete=models.PROTECT, related_name="peer_rules"
    )
    peer_addresses = models.CharField(max_length=1000, blank=True)
    own_addresses = models.CharField(max_length=1000, blank=True)
    missing = models.JSONField(default=dict, blank=True)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-priority", "-action", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "name"], condition=~models.Q(name=""), name="policies_rule_name_once_per_policy"
            )
        ]
        #: The constraint's own index is of named rules only, so no question about any name can use it.
        indexes = [models.Index(fields=["policy", "name"], name="policies_rule_by_name")]

    def __str__(self) -> str:
        return f"{self.policy.name}/{self.name or self.pk}"

    @property
    def tenant(self) -> Tenant:
        return self.policy.tenant

    @property
    def tenant_id(self) -> int:
        return self.policy.tenant_id

    @property
    def generation(self) -> int:
        """What becomes live is the policy with all of its rules."""
        return self.policy.generation


class BandwidthProfile(TenantOwned):
    """A limit for each single endpoint of the groups it is on, the same in both directions."""

    name = models.CharField(max_length=64, validators=[validate_profile_name])
    rate_bps = models.PositiveBigIntegerField(help_text="Bits per second; 0 is no limit.")
    #: 0: chosen from the rate (core.bandwidth).
    burst_bytes = models.PositiveIntegerField(default=0, blank=True, help_text="Bytes; 0 lets the rate decide.")
    dscp = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MaxValueValidator(63)])
    groups = models.ManyToManyField(
        EndpointGroup, through="BandwidthAssignment", related_name="bandwidth_profiles", blank=True
    )


class BandwidthAssignment(models.Model):
    """Puts a profile on a group; a group has at most one."""

    profile = models.ForeignKey(BandwidthProfile, on_delete=models.CASCADE, related_name="assignments")
    group = models.OneToOneField(EndpointGroup, on_delete=models.CASCADE, related_name="bandwidth")

    def __str__(self) -> str:
        return f"{self.profile} on {self.group}"
