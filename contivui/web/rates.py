"""How many requests a token may make: counted per minute in the cache, told in the headers of every answer.

The headers are those of draft-ietf-httpapi-ratelimit-headers-07. Where the cache is away nothing is counted: the limit
protects the others from one, and they are better served without it than not at all.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

log = logging.getLogger(__name__)

WINDOW_S = 60
#: Seconds for which an absent cache is not asked again.
PAUSE_S = 5.0
#: The header by which this process's own repeated looks (contivui.web.waiting) are known, and what it must say.
OWN_HEADER, OWN = "X-Own-Look", secrets.token_urlsafe(16)


class Counter:
    """Requests of this window, by who makes them. None while the cache is away."""

    def __init__(self) -> None:
        self._asked_again_at = 0.0

    def count(self, who: str, now: float) -> int | None:
        if time.monotonic() < self._asked_again_at:
            return None
        key = f"rate.{int(now) // WINDOW_S}.{who}"
        try:
            cache.add(key, 0, WINDOW_S * 2)
            return int(cache.incr(key))
        except Exception as error:
            log.warning("Requests are not counted: the cache is away (%s).", type(error).__name__)
            self._asked_again_at = time.monotonic() + PAUSE_S
            return None


counter = Counter()


class Rate(BaseThrottle):
    """Refuses with 429 beyond settings.API_RATE requests a minute."""

    def allow_request(self, request: Request, view: Any) -> bool:
        limit, now = settings.API_RATE, time.time()
        if not limit or not request.user or not request.user.is_authenticated or own(request.headers.get(OWN_HEADER)):
            return True
        self.reset = WINDOW_S - int(now) % WINDOW_S
        used = counter.count(who(request), now)
        if used is None:
            return True
        request._request.rate = (limit, max(0, limit - used), self.reset)  # type: ignore[attr-defined]
        return used <= limit

    def wait(self) -> float:
        return float(self.reset)


def who(request: Request) -> str:
    """A token by (a digest of) its digest, a person in her browser by her id."""
    digest = getattr(request.auth, "digest", None)
    return hashlib.sha256(digest.encode()).hexdigest()[:24] if digest else f"u{request.user.pk}"


def own(said: str | None) -> bool:
    return said is not None and hmac.compare_digest(said.encode(), OWN.encode())


class RateHeaders:
    """Middleware: tells what Rate counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if rate := getattr(request, "rate", None):
            for name, value in zip(("Limit", "Remaining", "Reset"), rate, strict=True):
                response[f"RateLimit-{name}"] = str(value)
        return response
