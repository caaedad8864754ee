from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "contivui.web"
    label = "web"

    def ready(self) -> None:
        """What the API's document is told of our own authentication and fields."""
        from contivui.web import openapi  # noqa: F401
