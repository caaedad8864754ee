"""What is worth a second look asks for the password again, unless it was shown a moment ago: on pages and in the API,
to a session and to a token alike."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.models import ConfirmedToken
from contivui.web.problem import Unconfirmed
from tenants.models import Token

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
#: Kinds of objects, as the record names them, whose changes are taken back with the password only.
UNDONE_WITH_PASSWORD = frozenset({"groupgrant", "rules", "directory", "provider"})


def confirm(request: HttpRequest) -> None:
    request.session[CONFIRMED] = timezone.now().isoformat()


def confirmed_at(request: HttpRequest, at: datetime | None) -> None:
    """It was shown then, elsewhere; None: who knows when."""
    if at is None:
        request.session.pop(CONFIRMED, None)
    else:
        request.session[CONFIRMED] = at.isoformat()


def is_confirmed(request: HttpRequest) -> bool:
    said = request.session.get(CONFIRMED)
    return is_recent(datetime.fromisoformat(said) if said else None)


def is_recent(at: datetime | None) -> bool:
    return at is not None and timezone.now() - at < LASTS


def confirm_api(request: Request) -> datetime:
    """The password was shown with this request: it counts for the session or the token it came by. Answers how long."""
    now = timezone.now()
    if isinstance(request.auth, Token):
        ConfirmedToken.note(request.auth, now)
    else:
        confirm(request._request)
    return now + LASTS


def require_confirmed(request: HttpRequest | Request) -> None:
    """Raises Unconfirmed, for a request of a page or of the API."""
    if isinstance(request, HttpRequest):
        shown = is_confirmed(request)
    elif isinstance(request.auth, Token):
        shown = ConfirmedToken.objects.filter(token=request.auth, at__gt=timezone.now() - LASTS).exists()
    else:
        shown = is_confirmed(request._request)
    if not shown:
        raise Unconfirmed
