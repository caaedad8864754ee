"""What a page's request carries beyond Django's own: the person who asks, as a middleware the settings name puts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from django.contrib.auth.models import User
from django.http import HttpRequest


class Person(Protocol):
    """Who looks at a page. `tenant` is the one she has chosen to work in, None for all she sees; `actor` is how the
    record will name her."""

    actor: Any

    @property
    def tenants(self) -> Sequence[Any]: ...

    @property
    def tenant(self) -> Any | None: ...

    def may(self, verb: str, tenant: Any | None = None) -> bool: ...

    def require(self, verb: str, tenant: Any | None = None) -> None:
        """Raises PermissionDenied with a sentence that says which right is missing and who grants it."""


class PageRequest(HttpRequest):
    """A request behind the login, as AuthenticationMiddleware and the person's middleware leave it."""

    user: User
    person: Person


def is_live(request: HttpRequest) -> bool:
    """Whether an open page asks for itself again: it wants its live regions, not the frame around them."""
    return request.headers.get("X-Live") == "1"
