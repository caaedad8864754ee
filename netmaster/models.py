"""What the dialect must remember and the product has no place for: how a client put things, and what it told of
containers. No row here decides anything on a node."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models

from networks.models import Endpoint, EndpointGroup, Network
from tenants.models import Tenant


class Wording(models.Model):
    """How a client wrote members of an object that is stored in canonical form: {member: [as written, as stored]}.

    A member is shown as it was written for as long as the object still holds what was stored then ("20.1.1.5/24" for
    20.1.1.0/24; no tag for the one that was chosen).
    """

    kind = models.CharField(max_length=20)
    row = models.PositiveBigIntegerField()
    members = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "row"], name="netmaster_wording_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.row}"


class LocalTag(models.Model):
    """The VLAN a VXLAN network is shown with, as Contiv's nodes needed one. Ours do not; clients print it."""

    network = models.OneToOneField(Network, on_delete=models.CASCADE, related_name="local_tag", primary_key=True)
    number = models.PositiveIntegerField(unique=True)

    def __str__(self) -> str:
        return f"{self.network} {self.number}"


class GroupNumber(models.Model):
    """The number that records of endpoints show for their group, as Contiv's nodes needed one. Clients print it."""

    group = models.OneToOneField(
        EndpointGroup, on_delete=models.CASCADE, related_name="contiv_number", primary_key=True
    )
    number = models.PositiveIntegerField(unique=True)

    def __str__(self) -> str:
        return f"{self.group} {self.number}"


class GroupCounter(models.Model):
    """The one row that says which number was counted last: the next group gets the one after it, so that the number of
    a deleted group comes back as late as can be."""

    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.last)


class Unlisted(models.Model):
    """A network that is not among its tenant's links any more: Contiv takes it off before it sees that it has endpoints
    and must stay."""

    network = models.OneToOneField(Network, on_delete=models.CASCADE, related_name="unlisted", primary_key=True)

    def __str__(self) -> str:
        return str(self.network)


class Container(models.Model):
    """What a plug-in told of the container behind an endpoint. `endpoint_name` is the id it uses for it.

    `reported_ip` is the address it named when the container started, and `running` whether it runs: a service's
    providers are the running ones with its labels.
    """

    endpoint = models.OneToOneField(Endpoint, on_delete=models.CASCADE, related_name="container", primary_key=True)
    endpoint_name = models.CharField(max_length=256, db_index=True)
    container = models.CharField(max_length=256, blank=True, db_index=True)
    common_name = models.CharField(max_length=256, blank=True, db_index=True)
    host = models.CharField(max_length=256, blank=True)
    labels = models.JSONField(null=True)
    reported_ip = models.CharField(max_length=39, blank=True)
    running = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.endpoint_name


class NoteCount(models.Model):
    """How often the dialect noted something of a tenant without a change of it: how a client words what is there
    already, what a plug-in tells of a container. With the tenant's generation it says what an answer is prepared for
    (`netmaster.versions`)."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="note_count", primary_key=True)
    wordings = models.PositiveBigIntegerField(default=0)
    containers = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.tenant} {self.wordings} {self.containers}"


class TokenSeries(models.Model):
    """How often all of somebody's tokens of auth_proxy were ended: those of an earlier series open nothing."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="token_series", primary_key=True
    )
    number = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user} {self.number}"

    @classmethod
    def begin_another(cls, user: User) -> None:
        cls.objects.get_or_create(user_id=user.pk)
        cls.objects.filter(user_id=user.pk).update(number=models.F("number") + 1)
