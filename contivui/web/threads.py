"""Threads for the synchronous work of coroutines.

Of the idle ones that which was busy last is taken: its connection to the database still has in memory what the next
work is likely to read. Taken in turn, each would read anew what the one before it wrote, which makes a writer half as
slow again.

Python's own executor makes, for each piece of work, a future with a lock and a condition and another one for the loop,
which makes a hand-over there and back take a third longer than it does by a queue to the thread and a call to the loop.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
#: What came of a piece of work: its result, or what it raised.
Outcome = tuple[Any, BaseException | None]
#: What a thread is to do, and who hears of it there; None: to end.
Orders = SimpleQueue[tuple[Callable[[], Any], Callable[[Outcome], None]] | None]
#: Seconds for which the end of the process waits for work in progress.
PATIENCE_S = 10


class Threads:
    """So many threads, for the coroutines of one event loop. They end with this object, or with the process."""

    def __init__(self, count: int, name: str) -> None:
        self._idle = asyncio.LifoQueue[Orders]()
        threads = []
        for _ in range(count):
            orders = Orders()
            thread = threading.Thread(target=_serve, args=(orders,), name=name, daemon=True)
            thread.start()
            threads.append((thread, orders))
            self._idle.put_nowait(orders)
        weakref.finalize(self, _end, threads)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do it in the next thread that is idle."""
        loop = asyncio.get_running_loop()
        orders = await self._idle.get()
        done: asyncio.Future[Outcome] = loop.create_future()
        orders.put((work, partial(_tell, loop, partial(self._done, orders, done))))
        result, error = await done
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def _done(self, orders: Orders, done: asyncio.Future[Outcome], outcome: Outcome) -> None:
        """On the loop. The thread is free now and not before, also where whoever waited has left."""
        self._idle.put_nowait(orders)
        if not done.cancelled():
            done.set_result(outcome)


def _serve(orders: Orders) -> None:
    while (order := orders.get()) is not None:
        work, tell = order
        outcome: Outcome
        try:
            outcome = work(), None
        except BaseException as error:
            outcome = None, error
        tell(outcome)
        # Not until the next order, which may be long in coming.
        del order, work, tell, outcome


def _tell(loop: asyncio.AbstractEventLoop, done: Callable[[Outcome], None], outcome: Outcome) -> None:
    with suppress(RuntimeError):  # The loop has ended, and whoever waited on it.
        loop.call_soon_threadsafe(done, outcome)


def _end(threads: Sequence[tuple[threading.Thread, Orders]]) -> None:
    """Whatever is in progress keeps the object; so at its end the threads are idle, and at the process's maybe not."""
    for _, orders in threads:
        orders.put(None)
    for thread, _ in threads:
        if thread is not threading.current_thread():
            thread.join(PATIENCE_S)
