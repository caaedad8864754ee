"""Asking an OpenID Connect provider who somebody is: the code flow with PKCE, state and nonce, all of it Authlib's."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import OAuth
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from joserfc.errors import JoseError
from requests import RequestException

from accounts.models import Provider
from accounts.sealed import Unreadable, unseal

log = logging.getLogger(__name__)

#: Seconds a provider has to answer: somebody waits at the sign-in page.
ANSWER_S = 5
#: As OpenID Connect has it.
LONGEST_SUBJECT = 255
#: What it may answer instead of what was asked for: nothing, an error, no JSON, JSON without what has to be in it.
FAILURES = (OAuthError, RequestException, Unreadable, ValueError, KeyError, RuntimeError)


class ProviderFailed(Exception):
    """It does not answer, or what it answers is not good. The text says which, without anything secret."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider vouches for. `groups` is what its claim of groups holds, `shown_at` when she showed it that it is
    she, where it says so: it may have known her browser."""

    issuer: str
    subject: str
    name: str
    first_name: str
    last_name: str
    groups: frozenset[str]
    shown_at: datetime | None


def send_there(request: HttpRequest, provider: Provider, back: str, again: bool = False) -> HttpResponse:
    """Send the browser to the provider; it comes to `back`. `again`: somebody is to show there that she is still the
    same, and the provider to say when she did. Raises ProviderFailed."""
    try:
        client = _client(provider)
        asked = {"prompt": "login", "max_age": "0"} if again else {}
        answer: HttpResponse = client.authorize_redirect(request, back, **asked)
    except FAILURES as error:
        raise _failed(provider, error) from error
    return answer


def read_answer(request: HttpRequest, provider: Provider) -> Vouched:
    """Whom the browser that came back is. Raises ProviderFailed."""
    try:
        claims = _client(provider).authorize_access_token(request)["userinfo"]
        return _vouched(provider, claims)
    except (*FAILURES, JoseError, TypeError) as error:
        raise _failed(provider, error) from error


def try_out(provider: Provider) -> None:
    """Read what it says of itself. Raises ProviderFailed."""
    try:
        _client(provider)
    except FAILURES as error:
        raise _failed(provider, error) from error


def _client(provider: Provider) -> Any:
    """Authlib's client, after a look at whether the provider calls itself what it is called here."""
    issuer = provider.issuer.rstrip("/")
    client = OAuth().register(
        "provider",
        client_id=provider.client_id,
        client_secret=unseal(provider.client_secret),
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "default_timeout": ANSWER_S},
    )
    if str(client.load_server_metadata()["issuer"]).rstrip("/") != issuer:
        raise ValueError("another issuer")
    return client


def _vouched(provider: Provider, claims: Any) -> Vouched:
    groups = claims.get(provider.groups_claim) or []
    return Vouched(
        issuer=provider.issuer.rstrip("/"),
        subject=_text(claims["sub"], LONGEST_SUBJECT),
        name=User.normalize_username(_text(claims.get(provider.name_claim) or "")),
        first_name=_text(claims.get("given_name") or ""),
        last_name=_text(claims.get("family_name") or ""),
        groups=frozenset(str(one) for one in (groups if isinstance(groups, list) else [groups])),
        shown_at=_time(claims.get("auth_time")),
    )


def _text(said: Any, longest: int = 10_000) -> str:
    """Raises ValueError for what no column takes: part of a subject is somebody else's."""
    text = str(said)
    if "\0" in text or len(text) > longest:
        raise ValueError("a claim that cannot be")
    return text


def _time(said: Any) -> datetime | None:
    """Not later than now, whatever a provider's clock says."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    return datetime.fromtimestamp(min(max(0, said), timezone.now().timestamp()), UTC)


def _failed(provider: Provider, error: Exception) -> ProviderFailed:
    log.warning("Signing in by %s failed: %s", provider, type(error).__name__)
    look = "Look at its address, its certificate and the secret it was given"
    return ProviderFailed(f"{provider} cannot be asked. {look} ({type(error).__name__}).")
