"""What each node was told, what it says it has applied, and what it measured."""

from __future__ import annotations

from django.db import models

from networks.models import Endpoint, Node
from policies.models import Rule
from tenants.models import Tenant, TenantOwnedQuerySet


class NodeSpec(models.Model):
    """The head of a node's spec: its revision and digest. The items are in its sections, one per tenant."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="spec", primary_key=True)
    revision = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.node} r{self.revision}"


class SpecSection(models.Model):
    """One tenant's part of a node's spec, in wire form, and how far the node is with it.

    `revision` is the node's revision that last altered `items`; `generation` the tenant's generation the items are
    compiled from. `applied_generation` trails it until the node has acknowledged `revision`; `refused` is the
    node's reason for not applying it ("" is none).
    """

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="sections", db_index=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="sections", db_index=False)
    items = models.JSONField(default=list)
    revision = models.PositiveBigIntegerField(default=0)
    generation = models.PositiveBigIntegerField(default=0)
    applied_generation = models.PositiveBigIntegerField(default=0)
    applied_at = models.DateTimeField(null=True)
    refused = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "tenant"], name="worker_section_once")]
        indexes = [models.Index(fields=["tenant", "applied_generation"])]

    def __str__(self) -> str:
        return f"{self.tenant} on {self.node} r{self.revision}"


class SpecStep(models.Model):
    """The delta that led to a revision, in wire form; the last few are kept, so a connected node gets only those."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="steps", db_index=False)
    revision = models.PositiveBigIntegerField()
    delta = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "revision"], name="worker_step_once")]

    def __str__(self) -> str:
        return f"{self.node} to r{self.revision}"


class NodeStatus(models.Model):
    """What a node last said of itself. `seen_at` with `connected` tells how fresh the rest is."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="status", primary_key=True)
    connected = models.BooleanField(default=False)
    channel = models.CharField(max_length=120, blank=True)
    seen_at = models.DateTimeField(null=True)
    connected_at = models.DateTimeField(null=True)
    revision = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    apply_ms = models.FloatField(null=True)
    agent_version = models.CharField(max_length=40, blank=True)
    features = models.JSONField(default=list)
    problem = models.TextField(blank=True)
    drift_found = models.PositiveBigIntegerField(default=0)
    drift_healed = models.PositiveBigIntegerField(default=0)
    #: In how many tenants something differs from what it applied, and could not be set right.
    drifting = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "node statuses"

    def __str__(self) -> str:
        return f"{self.node} {'connected' if self.connected else 'away'}"


class RuleHits(models.Model):
    """How often a rule decided on one node: packets that opened (or, after a change, re-opened) a connection."""

    tenant_path = "rule__policy__tenant"

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="hits", db_index=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="+")
    packets = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField(null=True)
    #: The kernel's counters at the last report: what comes next is the difference to these.
    counter_packets = models.PositiveBigIntegerField(default=0)
    counter_bytes = models.PositiveBigIntegerField(default=0)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "node"], name="worker_hits_once")]

    def __str__(self) -> str:
        return f"rule {self.rule_id} on {self.node}: {self.packets}"


class EndpointTraffic(models.Model):
    """What an endpoint has sent and received since it was plugged in, and the rate over the last report."""

    tenant_path = "endpoint__tenant"

    endpoint = models.OneToOneField(Endpoint, on_delete=models.CASCADE, related_name="traffic", primary_key=True)
    at = models.DateTimeField()
    rx_bytes = models.PositiveBigIntegerField(default=0)
    tx_bytes = models.PositiveBigIntegerField(default=0)
    rx_bps = models.PositiveBigIntegerField(default=0)
    tx_bps = models.PositiveBigIntegerField(default=0)

    objects = TenantOwnedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.rx_bps} in, {self.tx_bps} out"


class TenantDrops(models.Model):
    """Packets of one tenant that one node dropped: by policy, and for not carrying their sender's own addresses.

    The totals only grow; the counters are the kernel's at the last report.
    """

    tenant_path = "tenant"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="drops", db_index=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="+")
    denied = models.PositiveBigIntegerField(default=0)
    spoofed = models.PositiveBigIntegerField(default=0)
    counter_denied = models.PositiveBigIntegerField(default=0)
    counter_spoofed = models.PositiveBigIntegerField(default=0)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "tenant drops"
        constraints = [models.UniqueConstraint(fields=["tenant", "node"], name="worker_drops_once")]

    def __str__(self) -> str:
        return f"{self.tenant} on {self.node}: {self.denied} denied"


class TrafficSample(models.Model):
    """A tenant's throughput by network id (bit/s, what its endpoints sent) at a moment, and its packets denied
    so far (a total over all nodes, so the difference of two samples is what was denied between them)."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField(db_index=True)
    network_bps = models.JSONField(default=dict)
    denied_total = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.tenant} at {self.at}"


class DeniedFlow(models.Model):
    """A sampled packet that policy dropped, as the node saw it. Old rows are dropped by a timer."""

    tenant_path = "tenant"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="denied_flows")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_index=True)
    source = models.GenericIPAddressField()
    destination = models.GenericIPAddressField()
    protocol = models.PositiveSmallIntegerField()
    source_port = models.PositiveIntegerField(null=True)
    destination_port = models.PositiveIntegerField(null=True)
    count = models.PositiveIntegerField(default=1)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.source} → {self.destination}"


class DriftEvent(models.Model):
    """A difference a node found between what it had applied and what the kernel held, and how it was healed."""

    tenant_path = "tenant"

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="drift")
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="+")
    found_at = models.DateTimeField(db_index=True)
    healed_at = models.DateTimeField(null=True)
    difference = models.JSONField(default=list)
    problem = models.TextField(blank=True)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at"]
        #: Those that stand are looked for at each report of a node.
        indexes = [
            models.Index(fields=["node", "tenant"], condition=models.Q(healed_at=None), name="worker_drift_stands")
        ]

    def __str__(self) -> str:
        return f"{self.node}: {len(self.difference)} differences"

    @property
    def healed_after(self) -> float | None:
        """Milliseconds from found to healed; None while it is not."""
        return (self.healed_at - self.found_at).total_seconds() * 1000 if self.healed_at else None
