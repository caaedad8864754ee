from __future__ import annotations

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say how changes of this room's objects are taken back, and which of them search finds."""
        import tenants.undoables  # noqa: F401
        from tenants import findables

        findables.register()
