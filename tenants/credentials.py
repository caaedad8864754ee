"""The verbs on tokens of the API, and which of them a person sees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants.access import Right, require, rights_of
from tenants.change import Actor, change
from tenants.models import Tenant, Token, TokenRights
from tenants.signals import tokens_ended

#: How long what time has ended, a token or an invitation, is still shown to those who wonder why it opens nothing.
ENDED_KEPT = timedelta(days=30)


def tokens_of(user: User) -> QuerySet[Any]:
    """Her own, and those that were made for tenants she owns (all tenants, for who sees all)."""
    rights = rights_of(user)
    seen = Q(tenant_id__in=[pk for pk, right in rights.tenants.items() if right >= Right.OWNER])
    if rights.sees_all:
        seen = Q(tenant__isnull=False)
    if getattr(user, "only_tenant", None) is None:
        seen |= Q(user_id=user.pk)
    found: QuerySet[Any] = Token.objects.filter(seen)
    return found.select_related("user", "tenant").order_by("created", "pk")


def make_token(
    *,
    actor: Actor,
    user: User,
    name: str = "",
    rights: str = TokenRights.WRITE,
    tenant: Tenant | None = None,
    days: int | None = None,
) -> tuple[Token, str]:
    """Make a token for her, or for a tenant she sees. Answers it and its text, which nobody can read again."""
    if tenant is not None:
        require(user, "token.create", tenant)
    with change(actor=actor, tenant=tenant, verb="token.create") as step:
        lasts = timedelta(days=days) if days else None
        row, text = Token.objects.create(user, lasts, name=name, rights=rights, tenant=tenant)
        step.created(row, _recorded(row))
    return row, text


def end_token(*, actor: Actor, user: User, row: Token) -> None:
    """Nothing is opened by it any more, from the next request on. Her own are hers to end, others' an owner's."""
    if row.user_id != user.pk:
        require(user, "token.delete", row.tenant)
    with change(actor=actor, tenant=row.tenant, verb="token.delete") as step:
        before = _recorded(row)
        row.delete()
        step.deleted(row, before)


@transaction.atomic
def end_tokens(*, actor: Actor, user: User) -> None:
    """Nothing is opened any more by what she, or somebody in her name, has made: each is ended by itself, in the order
    in which tenants are locked. What Contiv's clients signed in with goes, too."""
    rows = Token.objects.filter(user=user).select_related("user", "tenant")
    for row in sorted(rows, key=lambda row: (row.tenant_id or 0, row.pk)):
        end_token(actor=actor, user=user, row=row)
    tokens_ended.send(sender=User, user=user)


def forget_tokens() -> None:
    """Drop those that ended by time long ago. That is no change: since then they opened nothing, and the record has
    had the end of each from its making on. One that is shown after its end goes at once, without a row as well."""
    Token.objects.filter(expiry__lt=timezone.now() - ENDED_KEPT).delete()


def _recorded(row: Token) -> dict[str, Any]:
    """What the record keeps: which token it was, never what opens anything."""
    expiry = row.expiry.isoformat() if row.expiry else None
    return {"key": row.token_key, "name": row.name, "rights": row.rights, "maker": row.user.username, "expiry": expiry}
