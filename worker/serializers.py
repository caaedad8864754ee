"""How what nodes report reads in the API: their own state, drift, denied flows, counters."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contivui.web.fields import Ref
from networks.models import Endpoint, EndpointGroup, Network, Node
from policies.models import Policy
from tenants.access import rights_of
from tenants.models import Tenant
from worker.facts import traffic
from worker.models import EndpointTraffic
from worker.status import State, in_sync_since, state_of, status_of, wanted_of

#: In the place of a reason that speaks of what a tenant has.
UNSEEN = "It refuses what belongs to a tenant. Who sees that tenant is told why."


class FeatureSerializer(serializers.Serializer[Any]):
    """An ability of the node's kernel, and why it is missing."""

    name = serializers.CharField()
    present = serializers.BooleanField()
    why = serializers.CharField()


class RefusedTenantSerializer(serializers.Serializer[Any]):
    tenant = serializers.CharField()
    reason = serializers.CharField()


class NodeStatusSerializer(serializers.Serializer[Any]):
    """A node as it last said it is. Revisions count what it was told; what it refuses keeps its old state."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField([state.value for state in State])
    revision_wanted = serializers.IntegerField()
    revision_applied = serializers.IntegerField()
    in_sync_since = serializers.DateTimeField(allow_null=True, help_text="None: something it was told is not true yet.")
    seen_at = serializers.DateTimeField(allow_null=True)
    connected_at = serializers.DateTimeField(allow_null=True)
    apply_ms = serializers.FloatField(allow_null=True, help_text="How long its last apply took.")
    agent_version = serializers.CharField()
    problem = serializers.CharField(help_text="Why it refuses the whole; empty: it does not.")
    features = FeatureSerializer(many=True)
    refused = RefusedTenantSerializer(
        many=True, help_text="Tenants whose part it could not apply, and why: those you may see."
    )
    drift_found = serializers.IntegerField()
    drift_healed = serializers.IntegerField()

    def to_representation(self, instance: Node) -> dict[str, Any]:
        status = status_of(instance)
        sections = list(instance.sections.select_related("tenant").defer("items").order_by("tenant__name"))
        user = self.context["request"].user
        seen = set(Tenant.objects.visible_to(user).values_list("pk", flat=True))
        refused = [part for part in sections if part.refused and part.tenant_id in seen]
        said = {
            "id": instance.pk,
            "name": instance.name,
            "state": state_of(instance),
            "revision_wanted": wanted_of(instance),
            "revision_applied": status.revision,
            "in_sync_since": in_sync_since(instance, sections),
            "problem": status.problem if not status.problem or rights_of(user).sees_all else UNSEEN,
            "refused": [{"tenant": part.tenant.name, "reason": part.refused} for part in refused],
        }
        known = {str(name): getattr(status, str(name)) for name in self.fields if str(name) not in said}
        return dict(super().to_representation({**known, **said}))


class DriftSerializer(serializers.Serializer[Any]):
    """A difference between what a node had applied and what its kernel held."""

    id = serializers.IntegerField()
    tenant = serializers.CharField(source="tenant.name", default=None, allow_null=True)
    node = serializers.CharField(source="node.name")
    found_at = serializers.DateTimeField()
    healed_at = serializers.DateTimeField(allow_null=True)
    healed_ms = serializers.FloatField(source="healed_after", allow_null=True, help_text="From found to healed.")
    difference = serializers.ListField(child=serializers.CharField())
    problem = serializers.CharField(help_text="Why it could not be healed; empty: it was.")


class DeniedSerializer(serializers.Serializer[Any]):
    """Packets of one flow that policy dropped, as sampled on the node that judged them. Kept for a day."""

    id = serializers.IntegerField()
    tenant = serializers.CharField(source="tenant.name")
    node = serializers.CharField(source="node.name")
    at = serializers.DateTimeField()
    source = serializers.CharField()  # type: ignore[assignment]  # the word means something else in the stubs
    destination = serializers.CharField()
    protocol = serializers.IntegerField(help_text="Its number: 6 is tcp, 17 udp, 1 icmp.")
    source_port = serializers.IntegerField(allow_null=True)
    destination_port = serializers.IntegerField(allow_null=True)
    count = serializers.IntegerField(help_text="Packets.")


class HitsSerializer(serializers.Serializer[Any]):
    """How often a rule decided on one node: packets that opened a connection, or re-opened it after a change."""

    id = serializers.IntegerField()
    tenant = serializers.CharField(source="rule.policy.tenant.name")
    policy = Ref(Policy, "policy", source="rule.policy", read_only=True)
    rule = serializers.IntegerField(source="rule_id")
    node = serializers.CharField(source="node.name")
    packets = serializers.IntegerField()
    bytes = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)


class TrafficSerializer(serializers.Serializer[Any]):
    """What an endpoint receives and sends: bytes since it was plugged in, bits per second over the last report (0 when
    nobody reports any more)."""

    id = serializers.IntegerField(source="pk", help_text="The endpoint's.")
    tenant = serializers.CharField(source="endpoint.tenant.name")
    endpoint = Ref(Endpoint, "endpoint", read_only=True)
    network = Ref(Network, "network", source="endpoint.network", read_only=True)
    group = Ref(EndpointGroup, "group", source="endpoint.group", read_only=True, allow_null=True)
    at = serializers.DateTimeField()
    rx_bytes = serializers.IntegerField()
    tx_bytes = serializers.IntegerField()
    rx_bps = serializers.SerializerMethodField()
    tx_bps = serializers.SerializerMethodField()

    @extend_schema_field(int)
    def get_rx_bps(self, row: EndpointTraffic) -> int:
        return traffic(row).rx_bps

    @extend_schema_field(int)
    def get_tx_bps(self, row: EndpointTraffic) -> int:
        return traffic(row).tx_bps


class DropsSerializer(serializers.Serializer[Any]):
    """Packets of a tenant that one node dropped, ever: by policy, and for carrying another's addresses."""

    id = serializers.IntegerField()
    tenant = serializers.CharField(source="tenant.name")
    node = serializers.CharField(source="node.name")
    denied = serializers.IntegerField()
    spoofed = serializers.IntegerField()
