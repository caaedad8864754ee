"""Letting somebody into a tenant who has no account yet: by a link that opens once and expires.

There is no mail server: the link is shown to whoever makes it, once, and she sends it as she likes. Of what is in it
only a hash is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from tenants.actions import recorded_member
from tenants.change import Actor, Refused, change, fresh, plain
from tenants.checks import FieldErrors
from tenants.credentials import ENDED_KEPT
from tenants.models import Invitation, Membership, Role, Tenant
from tenants.users import create_user

LONGEST_DAYS = 30
OVER = "This invitation was used or withdrawn, or it has expired. Ask an owner of the tenant for another one."


def invite(
    *, actor: Actor, tenant: Tenant, email: str, role: str = Role.VIEWER, days: int = 7
) -> tuple[Invitation, str]:
    """Answers the invitation and its secret, which nobody can read again. `email` says whom it is for; whoever has the
    link may use it."""
    with change(actor=actor, tenant=tenant, verb="invitation.create") as step:
        row = Invitation(tenant=tenant, email=email, role=role, made_by_id=actor.user_id)
        errors = FieldErrors()
        errors.fields_of(row, exclude=["token_hash", "expires_at"])
        try:
            validate_email(email)
        except ValidationError:
            errors.add("email", "Give an e-mail address, for example dora@example.com.", "email")
        if not 1 <= days <= LONGEST_DAYS:
            errors.add("days", f"Give 1 to {LONGEST_DAYS} days.", "range")
        errors.settle()
        secret = secrets.token_urlsafe(32)
        row.token_hash, row.expires_at = hashed(secret), timezone.now() + timedelta(days=days)
        row.save()
        step.created(row)
    return row, secret


def withdraw(*, actor: Actor, row: Invitation) -> None:
    """Its link opens nothing any more."""
    with change(actor=actor, tenant=row.tenant, verb="invitation.delete") as step:
        row = fresh(row)
        before = plain(row)
        row.delete()
        step.deleted(row, before)


def opened(secret: str) -> Invitation | None:
    """The invitation a link leads to, while it is good."""
    rows = Invitation.objects.select_related("tenant", "made_by")
    return rows.filter(token_hash=hashed(secret), expires_at__gt=timezone.now()).first()


def accept(*, actor: Actor, secret: str, user: User) -> Membership:
    """She is a member from now on, and the link opens nothing any more. Of two who come with it at once one is let in.
    Raises Refused."""
    found = opened(secret)
    if found is None:
        raise Refused(OVER, code="invitation_over")
    with change(actor=actor, tenant=found.tenant, verb="invitation.accept") as step:
        row = opened(secret)
        if row is None:
            raise Refused(OVER, code="invitation_over")
        if Membership.objects.filter(tenant=row.tenant, user=user).exists():
            message = f"You are a member of {row.tenant.name} already. An owner can change your role."
            raise Refused(message, code="member_already")
        member = Membership.objects.create(tenant=row.tenant, user=user, role=row.role)
        row.delete()
        step.created(member, recorded_member(member))
    return member


def join(*, address: str | None, secret: str, username: str, password: str) -> Membership:
    """Make an account and accept with it: both, or neither."""
    with transaction.atomic():
        if opened(secret) is None:
            raise Refused(OVER, code="invitation_over")
        user = create_user(actor=Actor(username, "page", None, address), username=username, password=password)
        return accept(actor=Actor(username, "page", user.pk, address), secret=secret, user=user)


def forget_invitations() -> None:
    """Drop those that expired long ago: addresses of people who never came are not ours to keep. That is no change:
    since then they opened nothing, and the record has had the end of each from its making on."""
    Invitation.objects.filter(expires_at__lt=timezone.now() - ENDED_KEPT).delete()


def hashed(secret: str) -> str:
    """Secrets are random and long, so a plain digest is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
