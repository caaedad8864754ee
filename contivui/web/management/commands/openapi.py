"""`python manage.py openapi`: writes docs/openapi.json, the API's document as the code describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator


def path() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "openapi.json"


def document() -> str:
    made: Any = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(made, indent=1, ensure_ascii=False, default=str) + "\n"


class Command(BaseCommand):
    help = "Write docs/openapi.json."

    def handle(self, *args: Any, **options: Any) -> None:
        path().write_text(document(), encoding="utf-8")
