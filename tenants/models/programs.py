"""What programs come with, and what they were answered."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from knox.models import AbstractAuthToken, AuthTokenManager

from tenants.models.base import Tenant


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
