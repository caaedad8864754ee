"""What tests of the pages share: addresses of everything, people signed in, static files without hashed names."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.test_api_routes import furnish

#: Names of routes that take a row's key, by what `furnish` calls the rows.
FOLDERS = {
    "network": "networks",
    "reservation": "reservations",
    "group": "groups",
    "endpoint": "endpoints",
    "policy": "policies",
    "profile": "profiles",
    "node": "nodes",
    "tenant": "tenants",
    "member": "members",
    "user": "users",
    "service": "services",
    "app": "app-profiles",
    "contract": "contract-groups",
    "bgp": "bgp-peers",
    "aci": "aci-gateways",
}
#: Likewise, of pages that are no kind's.
OTHERS = {"undo": "audit", "invitation": "invitations"}
#: What somebody who has not signed in may open.
PUBLIC = {"login", "login.factor", "login.provider", "login.back", "set_language", "healthz", "invitation"}

__all__ = ["FOLDERS", "PUBLIC", "furnish", "page_routes", "signed_in", "unhashed", "url_of"]


@pytest.fixture
def unhashed(settings: object) -> None:
    """Pages name static files plainly, so that tests need no collectstatic."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # type: ignore[attr-defined]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_routes() -> list[tuple[str, bool]]:
    """The name of every page's route, and whether it takes a row's key, found by walking."""
    return sorted(set(_walk(get_resolver().url_patterns)))


def _walk(patterns: list[URLPattern | URLResolver]) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += [] if str(pattern.pattern).startswith("api/") else _walk(pattern.url_patterns)
        elif pattern.name:
            found.append((pattern.name, "pk" in pattern.pattern.converters))
    return found


def url_of(name: str, keys: dict[str, int]) -> str:
    """The address of a route for the row that `furnish` made."""
    return reverse(name, args=[keys[(FOLDERS | OTHERS)[name.split(".")[0]]]])
