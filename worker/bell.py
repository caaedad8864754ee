"""Rings when there are new events. One look at the database a moment for the whole process, and none while nobody
listens; the broker is not asked, so streams go on without it."""

from __future__ import annotations

import asyncio
import logging

from django.db import Error

from tenants import events
from worker.threads import in_database

log = logging.getLogger(__name__)

LOOK_S = 0.2


class Bell:
    """`await bell(seconds, seen)` returns when there is an event after number `seen`, or after so long."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._listeners = 0
        self._newest = -1
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self, patience: float, seen: int | None = None) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        self._listeners += 1
        try:
            async with asyncio.timeout(patience):
                while seen is None or self._newest <= seen:
                    await self._news.wait()
                    if seen is None:
                        return
        except TimeoutError:
            return
        finally:
            self._listeners -= 1

    async def _look(self) -> None:
        """Ends by itself once nobody listens; then the next listener begins a new one."""
        await asyncio.sleep(0)
        while self._listeners:
            try:
                newest = await in_database(events.newest)
            except Error as error:
                log.warning("Events wait: the database is away (%s).", error)
                newest = self._newest
            if newest != self._newest:
                self._newest = newest
                news, self._news = self._news, asyncio.Event()
                news.set()
            await asyncio.sleep(LOOK_S)
