"""What is uniform about tenants, members and the record."""

from __future__ import annotations

from contivui.web.resource import Resource
from tenants import actions, invitations, users
from tenants.models import Account, AuditEntry, Invitation, Membership, Tenant
from tenants.serializers import (
    AccountSerializer,
    AuditSerializer,
    InvitationSerializer,
    MemberSerializer,
    TenantSerializer,
)

TENANT = Resource(
    model=Tenant,
    name="tenant",
    plural="tenants",
    serializer=TenantSerializer,
    create=actions.create_tenant,
    update=actions.update_tenant,
    delete=actions.delete_tenant,
    search=("name", "description", "labels"),
    filters=("name", "default_verdict"),
    scope="cluster",
)
MEMBER = Resource(
    model=Membership,
    name="member",
    plural="members",
    serializer=MemberSerializer,
    create=actions.add_member,
    update=actions.set_role,
    delete=actions.remove_member,
    search=("user__username",),
    filters=("role", "user"),
    ordering=("role",),
    select=("user", "tenant"),
)
INVITATION = Resource(
    model=Invitation,
    name="invitation",
    plural="invitations",
    serializer=InvitationSerializer,
    create=invitations.invite,
    delete=invitations.withdraw,
    search=("email",),
    filters=("email", "role"),
    ordering=("email",),
    select=("tenant", "made_by"),
)
ACCOUNT = Resource(
    model=Account,
    name="user",
    plural="users",
    serializer=AccountSerializer,
    create=users.create_user,
    update=users.change_user,
    delete=users.delete_user,
    search=("username", "first_name", "last_name"),
    filters=("username", "is_active"),
    ordering=("username",),
    select=("held_role",),
    scope="cluster",
)
AUDIT = Resource(
    model=AuditEntry,
    name="audit",
    plural="audit",
    serializer=AuditSerializer,
    search=("object_name", "actor", "verb"),
    filters=("verb", "actor", "via", "object_type", "object_id", "generation", "request", "batch", "undoes"),
    ordering=("at",),
)
