"""Tokens of auth_proxy: JSON Web Tokens that say who it is. What she may do is looked up at each request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from netmaster.models import TokenSeries
from netmaster.proxy.answers import Denied
from tenants.access import ClusterRole, cluster_role
from tenants.models import Membership

ISSUER, ALGORITHM = "auth_proxy", "HS256"
LIFETIME = timedelta(hours=10)
HEADER = "X-Auth-Token"


def key() -> bytes:
    """Of this installation: another SECRET_KEY ends all tokens."""
    return salted_hmac("netmaster.proxy.tokens", "key", algorithm="sha256").digest()


def role_of(user: User) -> str | None:
    """The strongest role somebody holds; None for none."""
    if cluster_role(user) is ClusterRole.ADMINISTRATOR:
        return "admin"
    return "ops" if Membership.objects.filter(user=user).exists() else None


def series_of(user: User) -> str:
    """Which account it is, whoever is called so later, and how often its tokens were ended."""
    found: TokenSeries | None = getattr(user, "token_series", None)
    return f"{user.pk}.{found.number if found else 0}"


def issue(user: User) -> str:
    claims: dict[str, Any] = {
        "exp": datetime.now(UTC) + LIFETIME,
        "iss": ISSUER,
        "username": user.get_username(),
        "principals": user.get_username(),
        "series": series_of(user),
    }
    if role := role_of(user):
        claims["role"] = role
    return jwt.encode(claims, key(), algorithm=ALGORITHM)


def user_of(request: HttpRequest) -> User:
    """Who the token of a request names. Raises Denied."""
    token = request.headers.get(HEADER)
    if token is None:
        raise Denied(400, f"{HEADER} header is missing")
    if not token:
        raise Denied(400, "Empty auth token")
    try:
        claims = jwt.decode(token, key(), algorithms=[ALGORITHM], issuer=ISSUER, options={"require": ["exp"]})
    except jwt.InvalidTokenError:
        raise Denied(400, "Bad token") from None
    people = User.objects.select_related("held_role", "token_series")
    user = people.filter(username=str(claims.get("username", ""))).first()
    if user is None:
        raise Denied(401, "Invalid user")
    if claims.get("series") != series_of(user):
        raise Denied(400, "Bad token")
    if not user.is_active:
        raise Denied(401, "User account disabled")
    return user
