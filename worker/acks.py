"""Acknowledgements as they arrive: nodes apply a change at the same time, so what comes within a moment is settled in
one transaction."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakKeyDictionary

from worker.announce import announce_soon
from worker.realize import Ack, acknowledge
from worker.threads import in_database

log = logging.getLogger(__name__)

#: Seconds for which others are waited for. When a node was heard is noted at once, so no change looks slower for it.
GATHER_S = 0.01
#: Seconds until it is tried again to write them down.
RETRY_S = 1.0


class Acks:
    """Those of one event loop. Used in that loop only."""

    def __init__(self) -> None:
        self._waiting: dict[int, Ack] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, ack: Ack) -> None:
        """Settle it soon. A node's newest is all that counts."""
        self._waiting[ack.node_id] = ack
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._settle())

    async def _settle(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_S)
            acks, self._waiting = self._waiting, {}
            try:
                moved = await in_database(acknowledge, list(acks.values()))
            except Exception:
                log.exception("What %s nodes acknowledged is not written down yet; it is tried again.", len(acks))
                self._waiting = acks | self._waiting
                await asyncio.sleep(RETRY_S)
                continue
            for tenant_id in moved:
                announce_soon(f"tenant.{tenant_id}", "realization")


_acks: WeakKeyDictionary[asyncio.AbstractEventLoop, Acks] = WeakKeyDictionary()


def acks() -> Acks:
    """Those of the running loop."""
    return _acks.setdefault(asyncio.get_running_loop(), Acks())
