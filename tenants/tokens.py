"""Tokens of the API: who a request with one is, and what she may do with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.access import Right, rights_of
from tenants.models import Token, TokenRights

#: How exactly the last use of a token is known: a write per request would cost more than it tells.
USE_NOTED = timedelta(minutes=1)


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]
    """`Authorization: Token cvui_…`. The person it answers is cut to what the token was made for."""

    def authenticate(self, request: Request) -> Any:
        if get_authorization_header(request).lower().startswith(b"bearer "):
            raise AuthenticationFailed("Write “Token” before the token, as in “Authorization: Token cvui_…”.")
        return super().authenticate(request)

    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            token.decode()
        except UnicodeDecodeError:
            raise AuthenticationFailed("Invalid token.") from None
        return super().authenticate_credentials(token)

    def validate_user(self, auth_token: Token) -> tuple[User, Token]:
        user, token = super().validate_user(auth_token)
        cut_to(user, token)
        used = Token.objects.filter(pk=token.pk).filter(
            Q(last_used_at=None) | Q(last_used_at__lt=timezone.now() - USE_NOTED)
        )
        if token.last_used_at is None or token.last_used_at < timezone.now() - USE_NOTED:
            used.update(last_used_at=timezone.now())
        return user, token


def cut_to(user: User, token: Token) -> None:
    """This person object, never saved, sees and may do only what the token says (tenants.access reads it from there).
    A maker who lost her role in the tenant takes the token's role with her."""
    user.only_reads = token.rights == TokenRights.READ  # type: ignore[attr-defined]
    if token.tenant_id is None:
        return
    right = rights_of(user).of(token.tenant)
    if right < Right.VIEWER:
        raise AuthenticationFailed("Whoever made this token has no role in its tenant any more.")
    user.only_tenant, user.only_right = token.tenant_id, min(right, Right.OWNER)  # type: ignore[attr-defined]


class MayChange(BasePermission):
    """A token that was made for reading changes nothing."""

    def has_permission(self, request: Request, view: Any) -> bool:
        reading = request.method in SAFE_METHODS or getattr(view, "only_reads", False)
        if reading or not isinstance(request.auth, Token) or request.auth.rights == TokenRights.WRITE:
            return True
        raise PermissionDenied("This token was made for reading only. Use one that may change things.")
