"""GET /healthz: 200 only when everything a change needs on its way answers, else 503 naming what does not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

#: Seconds each part is given to answer, and all of them: one that hangs is named, not waited for.
PATIENCE, PATIENCE_WITH_ALL = 1.0, 2.0


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
    async with asyncio.timeout(PATIENCE):
        channel = await layer.new_channel()
        await layer.send(channel, {"type": "healthz"})
        await layer.receive(channel)


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


def answers_of_all() -> dict[str, str]:
    pool = ThreadPoolExecutor(len(CHECKS), thread_name_prefix="healthz")
    asked = {name: pool.submit(answer_of, check) for name, check in CHECKS.items()}
    pool.shutdown(wait=False)  # What hangs ends with its socket's own timeout, a few seconds later.
    done, _ = wait(asked.values(), timeout=PATIENCE_WITH_ALL)
    late = f"no answer within {PATIENCE_WITH_ALL:g} s"
    return {name: answer.result() if answer in done else late for name, answer in asked.items()}


@login_not_required
@never_cache
@require_safe
def healthz(_: HttpRequest) -> JsonResponse:
    """Each part with "ok" or what is wrong with it. All are asked at once, so a dead one costs its patience once."""
    answers = answers_of_all()
    healthy = all(answer == "ok" for answer in answers.values())
    return JsonResponse({"healthy": healthy, **answers}, status=200 if healthy else 503)
