"""What is uniform about what nodes report. It is read only: nodes write it."""

from __future__ import annotations

from django_filters import BooleanFilter  # type: ignore[import-untyped]

from contivui.web.filters import ThroughFilter
from contivui.web.resource import Resource
from worker import serializers
from worker.filters import PartyFilter
from worker.models import DeniedFlow, DriftEvent, EndpointTraffic, RuleHits, TenantDrops

DRIFT = Resource(
    model=DriftEvent,
    name="drift",
    plural="drift",
    serializer=serializers.DriftSerializer,
    search=("difference", "problem", "node__name"),
    filters=("node",),
    more_filters={
        "healed": lambda: BooleanFilter(
            field_name="healed_at", lookup_expr="isnull", exclude=True, label="Whether it is healed"
        )
    },
    ordering=("found_at",),
    select=("tenant", "node"),
)
DENIED = Resource(
    model=DeniedFlow,
    name="denied",
    plural="denied",
    serializer=serializers.DeniedSerializer,
    search=("source", "destination", "node__name"),
    filters=("node", "source", "destination", "protocol", "source_port", "destination_port"),
    more_filters={"endpoint": lambda: PartyFilter(""), "group": lambda: PartyFilter("group__")},
    ordering=("at", "count"),
    select=("tenant", "node"),
)
HITS = Resource(
    model=RuleHits,
    name="hits",
    plural="rule-hits",
    serializer=serializers.HitsSerializer,
    search=("rule__policy__name", "rule__name", "rule__description", "node__name"),
    filters=("rule", "node"),
    more_filters={"policy": lambda: ThroughFilter("rule__policy")},
    ordering=("packets", "bytes"),
    select=("rule__policy__tenant", "node"),
)
TRAFFIC = Resource(
    model=EndpointTraffic,
    name="traffic",
    plural="traffic",
    serializer=serializers.TrafficSerializer,
    search=("endpoint__name",),
    filters=("endpoint",),
    more_filters={
        "network": lambda: ThroughFilter("endpoint__network"),
        "group": lambda: ThroughFilter("endpoint__group"),
        "node": lambda: ThroughFilter("endpoint__node"),
    },
    ordering=("at", "rx_bytes", "tx_bytes"),
    select=("endpoint__tenant", "endpoint__network", "endpoint__group"),
)
DROPS = Resource(
    model=TenantDrops,
    name="drops",
    plural="drops",
    serializer=serializers.DropsSerializer,
    search=("node__name",),
    filters=("node",),
    ordering=("denied", "spoofed"),
    select=("tenant", "node"),
)
