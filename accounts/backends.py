"""Where else than here a password may be judged."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from accounts.actions.directory import take_in
from accounts.directory import find
from accounts.models import Directory


class DirectoryBackend(BaseBackend):
    """People of the directory. Accounts made here come first: the directory is not asked about them."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """Raises DirectoryAway when the server cannot be asked."""
        directory = Directory.current()
        if directory is None or not username or not password or _is_ours(username):
            return None
        found = find(directory, username, password)
        if found is None or not found.name or _is_ours(found.name):
            return None
        user = take_in(found)
        return user if user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def _is_ours(name: str) -> bool:
    return User.objects.filter(username__iexact=name, from_directory=None).exists()
