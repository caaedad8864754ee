"""Between signing in and everything else: what a person must do first, what asks for her password again, and the note
that her session was used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.confirming import SENSITIVE, is_confirmed
from accounts.sessions import MUST, SessionStore
from contivui.web.errors import PREFIX, plain
from contivui.web.problem import Unconfirmed
from contivui.web.request import is_live

#: What a person can be made to do before anything else, the page where she does it, and why.
STEPS = {
    "password": ("password_change", _("Choose a new password first: an administrator knows the one you have.")),
    "factor": ("factors", _("Set up a second factor first: administrators of this installation need one.")),
}
#: Routes that stay open meanwhile; with those of the step itself (its name, and what begins with it and a dot).
OPEN = frozenset({"login", "logout", "set_language", "confirm", "healthz", "api-me-password"})


class Gate:
    """Middleware, after the one that knows who asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        session = getattr(request, "session", None)
        # An open page that asks for itself again is nobody using it.
        if isinstance(session, SessionStore) and not is_live(request):
            session.used()
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        route = (request.resolver_match.url_name if request.resolver_match else None) or ""
        if step := _first_step(request, route):
            return self._held(request, *STEPS[step])
        if route in SENSITIVE and request.user.is_authenticated and not is_confirmed(request):
            return _asked_again(_page_of(request, route))
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """What a page finds to be worth the password only once it has looked."""
        return _asked_again(request.get_full_path()) if isinstance(exception, Unconfirmed) else None

    def _held(self, request: HttpRequest, route: str, why: Any) -> HttpResponse:
        if request.path_info.startswith(PREFIX):
            return plain(403, "first_step", str(why))
        messages.warning(request, why)
        return redirect(route)


def _asked_again(wanted: str) -> HttpResponse:
    return redirect(f"{reverse('confirm')}?{urlencode({'next': wanted})}")


def _page_of(request: HttpRequest, route: str) -> str:
    """Where to come back to: an address that only takes forms is reached from the page its name begins with."""
    only_posted = request.method == "POST" and "." in route
    return reverse(route.partition(".")[0]) if only_posted else request.get_full_path()


def _first_step(request: HttpRequest, route: str) -> str | None:
    """What she must do first, when this is something else. Tokens are held up by nothing: she made them herself. Where
    no token is looked at, a header that says it is one changes nothing."""
    by_token = request.headers.get("Authorization", "").lower().startswith("token ")
    if (by_token and request.path_info.startswith(PREFIX)) or route in OPEN:
        return None
    waiting = [step for step in request.session.get(MUST, ()) if step in STEPS]
    if not waiting or route == STEPS[waiting[0]][0] or route.startswith(f"{STEPS[waiting[0]][0]}."):
        return None
    return str(waiting[0])


def done(request: HttpRequest, step: str) -> None:
    """She has done it."""
    request.session[MUST] = [one for one in request.session.get(MUST, ()) if one != step]
