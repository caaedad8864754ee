"""Idempotency-Key: a creation that is sent twice, because nobody knew whether the first arrived, is done once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from contivui.web.errors import BadParameter, KeyReused
from tenants.models import Answered, Tenant

#: How long an answer is remembered.
KEPT = timedelta(hours=24)
#: Fields that are shown once, and so are not in what is remembered.
SHOWN_ONCE = frozenset({"token", "path"})


def once(request: Request, run: Callable[[], Response]) -> Response:
    """Run it, or answer what it answered before. What is refused is not remembered: sent again, it is tried again.

    The key is claimed in the transaction of the creation itself, so a second request that comes meanwhile waits for
    the first and then answers the same. Keys are each person's own, and a token's that is cut to a tenant; and an
    answer is given again to who sees its tenants still. Raises KeyReused for another request's key.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return run()
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise BadParameter({"Idempotency-Key": "Give 1 to 200 printable characters, a UUID for example."})
    Answered.objects.filter(at__lt=timezone.now() - KEPT).delete()
    digest, user_id, key = digest_of(request), int(request.user.pk or 0), _own(request, key)
    try:
        with transaction.atomic():
            claim = Answered.objects.create(user_id=user_id, key=key, digest=digest)
            response = run()
            if request.query_params.get("dry_run") == "true":
                claim.delete()
            else:
                _remember(claim, response)
            return response
    except IntegrityError:
        known = Answered.objects.filter(user_id=user_id, key=key).first()
        if known is None:
            raise
    return _again(known, digest) if _seen_still(request, known) else run()


def _own(request: Request, key: str) -> str:
    """What a token that is cut to a tenant did is nothing to its maker's other tokens, nor the other way round."""
    only = getattr(request.user, "only_tenant", None)
    return key if only is None else hashlib.sha256(f"{only} {key}".encode()).hexdigest()


def _seen_still(request: Request, known: Answered) -> bool:
    """Whether she may know of the tenants whose intent it changed, which its links name."""
    keys = set(re.findall(r"/tenants/([0-9]+)/", known.headers.get("Link", "")))
    return Tenant.objects.visible_to(request.user).filter(pk__in=keys).count() == len(keys)


def digest_of(request: Request) -> str:
    said = json.dumps([request.method, request.get_full_path(), request.data], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def _remember(claim: Answered, response: Response) -> None:
    claim.status, claim.body = response.status_code, _kept(json.loads(json.dumps(response.data, default=str)))
    claim.headers = {name: value for name, value in response.headers.items() if name != "Content-Type"}
    claim.save()


def _kept(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _kept(value) for name, value in data.items() if name not in SHOWN_ONCE}
    return [_kept(each) for each in data] if isinstance(data, list) else data


def _again(known: Answered, digest: str) -> Response:
    if known.digest != digest:
        raise KeyReused(
            "This Idempotency-Key was used for another request. Use a new key for each thing you want.",
            code="key_reused",
        )
    return Response(known.body, known.status, headers={**known.headers, "Idempotency-Replayed": "true"})
