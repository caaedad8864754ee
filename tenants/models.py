"""Who: tenants, their members, the record of every change. Also the base of everything a tenant owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from django.conf import settings
from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken, AuthTokenManager

from tenants import access
from tenants.labels import Labelled, LabelledQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

#: Contiv's rule for names: labels of letters, digits and inner dashes, joined by single dots.
NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"
validate_name = RegexValidator(
    NAME_PATTERN,
    "Use letters, digits, dashes and dots, beginning and ending with a letter or digit, for example web-1.",
    code="name",
)


Only = TypeVar("Only", bound=models.Model)


def the_one(model: type[Only]) -> Only:
    """The one row of a model that has one, locked to the end of the transaction; made at the first use."""
    rows = model._default_manager
    found = rows.select_for_update().filter(pk=1).first()
    if found is None:
        rows.bulk_create([model(pk=1)], ignore_conflicts=True)
        found = rows.select_for_update().get(pk=1)
    return found


class Verdict(models.TextChoices):
    ALLOW = "allow", "Allow"
    DENY = "deny", "Deny"


class TenantQuerySet(LabelledQuerySet["Tenant"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Tenants this person may know of: all for who sees all, else those she is a member of."""
        return access.in_tenants(self, user, "")


class Tenant(Labelled):
    """A VRF: its networks reach each other, nothing else reaches them; subnets of two tenants may overlap."""

    name = models.CharField(max_length=64, unique=True, validators=[validate_name])
    description = models.CharField(max_length=200, blank=True)
    default_verdict = models.CharField(
        max_length=5,
        choices=Verdict,
        default=Verdict.ALLOW,
        help_text="What happens to a flow no rule speaks of. Contiv's own default is allow.",
    )
    #: How much of what it may have, by the names of tenants.quotas; what is not in it is not limited.
    limits = models.JSONField(default=dict, blank=True, editable=False)
    #: Counts changes of anything the tenant owns. Set by tenants.change only.
    generation = models.PositiveBigIntegerField(default=1, editable=False)
    #: The end of the tenant's chain in the record (tenants.chain).
    record_number = models.PositiveBigIntegerField(default=0, editable=False)
    record_link = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TenantOwnedQuerySet(LabelledQuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Rows of the tenants this person may see; the one gate of pages, API, sockets and tasks alike."""
        return access.in_tenants(self, user, self.model.tenant_path)


class ClusterOwnedQuerySet(LabelledQuerySet[Any]):
    """Rows that belong to the cluster. The model's `kind` is its word in verbs ("node")."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """All for who may see this kind of thing, none for everybody else."""
        return access.in_cluster(self, user, self.model.kind)


class TenantOwned(Labelled):
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
        #: Lists over all tenants, by name.
        indexes = [models.Index(fields=["name", "id"], name="%(class)s_by_name")]
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


class RecordQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The part of the record that this person may know of."""
        return access.in_record(self, user)


class AddedOnly(Exception):
    """Somebody tried to alter or delete what is only ever added to."""


class AuditQuerySet(RecordQuerySet):
    """Reads. The record is written by tenants.chain, and by nobody afterwards."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise AddedOnly("Rows of the record are never altered or deleted. Add one: tenants.chain.write.")

    update = delete = bulk_update = bulk_create = update_or_create = _refuse


class AuditEntry(models.Model):
    """One change: who, when, from where, before and after. Rows are only ever added, each bound to the one before.

    `verb` is "object.action" ("policy.update", "drift.heal"); `generation` what the tenant's intent became by it;
    `before`/`after` the object's fields as plain values (None where it did not exist). `token` is the name and the key
    of the token it was done with; `request` and `batch` name the request (contivui.web.trace): rows of one batch are
    undone together. `undoes` is the id of the row whose change this one took back. The rows of a chain (a tenant's id;
    0 is the cluster) are numbered from 1 without gaps, and `digest` binds each to the one before (tenants.chain).

    User and tenant are kept as they were: the row says the same when they are gone.
    """

    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=150)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    token = models.CharField(max_length=100, blank=True)
    via = models.CharField(max_length=20)
    address = models.GenericIPAddressField(null=True)
    request = models.CharField(max_length=64, blank=True)
    batch = models.CharField(max_length=32, blank=True)
    undoes = models.PositiveBigIntegerField(null=True)
    tenant = models.ForeignKey(
        Tenant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="audit_entries"
    )
    tenant_name = models.CharField(max_length=64, blank=True)
    generation = models.PositiveBigIntegerField(null=True)
    verb = models.CharField(max_length=64, db_index=True)
    object_type = models.CharField(max_length=40)
    object_id = models.PositiveBigIntegerField(null=True)
    object_name = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    chain = models.PositiveBigIntegerField(editable=False)
    number = models.PositiveBigIntegerField(editable=False)
    digest = models.CharField(max_length=64, editable=False)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "generation"]),
            models.Index(fields=["object_type", "object_id"]),
            models.Index(fields=["request"], name="tenants_audit_request"),
            models.Index(fields=["batch"], name="tenants_audit_batch"),
        ]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="tenants_audit_number_once_per_chain")]

    def __str__(self) -> str:
        return f"{self.actor}: {self.verb} {self.object_name}"

    def save(self, **options: Any) -> None:
        """For tenants.chain only, once."""
        if not self._state.adding or not self.digest:
            raise AddedOnly("Rows of the record are added by tenants.chain, and stay as they are.")
        super().save(**options)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AddedOnly("Rows of the record are never deleted.")


