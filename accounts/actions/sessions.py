"""The verbs on sessions. Signing in and out is everyday life; ending another session is a change, and recorded."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Session
from tenants.change import Actor, change


def sessions_of(user: User) -> QuerySet[Session]:
    """Hers that are not over, the one used last first."""
    return Session.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-seen_at")


def end_session(*, actor: Actor, row: Session) -> None:
    """Sign out the browser whose session it is, from its next request on."""
    with change(actor=actor, tenant=None, verb="session.delete") as step:
        before = recorded(row)
        row.delete()
        step.deleted(row, before)


def end_sessions(*, actor: Actor, user: User, keep: str | None = None) -> int:
    """Sign out everywhere, but for the session with the key `keep`. Answers how many sessions ended."""
    with change(actor=actor, tenant=None, verb="session.delete_all") as step:
        ended = drop_sessions(user, keep)
        step.updated(user, {"sessions": ended}, {"sessions": 0})
        if not ended:
            step.unchanged()
    return ended


def drop_sessions(user: User, keep: str | None = None) -> int:
    """Within another verb. Answers how many."""
    rows = Session.objects.filter(user=user).exclude(session_key=keep)
    ended = rows.filter(expire_date__gt=timezone.now()).count()
    rows.delete()
    return ended


def forget_sessions() -> None:
    """Drop what is over."""
    Session.objects.filter(expire_date__lte=timezone.now()).delete()


def recorded(row: Session) -> dict[str, Any]:
    """Never the key: it opens the session."""
    since = row.since.isoformat() if row.since else None
    return {"user": str(row.user), "address": row.address, "agent": row.agent, "since": since}
