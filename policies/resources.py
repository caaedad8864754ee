"""What is uniform about policies, rules and bandwidth profiles."""

from __future__ import annotations

from contivui.web.resource import Resource
from policies import actions
from policies.models import BandwidthProfile, Policy, Rule
from policies.serializers import PolicySerializer, ProfileSerializer, RuleSerializer

POLICY = Resource(
    model=Policy,
    name="policy",
    plural="policies",
    serializer=PolicySerializer,
    create=actions.create_policy,
    update=actions.update_policy,
    delete=actions.delete_policy,
    search=("name", "labels"),
    filters=("name", "groups"),
    ordering=("name", "generation"),
    select=("tenant",),
    prefetch=("groups",),
)
RULE = Resource(
    model=Rule,
    name="rule",
    plural="rules",
    serializer=RuleSerializer,
    create=actions.add_rule,
    update=actions.update_rule,
    delete=actions.delete_rule,
    search=("name", "description", "policy__name", "peer_addresses", "own_addresses", "labels"),
    filters=(
        *("policy", "name", "direction", "action", "priority", "protocol", "ports"),
        *("peer", "peer_group", "peer_network", "peer_addresses", "own_addresses"),
    ),
    ordering=("priority",),
    select=("policy__tenant", "peer_group", "peer_network"),
)
PROFILE = Resource(
    model=BandwidthProfile,
    name="profile",
    plural="profiles",
    serializer=ProfileSerializer,
    create=actions.create_profile,
    update=actions.update_profile,
    delete=actions.delete_profile,
    search=("name", "labels"),
    filters=("name", "rate_bps", "burst_bytes", "dscp", "groups"),
    ordering=("name", "rate_bps", "generation"),
    select=("tenant",),
    prefetch=("groups",),
)
