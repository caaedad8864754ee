"""Secrets that must be read again, unreadable in a copy of the database: only this installation's key opens them."""

from __future__ import annotations

import base64
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac


class Unreadable(Exception):
    """It was sealed with another SECRET_KEY, or too long ago: it has to be entered anew."""


def seal(text: str) -> str:
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str, within: timedelta | None = None) -> str:
    """Raises Unreadable, also when it was sealed longer ago than `within`."""
    try:
        return _box().decrypt(sealed.encode(), int(within.total_seconds()) if within else None).decode()
    except (InvalidToken, UnicodeEncodeError):
        raise Unreadable from None


def _box() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(salted_hmac("accounts.sealed", "key", algorithm="sha256").digest()))
