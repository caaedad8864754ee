"""What the dialect says of itself."""

from __future__ import annotations

from django.conf import settings

VERSION = f"contivui-{settings.SPECTACULAR_SETTINGS['VERSION']}"
