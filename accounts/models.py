"""Who somebody is: sessions, second factors, and guesses at passwords."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from tenants.access import ClusterRole
from tenants.models import ClusterOwnedQuerySet, Membership, Role, Tenant, Token

attribute_name = RegexValidator(
    r"^[A-Za-z][A-Za-z0-9-]*$", "Use the name of an attribute or class, for example sAMAccountName.", code="name"
)
#: Roles that a group may bring.
GRANTED = [*Role.choices, *ClusterRole.choices]


class Session(AbstractBaseSession):
    """A browser that is signed in (or about to). The row is the session: without it the browser is nobody's."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions")
    #: What it is called where it is shown: its key opens it.
    public_id = models.CharField(max_length=16, null=True, unique=True)  # noqa: DJ001 - sessions of nobody have none
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField(null=True)
    #: Moved on at most once a minute.
    seen_at = models.DateTimeField(null=True)

    word = "session"

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"session of {self.user} from {self.address or 'nowhere'}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.sessions import SessionStore

        return SessionStore


class GivenPassword(models.Model):
    """Somebody else chose this person's password and so knows it: she chooses another one before anything else."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="given_password")

    def __str__(self) -> str:
        return f"given password of {self.user}"


class Guesses(models.Model):
    """Wrong answers in a row of one kind and key, and until when no other one is listened to.

    Counted before an answer is judged, so that many at once are counted too; forgotten when a right one comes.
    """

    class Kind(models.TextChoices):
        #: One account from one address.
        PAIR = "pair"
        ADDRESS = "address"
        #: One account, from addresses it was never signed in from.
        ACCOUNT = "account"
        #: The second factor of one account.
        FACTOR = "factor"

    kind = models.CharField(max_length=7, choices=Kind)
    #: A digest: what was typed as a name may be anything, even a password.
    key = models.CharField(max_length=64)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    until = models.DateTimeField(null=True)

    word = "lock-out"
    #: Whose and from where, for the record; not kept here.
    said = ""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="accounts_guesses_once")]
        indexes = [models.Index(fields=["last_at"])]

    def __str__(self) -> str:
        return self.said or self.kind


class KnownAddress(models.Model):
    """An address somebody has signed in from: guesses from elsewhere do not hold her up there."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="known_addresses")
    network = models.CharField(max_length=43)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "network"], name="accounts_known_address_once")]

    def __str__(self) -> str:
        return f"{self.user} from {self.network}"


class Authenticator(models.Model):
    """An app that shows six digits every half minute."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticator")
    #: Sealed (accounts.sealed).
    secret = models.TextField()
    #: The newest half minute whose digits were taken: none is taken twice.
    last_step = models.BigIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)

    word = "authenticator app"

    def __str__(self) -> str:
        return f"authenticator app of {self.user}"


class Passkey(models.Model):
    """A security key, or a device that holds one (WebAuthn)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=64)
    credential_id = models.CharField(max_length=1400, unique=True)
    public_key = models.TextField()
    #: How often it says it was used; one that says less than before is a copy.
    sign_count = models.BigIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    word = "security key"

    class Meta:
        ordering = ["made_at", "pk"]

    def __str__(self) -> str:
        return f"security key {self.name} of {self.user}"


class RecoveryCode(models.Model):
    """One of the codes that open an account once, for when everything else is lost; kept as a digest."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="accounts_recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


class ConfirmedToken(models.Model):
    """When its person showed her password to a token: what asks for it does not ask again for a while."""

    token = models.OneToOneField(Token, on_delete=models.CASCADE, related_name="confirmed", primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.token} at {self.at}"

    @classmethod
    def note(cls, token: Token, at: datetime) -> None:
        cls.objects.update_or_create(token=token, defaults={"at": at})


class Rules(models.Model):
    """The one row that says how people of this installation sign in."""

    factor_for_administrators = models.BooleanField(default=False)

    word = "sign-in rules"

    def __str__(self) -> str:
        return "sign-in rules"

    @classmethod
    def current(cls) -> Rules:
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class Directory(models.Model):
    """The one row that says which LDAP or Active Directory server people may sign in by."""

    server = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=389, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    base_dn = models.CharField(max_length=500)
    service_account_dn = models.CharField(max_length=500)
    #: Sealed (accounts.sealed), and never answered.
    service_account_password = models.TextField()
    start_tls = models.BooleanField(default=True)
    insecure_skip_verify = models.BooleanField(default=False)
    #: The name its certificate must be issued to; empty: `server`.
    tls_cert_issued_to = models.CharField(max_length=255, blank=True)
    #: Who signed that certificate, as PEM; empty: an authority this machine trusts.
    authority = models.TextField(blank=True)
    name_attribute = models.CharField(max_length=64, default="sAMAccountName", validators=[attribute_name])
    user_class = models.CharField(max_length=64, default="user", validators=[attribute_name])

    word = "directory"

    def __str__(self) -> str:
        return f"{self.server}:{self.port}"

    @classmethod
    def current(cls) -> Directory | None:
        return cls.objects.filter(pk=1).first()


class FromDirectory(models.Model):
    """An account that is a directory's: its password is judged there."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="from_directory")
    dn = models.CharField(max_length=500)

    def __str__(self) -> str:
        return self.dn


class GroupGrant(models.Model):
    """A role that a group of the directory or the provider brings along: in a tenant, or without one in the cluster."""

    kind = "group_grant"
    word = "group's role"

    group = models.CharField(max_length=500)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="group_grants")
    role = models.CharField(max_length=13, choices=GRANTED, default=Role.VIEWER)

    objects = ClusterOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["group", "tenant__name"]
        constraints = [
            models.UniqueConstraint(fields=["group", "tenant"], name="accounts_group_grant_once"),
            models.UniqueConstraint(
                fields=["group"], condition=models.Q(tenant=None), name="accounts_group_grant_in_cluster_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} is {self.role} of {self.tenant or 'the cluster'}"


class MembershipByGroup(models.Model):
    """Marks a membership that a group brought: it leaves with the group."""

    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, related_name="by_group")

    def __str__(self) -> str:
        return str(self.membership)


class ClusterRoleByGroup(models.Model):
    """Marks that somebody's role in the cluster was brought by a group: it leaves with the group."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_by_group")

    def __str__(self) -> str:
        return f"role of {self.user} by a group"


class Provider(models.Model):
    """The one row that says which OpenID Connect provider people may sign in by."""

    name = models.CharField(max_length=64)
    issuer = models.CharField(max_length=500)
    client_id = models.CharField(max_length=255)
    #: Sealed (accounts.sealed), and never answered.
    client_secret = models.TextField()
    name_claim = models.CharField(max_length=64, default="preferred_username")
    groups_claim = models.CharField(max_length=64, default="groups")

    word = "provider"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> Provider | None:
        return cls.objects.filter(pk=1).first()


class FromProvider(models.Model):
    """An account that is a provider's. Who she is says `subject`, once per issuer; her name there may change."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="from_provider")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="accounts_from_provider_once")]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
