"""The API's side of signing in: what is one's own, second factors, and how people of this installation get in."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path, re_path

from accounts.api import factors, own, sign_in, tokens

PATTERNS: list[URLPattern] = [
    path("me/sessions/", own.SessionsView.as_view(), name="api-me-sessions"),
    re_path(r"^me/sessions/(?P<session>[0-9a-f]{16})/\Z", own.SessionView.as_view(), name="api-me-session"),
    path("me/password/", own.PasswordView.as_view(), name="api-me-password"),
    path("me/confirm/", own.ConfirmView.as_view(), name="api-me-confirm"),
    path("me/factors/", factors.FactorsView.as_view(), name="api-me-factors"),
    path("me/factors/authenticator/", factors.AuthenticatorView.as_view(), name="api-me-authenticator"),
    path("me/factors/authenticator/confirm/", factors.FirstCodeView.as_view(), name="api-me-authenticator-confirm"),
    path("me/factors/recovery-codes/", factors.RecoveryCodesView.as_view(), name="api-me-recovery-codes"),
    re_path(r"^me/factors/passkeys/(?P<passkey>[0-9]{1,18})/\Z", factors.PasskeyView.as_view(), name="api-me-passkey"),
    re_path(r"^users/(?P<id>[0-9]{1,18})/factors/\Z", factors.OthersFactorsView.as_view(), name="api-user-factors"),
    re_path(r"^users/(?P<id>[0-9]{1,18})/factors/reset/\Z", factors.ResetView.as_view(), name="api-user-factors-reset"),
    path("sign-in/", sign_in.RulesView.as_view(), name="api-sign-in"),
    path("sign-in/directory/", sign_in.DirectoryView.as_view(), name="api-sign-in-directory"),
    path("sign-in/directory/test/", sign_in.DirectoryTestView.as_view(), name="api-sign-in-directory-test"),
    path("sign-in/provider/", sign_in.ProviderView.as_view(), name="api-sign-in-provider"),
    path("sign-in/provider/test/", sign_in.ProviderTestView.as_view(), name="api-sign-in-provider-test"),
]
VIEWSETS: dict[str, type[Any]] = {"group-grants": sign_in.GroupGrantViewSet, "tokens": tokens.TokenViewSet}
