"""Threads for the synchronous work of coroutines.

Of the idle ones that which was busy last is taken: its connection to the database still has in memory what the next
work is likely to read. Taken in turn, each would read anew what the one before it wrote, which makes a writer half as
slow again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


class Threads:
    """So many threads, for the coroutines of one event loop."""

    def __init__(self, count: int, name: str) -> None:
        self._idle = asyncio.LifoQueue[ThreadPoolExecutor]()
        for _ in range(count):
            self._idle.put_nowait(ThreadPoolExecutor(1, thread_name_prefix=name))

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do it in the next thread that is idle."""
        thread = await self._idle.get()
        job = thread.submit(work)
        try:
            return await asyncio.wrap_future(job)
        finally:
            if job.done():
                self._idle.put_nowait(thread)
            else:  # Whoever waited has left, and the thread is still at it.
                job.add_done_callback(self._returner(thread))

    def _returner(self, thread: ThreadPoolExecutor) -> Callable[[Future[Any]], None]:
        loop = asyncio.get_running_loop()

        def give_back(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # The loop has ended, and its threads with it.
                loop.call_soon_threadsafe(self._idle.put_nowait, thread)

        return give_back