class ClusterRecord(models.Model):
    """The end of the cluster's chain in the record. One row, locked by whoever changes the cluster."""

    record_number = models.PositiveBigIntegerField(default=0)
    record_link = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"the cluster's record up to {self.record_number}"

    @classmethod
    def locked(cls) -> Self:
        """The row, locked to the end of the transaction; made at the first use. Who will lock tenants too locks this
        first, so that two never wait for each other."""
        return the_one(cls)


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


class TokenRights(models.TextChoices):
    READ = "read", "Read only"
    WRITE = "write", "Read and change"


class TokenManager(AuthTokenManager):  # type: ignore[misc]
    def get_queryset(self) -> Any:
        """With whom they are for: every request by token asks."""
        return super().get_queryset().select_related("user__held_role")


class Token(AbstractAuthToken):  # type: ignore[misc]
    """What a program shows instead of a password; kept as a hash. It can do what its maker can, less what it was not
    made for: with `rights` read nothing is changed, with a `tenant` there is nothing but that tenant."""

    name = models.CharField(max_length=64, blank=True)
    rights = models.CharField(max_length=5, choices=TokenRights, default=TokenRights.WRITE)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="+")
    #: Moved on at most once a minute.
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = TokenManager()

    def __str__(self) -> str:
        return f"{self.name or self.token_key} of {self.user}"


class Answered(models.Model):
    """What a creation with an Idempotency-Key answered, so that the same request sent again is answered the same.
    Without what was to be shown once. `digest` is that of method, path and body."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.JSONField(null=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="tenants_answered_once_per_key")]

    def __str__(self) -> str:
        return f"{self.key}: {self.status}"


class Event(models.Model):
    """Something programs may want to hear of: a change of an object, or of how things stand. Only ever added.

    Transactions end in another order than they begin, so ids do not tell what a reader has seen: `number` does. It is
    given once a row is committed (tenants.events), without gaps in order. An event of no tenant is the cluster's.
    """

    number = models.PositiveBigIntegerField(null=True, unique=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="events")
    tenant_name = models.CharField(max_length=64, blank=True)
    #: "change" (then `what` is the verb, as in the record), or "status".
    kind = models.CharField(max_length=6)
    what = models.CharField(max_length=64)
    generation = models.PositiveBigIntegerField(null=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.PositiveBigIntegerField(null=True)
    object_name = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)

    objects = RecordQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["tenant", "number"])]

    def __str__(self) -> str:
        return f"{self.number}: {self.what} {self.object_name}"


class EventHead(models.Model):
    """The one row that says the newest number given; locked while numbers are given."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def locked(cls) -> Self:
        """The row, locked to the end of the transaction; made at the first use."""
        return the_one(cls)
