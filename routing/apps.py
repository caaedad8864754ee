from __future__ import annotations

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "routing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what of this room quotas count, what search finds, and how changes of its objects are taken back."""
        import routing.undoables  # noqa: F401
        from routing import counted, findables

        counted.register()
        findables.register()
