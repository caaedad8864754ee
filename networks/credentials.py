"""How machines come in: tokens to join with, the certificates they were given, and who was turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants import access

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


Row = TypeVar("Row", bound=models.Model)


class OfNodes(models.QuerySet[Row]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """As nodes are."""
        return access.in_cluster(self, user, "node")


class JoinTokenQuerySet(OfNodes["JoinToken"]):
    pass


class JoinToken(models.Model):
    """Lets one machine in, once, until it expires. `node` None: as a node of a new name; else as that one alone."""

    #: What people call it, in messages.
    word = "join token"

    node = models.ForeignKey("networks.Node", null=True, on_delete=models.CASCADE, related_name="join_tokens")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = JoinTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.pk} for {self.node or 'a new node'}"

    @property
    def state(self) -> str:
        """One of used, ended, expired and open."""
        if self.used_at:
            return "used"
        if self.ended_at:
            return "ended"
        return "expired" if self.expires_at <= timezone.now() else "open"


class NodeCertificateQuerySet(OfNodes["NodeCertificate"]):
    pass


class NodeCertificate(models.Model):
    """A certificate a node was given. Whoever holds its key is that node, until it expires or is revoked."""

    word = "certificate"

    node = models.ForeignKey("networks.Node", on_delete=models.CASCADE, related_name="certificates")
    #: SHA-256 of the certificate (DER), in hexadecimal.
    fingerprint = models.CharField(max_length=64, unique=True)
    #: The node's name when it was given, and so the one it carries.
    name = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = NodeCertificateQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """One of revoked, expired and good."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "good"


class KnockQuerySet(OfNodes["Knock"]):
    pass


class Knock(models.Model):
    """Somebody who was not let in as a node, and why. The same one again within an hour is counted, not written anew.

    `node` is the one it is about, as far as that is known; `claimed` is what the caller said its name was, unproven.
    """

    class Why(models.TextChoices):
        UNKNOWN_TOKEN = "unknown_token", _("a join token nobody was given")
        USED_TOKEN = "used_token", _("a join token that was used before")
        ENDED_TOKEN = "ended_token", _("a join token that was withdrawn")
        EXPIRED_TOKEN = "expired_token", _("a join token that has expired")
        OTHER_NAME = "other_name", _("another node's name")
        OTHER_ADDRESS = "other_address", _("another underlay address than the node's")
        BAD_REQUEST = "bad_request", _("a certificate request that cannot be signed")
        NO_CERTIFICATE = "no_certificate", _("no certificate")
        FOREIGN = "foreign", _("a certificate of another authority")
        UNKNOWN = "unknown", _("a certificate that is not known here")
        REVOKED = "revoked", _("a revoked certificate")
        EXPIRED = "expired", _("an expired certificate")

    node = models.ForeignKey("networks.Node", null=True, on_delete=models.CASCADE, related_name="knocks")
    why = models.CharField(max_length=16, choices=Why)
    claimed = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    times = models.PositiveIntegerField(default=1)

    objects = KnockQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at"]

    def __str__(self) -> str:
        return f"{self.why} from {self.address or 'this machine'}"
