"""Who may do what: roles of people, in tenants and in the cluster, and whom a tenant has invited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from tenants import access
from tenants.models.base import ClusterOwnedQuerySet, Tenant, TenantOwnedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    VIEWER = "viewer", "Viewer"


class Membership(models.Model):
    """A person's role in a tenant: owner (members too), editor (everything in it), viewer (reads)."""

    tenant_path = "tenant"
    #: What people call it, in messages.
    word = "member"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role, default=Role.VIEWER)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="tenants_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.tenant}"


class InvitationQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """An owner's business: who is invited is nobody else's to know."""
        return access.in_owned(self, user)


class Invitation(models.Model):
    """Somebody without an account may join a tenant, once, by a link that is kept as a hash only."""

    tenant_path = "tenant"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    email = models.CharField(max_length=254)
    role = models.CharField(max_length=6, choices=Role, default=Role.VIEWER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.email

    @property
    def over(self) -> bool:
        return self.expires_at <= timezone.now()


class HeldRole(models.Model):
    """A person's role in the cluster, beside her account: auditor or operator. Administrators are superusers instead,
    as Django has them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="held_role")
    role = models.CharField(max_length=8, choices=access.ClusterRole.choices[1:])

    def __str__(self) -> str:
        return f"{self.user} is {self.role}"


class Account(User):  # type: ignore[django-manager-missing]
    """A person who may sign in, as administrators see her."""

    kind = "user"
    word = "account"

    objects = ClusterOwnedQuerySet.as_manager()  # type: ignore[assignment,misc]

    class Meta:
        proxy = True
        ordering = ["username"]

    @property
    def cluster_role(self) -> str | None:
        """Also of an account that is switched off; it opens nothing then (tenants.access)."""
        if self.is_superuser:
            return access.ClusterRole.ADMINISTRATOR.value
        held: HeldRole | None = getattr(self, "held_role", None)
        return held.role if held else None
