"""The verbs on join tokens: each lets one machine in as a node, once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from core.joining import JoinText
from networks.authority import authority
from networks.credentials import JoinToken
from networks.models import Node
from tenants.change import Actor, Refused, change, plain

TOKEN_LASTS_HOURS = 24
MOST_TOKEN_HOURS = 24 * 30


def token_hash(secret: str) -> str:
    """Secrets are random and long, so a plain digest is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make_join_token(*, actor: Actor, node: Node | None = None, hours: int = TOKEN_LASTS_HOURS) -> tuple[JoinToken, str]:
    """A token for this node, or for a new one. Answers it and its text, which nobody can read again."""
    if not 1 <= hours <= MOST_TOKEN_HOURS:
        raise Refused(f"A join token lasts from 1 to {MOST_TOKEN_HOURS} hours.", code="hours")
    with change(actor=actor, tenant=None, verb="node.token") as step:
        row, text = issue(node, hours)
        step.created(row)
    return row, text


def issue(node: Node | None, hours: int = TOKEN_LASTS_HOURS) -> tuple[JoinToken, str]:
    """A token and its text, inside a verb that tells the record of it."""
    secret = secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(hours=hours)
    row = JoinToken.objects.create(node=node, token_hash=token_hash(secret), expires_at=expires)
    return row, str(JoinText(authority().fingerprint, secret))


def end_join_token(*, actor: Actor, row: JoinToken) -> None:
    """Withdraw a token: it lets nobody in any more. One that was used, or has ended, stays as it is."""
    with change(actor=actor, tenant=None, verb="node.token_end") as step:
        before = plain(row)
        if JoinToken.objects.filter(pk=row.pk, used_at=None, ended_at=None).update(ended_at=timezone.now()):
            row.refresh_from_db()
            step.updated(row, before)
        else:
            step.unchanged()
