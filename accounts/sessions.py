"""The session engine: sessions as rows that say whose they are, from where, since when and when they were last used.

A session ends after settings.SESSION_IDLE without use, and settings.SESSION_COOKIE_AGE after its sign-in whatever it
was used for. Both stand in the row's `expire_date`, which is all that is asked when it is looked up.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

from accounts.models import Session

#: Where the session's data keeps how it began, and what its person must do before anything else.
BEGAN, MUST = "began", "must"
#: How exactly the last use is known: a write per request would cost more than it tells.
USE_NOTED = timedelta(minutes=1)


class SessionStore(db.SessionStore):
    """Django's own, with a row of ours. `row` is what was loaded, None when nothing was."""

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Any:
        self.row = super()._get_session_from_db()  # type: ignore[misc]
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        now = timezone.now()
        row = cast(Session, super().create_model_instance(data))
        began = data.get(BEGAN) or {}
        row.user_id = data.get(SESSION_KEY)
        row.public_id = began.get("id")
        row.address, row.agent = began.get("address"), began.get("agent", "")
        row.since = datetime.fromisoformat(began["at"]) if began else now
        row.seen_at, row.expire_date = now, ends(row.since, now)
        return row

    def cycle_key(self) -> None:
        """A new key, and so a new row beside the old one for a moment: two rows are never called the same."""
        if began := self.get(BEGAN):
            self[BEGAN] = {**began, "id": secrets.token_hex(8)}
        super().cycle_key()

    def used(self) -> None:
        """The person did something: the session lasts on from now."""
        row, now = self.row, timezone.now()
        if row is None or row.since is None or row.seen_at is None or now - row.seen_at < USE_NOTED:
            return
        Session.objects.filter(pk=row.pk).update(seen_at=now, expire_date=ends(row.since, now))


def ends(since: datetime, seen_at: datetime) -> datetime:
    """When a session that began and was last used at these times is over."""
    return min(seen_at + settings.SESSION_IDLE, since + timedelta(seconds=settings.SESSION_COOKIE_AGE))


def alive(session: Any) -> bool:
    """Whether a session is still there and nothing is to be done first; for connections that outlive requests."""
    rows = Session.objects.filter(session_key=session.session_key, expire_date__gt=timezone.now())
    return not session.get(MUST) and rows.exists()
