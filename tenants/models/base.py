"""The tenant, and the base of everything one owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.core.validators import RegexValidator
from django.db import models

from tenants import access
from tenants.labels import Labelled, LabelledQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

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
    #: Up to which of them nodes' specs are compiled. Set by worker.publish only.
    compiled = models.PositiveBigIntegerField(default=1, editable=False)
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

    # Whose names are once per tenant, that is an index that begins with the tenant; so is another index wherever a
    # relation has none of its own.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="%(class)ss", db_index=False)
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
