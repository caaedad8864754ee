"""Who: tenants, their members, the record of every change. Also the base of everything a tenant owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

#: Contiv's rule for names: labels of letters, digits and inner dashes, joined by single dots.
NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"
validate_name = RegexValidator(
    NAME_PATTERN,
    "Use letters, digits, dashes and dots, beginning and ending with a letter or digit, for example web-1.",
    code="name",
)


class Verdict(models.TextChoices):
    ALLOW = "allow", "Allow"
    DENY = "deny", "Deny"


class TenantQuerySet(models.QuerySet["Tenant"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Tenants this person may know of: all for a cluster administrator, else those she is a member of."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user)


class Tenant(models.Model):
    """A VRF: its networks reach each other, nothing else reaches them; subnets of two tenants may overlap."""

    name = models.CharField(max_length=64, unique=True, validators=[validate_name])
    description = models.CharField(max_length=200, blank=True)
    default_verdict = models.CharField(
        max_length=5,
        choices=Verdict,
        default=Verdict.ALLOW,
        help_text="What happens to a flow no rule speaks of. Contiv's own default is allow.",
    )
    #: Counts changes of anything the tenant owns. Set by tenants.change only.
    generation = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TenantOwnedQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Rows of the tenants this person may see; the one gate of pages, API, sockets and tasks alike."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        path = self.model.tenant_path
        return self.filter(Q(**{f"{path}__memberships__user": user}))


class TenantOwned(models.Model):
    """Base of what belongs to one tenant. `generation` is the tenant's generation that last changed this row."""

    #: Look-up path from a row to its tenant.
    tenant_path = "tenant"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="%(class)ss")
    name = models.CharField(max_length=64, validators=[validate_name])
    generation = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["tenant__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="%(app_label)s_%(class)s_name_once_per_tenant",
                violation_error_message="This tenant has one of that name already. Choose another name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


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


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The part of the record that is about a person's tenants; the whole of it for a cluster administrator."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(tenant__memberships__user=user)


class AuditEntry(models.Model):
    """One change: who, when, from where, what, before and after. Rows are only ever added.

    `verb` is "object.action" ("policy.update", "drift.heal"); `generation` what the tenant's intent became by it;
    `before`/`after` the object's fields as plain values (None where it did not exist).
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    via = models.CharField(max_length=20)
    address = models.GenericIPAddressField(null=True)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="audit_entries")
    tenant_name = models.CharField(max_length=64, blank=True)
    generation = models.PositiveBigIntegerField(null=True)
    verb = models.CharField(max_length=64, db_index=True)
    object_type = models.CharField(max_length=40)
    object_id = models.PositiveBigIntegerField(null=True)
    object_name = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "generation"]), models.Index(fields=["object_type", "object_id"])]

    def __str__(self) -> str:
        return f"{self.actor}: {self.verb} {self.object_name}"


class Realization(models.Model):
    """How far one generation of a tenant's intent is live: saved, compiled, live on `live` of `nodes` nodes.

    Made by tenants.change when the change is saved; filled in by the worker. A node counts as live when it has
    applied this generation or a later one. `live_at` is set once, when the last of them has.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="realizations")
    generation = models.PositiveBigIntegerField()
    saved_at = models.DateTimeField()
    compiled_at = models.DateTimeField(null=True)
    live_at = models.DateTimeField(null=True)
    nodes = models.PositiveIntegerField(default=0)
    live = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "generation"], name="tenants_realization_once_per_generation")
        ]
        indexes = [models.Index(fields=["tenant", "live_at"])]

    def __str__(self) -> str:
        return f"{self.tenant} generation {self.generation}: live on {self.live} of {self.nodes}"

    @property
    def live_ms(self) -> float | None:
        """Milliseconds from saved to live on the last node; None while it is not."""
        return (self.live_at - self.saved_at).total_seconds() * 1000 if self.live_at else None
