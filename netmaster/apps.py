from __future__ import annotations

from django.apps import AppConfig


class NetmasterConfig(AppConfig):
    name = "netmaster"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing connects what listens."""
        from netmaster import signals  # noqa: F401
