from __future__ import annotations

from django.apps import AppConfig


class NetmasterConfig(AppConfig):
    name = "netmaster"
    default_auto_field = "django.db.models.BigAutoField"
