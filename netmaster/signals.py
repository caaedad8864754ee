"""What is done when a room before this one says that something happened."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.dispatch import receiver

from netmaster.models import TokenSeries
from tenants.signals import tokens_ended


@receiver(tokens_ended)
def begin_another_series(user: User, **_: Any) -> None:
    TokenSeries.begin_another(user)
