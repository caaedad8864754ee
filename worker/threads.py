"""Database work of coroutines, in a small pool of threads of its own: a slow report of one node does not hold up the
spec of another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.db import close_old_connections

from contivui.web.threads import Threads

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

COUNT = 4
_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, Threads] = WeakKeyDictionary()


async def in_database(
    work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Result:
    """Channels' own database_sync_to_async does the same for five times the processor time of the hand-over."""
    loop = asyncio.get_running_loop()
    if loop not in _threads:
        _threads[loop] = Threads(COUNT, "consumers")
    return await _threads[loop].run(partial(_done, work, *arguments, **options))


def _done(work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
    close_old_connections()
    try:
        return work(*arguments, **options)
    finally:
        close_old_connections()
