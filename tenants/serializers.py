"""How people's side of things reads and is written in the API: tenants, members, the record."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contivui.web.fields import TenantName
from core.labels import LONGEST_VALUE
from tenants import quotas
from tenants.access import ClusterRole
from tenants.models import AuditEntry, Role, Tenant, TokenRights, Verdict


class LabelsField(serializers.DictField):
    """Labels, key → value, in the order of their keys. What is written replaces all there were."""

    def __init__(self, **options: Any) -> None:
        says = "For example tier: web. Replaces all there were; keys and values by Kubernetes' rules."
        child = serializers.CharField(max_length=LONGEST_VALUE, allow_blank=True, trim_whitespace=False)
        super().__init__(child=child, required=False, help_text=says, **options)

    def to_representation(self, value: Any) -> dict[str, str]:
        return dict(sorted(value.items()))


class OwnedSerializer(serializers.Serializer[Any]):
    """Base of what a tenant owns. `generation` is the tenant's generation that last changed the object."""

    id = serializers.IntegerField(read_only=True)
    tenant = TenantName(Tenant)
    name = serializers.CharField(max_length=64)
    labels = LabelsField()
    generation = serializers.IntegerField(read_only=True)


@extend_schema_field(OpenApiTypes.STR)
class UserName(serializers.Field[User, str, str, Any]):
    """A person, by the name she logs in with."""

    default_error_messages = {"unknown": "Nobody here is called {said}. An administrator adds people."}

    def to_internal_value(self, data: Any) -> User:
        found = None
        if isinstance(data, str) and "\0" not in data:
            found = get_user_model().objects.filter(username=data, is_active=True).first()
        if found is None:
            self.fail("unknown", said=str(data)[:150])
        return found

    def to_representation(self, value: User) -> str:
        return value.get_username()


class TenantSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=64)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    default_verdict = serializers.ChoiceField(
        Verdict.choices, required=False, help_text="What happens to a flow no rule speaks of."
    )
    labels = LabelsField()
    generation = serializers.IntegerField(read_only=True)


class AccountSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(max_length=150, help_text="The name she signs in with; it stays what it is.")
    password = serializers.CharField(max_length=200, write_only=True, required=False, help_text="Never answered.")
    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False, help_text="Whether she may sign in.")
    cluster_role = serializers.ChoiceField(ClusterRole.choices, required=False, allow_null=True)


class InvitationSerializer(serializers.Serializer[Any]):
    """Somebody who may join by a link. The link is in the answer that made it, and nowhere else."""

    id = serializers.IntegerField(read_only=True)
    tenant = TenantName(Tenant)
    email = serializers.CharField(max_length=254, help_text="Whom it is for; whoever has the link may use it.")
    role = serializers.ChoiceField(Role.choices, required=False)
    days = serializers.IntegerField(
        write_only=True, required=False, min_value=1, max_value=30, help_text="Days until it expires; 7 if left out."
    )
    maker = serializers.CharField(source="made_by.username", read_only=True, default=None, allow_null=True)
    expires_at = serializers.DateTimeField(read_only=True)


class NewInvitationSerializer(InvitationSerializer):
    token = serializers.CharField(read_only=True, help_text="The secret of the link. Nobody can read it again.")
    path = serializers.CharField(read_only=True, help_text="The page to open, at this installation's address.")


class UseSerializer(serializers.Serializer[Any]):
    used = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True, help_text="None: any number.")


class QuotaSerializer(serializers.Serializer[Any]):
    """How much of each thing a tenant has, and may have. `bandwidth_bps` is the sum over all endpoints of the rate
    their profile gives each, in bits per second."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: UseSerializer() for name in quotas.NAMES}


class LimitsSerializer(serializers.Serializer[Any]):
    """The limits that change; null takes one away."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            name: serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=quotas.LARGEST)
            for name in quotas.NAMES
        }


class MemberSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    tenant = TenantName(Tenant)
    user = UserName()
    role = serializers.ChoiceField(Role.choices, required=False)


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    tenant = serializers.CharField(source="tenant_name", read_only=True)
    before = serializers.DictField(read_only=True, allow_null=True)
    after = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "at",
            "actor",
            "token",
            "via",
            "address",
            "request",
            "batch",
            "tenant",
            "generation",
            "verb",
            "object_type",
            "object_id",
            "object_name",
            "before",
            "after",
            "undoes",
            "number",
            "digest",
        ]
        read_only_fields = fields


class UndoneSerializer(serializers.Serializer[Any]):
    """What was undone, the last first, and the changes that did it, in their order. None: nothing had been altered."""

    undone = serializers.ListField(child=serializers.IntegerField(), help_text="Ids in the record.")
    changes = AuditSerializer(many=True)


class RefusalSerializer(serializers.Serializer[Any]):
    node = serializers.CharField()
    reason = serializers.CharField()


class RealizationSerializer(serializers.Serializer[Any]):
    """How far the change that made an object what it is has come. Times are UTC; `live_ms` from saved to live on the
    last node, none while it is not. Every other node is waiting or has refused, and then says why."""

    generation = serializers.IntegerField()
    stage = serializers.ChoiceField(["saved", "compiled", "live", "refused", "nowhere"])
    saved_at = serializers.DateTimeField(allow_null=True)
    live_at = serializers.DateTimeField(allow_null=True)
    live_ms = serializers.FloatField(allow_null=True)
    nodes = serializers.IntegerField(help_text="Nodes this change is for.")
    live = serializers.IntegerField(help_text="Nodes that have applied it, or something later.")
    waiting = serializers.ListField(child=serializers.CharField(), help_text="Names of nodes that have not yet.")
    refused = RefusalSerializer(many=True)


class TokenSerializer(serializers.Serializer[Any]):
    """A token is shown once, when it is made; afterwards `key`, its first characters, tells which one it is. Without a
    tenant it is its maker's own; with one there is nothing but that tenant for it, and its owners see and end it."""

    key = serializers.CharField(source="token_key", read_only=True)
    name = serializers.CharField(max_length=64, required=False, allow_blank=True, help_text="What it is for.")
    rights = serializers.ChoiceField(TokenRights.choices, required=False)
    tenant = TenantName(Tenant, required=False, allow_null=True)
    maker = serializers.CharField(source="user.username", read_only=True)
    created = serializers.DateTimeField(read_only=True)
    expiry = serializers.DateTimeField(read_only=True, allow_null=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="To the minute.")
    days = serializers.IntegerField(
        write_only=True, required=False, min_value=1, max_value=3650, help_text="Days until it expires; none is never."
    )


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="Nobody can read it again.")


class EventSerializer(serializers.Serializer[Any]):
    """A change (then `what` is the verb, as in the record) or how something stands now."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(["change", "status"])
    what = serializers.CharField()
    tenant = serializers.CharField(allow_null=True, help_text="None: it is the cluster's.")
    generation = serializers.IntegerField(allow_null=True)
    object_type = serializers.CharField(allow_blank=True)
    object_id = serializers.IntegerField(allow_null=True)
    object_name = serializers.CharField(allow_blank=True)
    data = serializers.DictField()  # type: ignore[assignment]


class EventsSerializer(serializers.Serializer[Any]):
    events = EventSerializer(many=True)
    last = serializers.IntegerField(help_text="Ask for what comes after with since=.")
    missed = serializers.BooleanField(help_text="Some before the first are not kept any more: read everything anew.")


class RoleSerializer(serializers.Serializer[Any]):
    tenant = serializers.CharField(source="tenant.name")
    role = serializers.ChoiceField(Role.choices)


class MeSerializer(serializers.Serializer[Any]):
    """Who asks: her name, her role in the cluster if she has one, her roles in tenants."""

    name = serializers.CharField()
    administrator = serializers.BooleanField()
    cluster_role = serializers.ChoiceField(ClusterRole.choices, allow_null=True)
    tenants = RoleSerializer(many=True)
