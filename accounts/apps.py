from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        """Importing connects what listens, and says how changes of this room's objects are taken back."""
        from accounts import signals, undoables  # noqa: F401
