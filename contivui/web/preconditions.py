"""ETag and If-Match: a change is made only to what the caller saw, a read answers only what she does not have yet."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from rest_framework.request import Request

from contivui.web.errors import PreconditionFailed


def etag_of(shown: Any) -> str:
    """The tag of an object as the API shows it whole: it changes with anything a reader could see, and only then."""
    text = json.dumps(shown, cls=DjangoJSONEncoder, sort_keys=True)
    return '"' + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:15]).decode() + '"'


def tags(header: str) -> set[str]:
    """The tags a header names, weak ones as if they were strong."""
    return {part.strip().removeprefix("W/") for part in header.split(",") if part.strip()}


def require_match(header: str | None, current: Any) -> None:
    """Raise PreconditionFailed, with the object as it is, unless `header` (If-Match) names its tag, or is absent."""
    if header is not None and not tags(header) & {"*", etag_of(current)}:
        raise PreconditionFailed(current)


def has_it_already(request: Request, tag: str) -> bool:
    """Whether If-None-Match says that the reader has this version."""
    return bool(tags(request.headers.get("If-None-Match", "")) & {"*", tag})
