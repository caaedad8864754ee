"""What was done: the record of every change, the events programs hear of, and how far each change is live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from tenants import access
from tenants.doings import in_words
from tenants.models.base import Tenant, the_one

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class RecordQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The part of the record that this person may know of."""
        return access.in_record(self, user)


class AddedOnly(Exception):
    """Somebody tried to alter or delete what is only ever added to."""


#: How the verbs of what nodes found and healed begin.
DRIFT = "drift."


class AuditQuerySet(RecordQuerySet):
    """Reads. The record is written by tenants.chain, and by nobody afterwards."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise AddedOnly("Rows of the record are never altered or deleted. Add one: tenants.chain.write.")

    update = delete = bulk_update = bulk_create = update_or_create = _refuse

    def changes(self) -> Self:
        """What somebody asked for, without what nodes healed."""
        return self.exclude(verb__startswith=DRIFT)


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
        Tenant,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="audit_entries",
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

    @property
    def doing(self) -> str:
        """The verb in words, in the reader's language."""
        return in_words(self.verb)


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

    Made by worker.publish when it is compiled, until when the record says what was saved and when; of a change of the
    cluster that touches the tenant by tenants.change at once. A node counts as live when it has applied this generation
    or a later one. `live_at` is set once, when the last of them has.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="realizations", db_index=False)
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


class Event(models.Model):
    """Something programs may want to hear of: a change of an object, or of how things stand. Only ever added.

    Transactions end in another order than they begin, so ids do not tell what a reader has seen: `number` does. It is
    given once a row is committed (tenants.events), without gaps in order. An event of no tenant is the cluster's; that
    of one that is gone still names it, as the record does.
    """

    number = models.PositiveBigIntegerField(null=True, unique=True)
    at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    tenant = models.ForeignKey(
        Tenant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="events"
    )
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


class ChainTold(models.Model):
    """Up to which row a chain of the record has become events (tenants.events). Written with EventHead locked."""

    chain = models.PositiveBigIntegerField(primary_key=True)
    number = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"chain {self.chain} up to {self.number}"
