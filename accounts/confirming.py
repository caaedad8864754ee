"""What is worth a second look asks for the password again, unless it was shown a moment ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone

#: How long a password that was shown counts.
LASTS = timedelta(minutes=10)
CONFIRMED = "confirmed"
#: Pages whose forms need it, by route. What lets somebody in, or more people in, or lets her keep a way in.
SENSITIVE = frozenset(
    {
        "tokens",
        *("factors", "factors.app", "factors.key", "factors.codes", "factors.remove"),
        *("sign_in", "sign_in.reset", "sign_in.directory", "sign_in.grant", "sign_in.withdraw", "sign_in.provider"),
    }
)


def confirm(request: HttpRequest) -> None:
    request.session[CONFIRMED] = timezone.now().isoformat()


def is_confirmed(request: HttpRequest) -> bool:
    said = request.session.get(CONFIRMED)
    return said is not None and timezone.now() - datetime.fromisoformat(said) < LASTS
