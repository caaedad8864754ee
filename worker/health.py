"""GET /healthz: 200 only when everything a change needs on its way answers, else 503 naming what does not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

#: Seconds each part is given to answer.
PATIENCE = 1.0


def database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def broker() -> None:
    cache.get("healthz")


def a_worker() -> None:
    from contivui.celery import app

    if not app.control.broadcast("ping", reply=True, timeout=PATIENCE, limit=1):
        raise RuntimeError("no Celery worker answered")


def channel_layer() -> None:
    async_to_sync(_round_trip)()


async def _round_trip() -> None:
    import asyncio

    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "healthz"})
    await asyncio.wait_for(layer.receive(channel), PATIENCE)


CHECKS: dict[str, Callable[[], None]] = {
    "database": database,
    "broker": broker,
    "worker": a_worker,
    "channel layer": channel_layer,
}


def answer_of(check: Callable[[], None]) -> str:
    """ "ok", or why not: the kind of failure only, since anyone may ask."""
    try:
        check()
    except Exception as error:
        return f"no answer ({type(error).__name__})"
    finally:
        connection.close()  # The thread that asked is about to end.
    return "ok"


@login_not_required
@never_cache
@require_safe
def healthz(_: HttpRequest) -> JsonResponse:
    """Each part with "ok" or what is wrong with it. All are asked at once, so a dead one costs its patience once."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        answers = dict(zip(CHECKS, pool.map(answer_of, CHECKS.values()), strict=True))
    healthy = all(answer == "ok" for answer in answers.values())
    return JsonResponse({"healthy": healthy, **answers}, status=200 if healthy else 503)
