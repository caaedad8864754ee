"""How policies, rules, bandwidth profiles and explanations read and are written in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contivui.web.fields import Ref, Refs, TenantName
from networks.models import EndpointGroup, Network
from policies.missing import sentences
from policies.models import Policy, Rule, RuleDirection, RulePeer
from tenants.models import Tenant, Verdict
from tenants.serializers import LabelsField, OwnedSerializer


class PolicySerializer(OwnedSerializer):
    groups = Refs(EndpointGroup, "group", required=False)


class MissingSerializer(serializers.Serializer[Any]):
    """What a rule is about and there is not, by what it is: such a rule matches nothing. It came so from a client of
    Contiv's; it can be taken away here, not made."""

    group = serializers.CharField(max_length=64, required=False, help_text="A group that was deleted.")
    network = serializers.CharField(max_length=64, required=False, help_text="A network that was deleted.")
    protocol = serializers.CharField(max_length=64, required=False, help_text="A number above 255.")
    port = serializers.CharField(max_length=64, required=False, help_text="A number below 0.")


class LineSerializer(serializers.Serializer[Any]):
    """What a rule says, wherever it stands."""

    name = serializers.CharField(max_length=64, required=False, allow_blank=True, help_text="Once per policy.")
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    direction = serializers.ChoiceField(RuleDirection.choices, required=False)
    priority = serializers.IntegerField(required=False, help_text="1 to 100, the higher number wins.")
    action = serializers.ChoiceField(Verdict.choices, required=False)
    protocol = serializers.CharField(required=False, help_text="any, tcp, udp, icmp or a number from 0 to 255.")
    ports = serializers.CharField(required=False, allow_blank=True, help_text="For example 80, 443, 8000-8100.")
    peer = serializers.ChoiceField(RulePeer.choices, required=False)
    peer_group = Ref(EndpointGroup, "group", required=False, allow_null=True)
    peer_network = Ref(Network, "network", required=False, allow_null=True)
    peer_addresses = serializers.CharField(
        required=False, allow_blank=True, help_text="For example 10.0.0.0/8, 20.1.1.5-20.1.1.9; narrows a group."
    )
    own_addresses = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Addresses of the policy's own side that the rule is only about, for example 20.1.1.5; empty: all.",
    )
    missing = MissingSerializer(required=False)
    labels = LabelsField()


class RuleSerializer(LineSerializer):
    """A rule by itself. `generation` is that of its policy, which is what becomes live."""

    id = serializers.IntegerField(read_only=True)
    tenant = TenantName(Tenant, required=False)
    policy = Ref(Policy, "policy", anchors=True)
    without_effect = serializers.SerializerMethodField(help_text="Why it matches nothing; empty where it can match.")
    generation = serializers.IntegerField(read_only=True)

    def get_without_effect(self, row: Rule) -> str:
        return "; ".join(sentences(row))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Tenant and policy first: they say where the others are looked for."""
        fields = super().get_fields()
        return {name: fields.pop(name) for name in ("id", "tenant", "policy")} | fields


class TableLineSerializer(LineSerializer):
    """A rule in its policy's table: with an id the rule that has it, without one a new rule. What a rule is shown with
    besides may be sent back."""

    id = serializers.IntegerField(required=False, allow_null=True)
    tenant = serializers.CharField(read_only=True)
    policy = Ref(Policy, "policy", read_only=True)
    without_effect = serializers.CharField(read_only=True)
    generation = serializers.IntegerField(read_only=True)


class ProfileSerializer(OwnedSerializer):
    rate_bps = serializers.IntegerField(help_text="Bits per second, each way, of each endpoint; 0 is no limit.")
    burst_bytes = serializers.IntegerField(required=False, min_value=0, help_text="0 lets the rate decide.")
    dscp = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=63)
    groups = Refs(EndpointGroup, "group", required=False)


class QuestionSerializer(serializers.Serializer[Any]):
    """A connection somebody wonders about. Source and destination are endpoints' names or addresses."""

    tenant = TenantName(Tenant)
    source = serializers.CharField()  # type: ignore[assignment]
    destination = serializers.CharField()
    protocol = serializers.CharField(default="tcp", help_text="tcp, udp, icmp or a number from 0 to 255.")
    port = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=65535)


class SideSerializer(serializers.Serializer[Any]):
    """What one end says: the source by its outgoing rules, the destination by its incoming ones."""

    address = serializers.CharField()
    endpoint = serializers.CharField(allow_null=True)
    group = serializers.CharField(allow_null=True)
    action = serializers.ChoiceField(Verdict.choices)
    rule = serializers.IntegerField(allow_null=True, help_text="None: no rule spoke; the reason says what did.")
    policy = serializers.CharField(allow_null=True)
    reason = serializers.CharField()


class ExplanationSerializer(serializers.Serializer[Any]):
    """What becomes of the connection: it is allowed when both ends let it and there is a way for it."""

    action = serializers.ChoiceField(Verdict.choices, source="outcome")
    unreachable = serializers.CharField(
        allow_blank=True, help_text="Why there is no way between the two, whatever rules say; empty: there is one."
    )
    protocol = serializers.CharField()
    port = serializers.IntegerField(allow_null=True)
    outgoing = SideSerializer()
    incoming = SideSerializer()
