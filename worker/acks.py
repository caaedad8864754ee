"""Acknowledgements as they arrive: nodes apply a change at the same time, so what comes within a moment is settled in
one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError

from worker.announce import announce_soon
from worker.realize import Ack, acknowledge
from worker.threads import in_database

log = logging.getLogger(__name__)

#: Seconds for which others are waited for. When a node was heard is noted at once, so no change looks slower for it.
GATHER_S = 0.01
#: Seconds until it is tried again to write them down.
RETRY_S = 1.0
#: How a database says that it cannot be asked now.
AWAY = (OperationalError, InterfaceError)


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
            acks, self._waiting = list(self._waiting.values()), {}
            try:
                await _write_down(acks)
            except AWAY:
                await self._wait_with(acks)
            except Exception:  # One of them: the others are not to wait for it.
                for ack in acks:
                    await self._alone(ack)

    async def _alone(self, ack: Ack) -> None:
        try:
            await _write_down([ack])
        except AWAY:
            await self._wait_with([ack])
        except Exception:
            log.exception("What node %s acknowledged cannot be written down. Its next word is awaited.", ack.node_id)

    async def _wait_with(self, acks: Sequence[Ack]) -> None:
        log.exception("What %s nodes acknowledged is not written down yet; it is tried again.", len(acks))
        self._waiting = {ack.node_id: ack for ack in acks} | self._waiting
        await asyncio.sleep(RETRY_S)


async def _write_down(acks: Sequence[Ack]) -> None:
    for tenant_id in await in_database(acknowledge, acks):
        announce_soon(f"tenant.{tenant_id}", "realization")


_acks: WeakKeyDictionary[asyncio.AbstractEventLoop, Acks] = WeakKeyDictionary()


def acks() -> Acks:
    """Those of the running loop."""
    return _acks.setdefault(asyncio.get_running_loop(), Acks())
