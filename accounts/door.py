"""The one place where a password is judged: for the page, for Contiv's clients, and where it is asked for again."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest

from accounts import patience


class Wrong(Exception):
    """No such account, not this password, or it may not sign in: which of them is not said."""


def check(request: HttpRequest, name: str, password: str, via: str = "page") -> User:
    """Whose name and password these are. Raises Wrong, patience.Wait when nothing is listened to now, DirectoryAway
    when nobody can tell, or Refused when they are right and there can be no account of that name. A zero byte is in
    nobody's name, and no database takes it."""
    name = name.replace("\0", "")
    attempt = patience.attempt(name, request.META.get("REMOTE_ADDR") or None, via)
    try:
        user = authenticate(request, username=name, password=password)
    except Exception:  # whatever it was, the password was not found wrong
        attempt.unjudged()
        raise
    if user is None:
        attempt.wrong()
        raise Wrong
    attempt.right(user)
    return user
