"""Publishing where a node is connected: a container waits for the endpoint that its agent placed.

What agents ask for is compiled in the process they are connected to, and sent from there; the way through the queue to
a worker and back would be a third of a container's wait. Changes that come while a publish of their tenant runs become
one more. A publish that fails is logged, and the timer finds it like a wake-up that was lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from worker.announce import tell_node
from worker.publish import publish_tenant
from worker.threads import in_database

log = logging.getLogger(__name__)


class Serving(Protocol):
    """Who serves one node's connection in this process."""

    async def send_step(self, step: Any) -> None:
        """Send this step, in wire form, or whatever else is new if the node is not where it begins."""


class Prompt:
    """The nodes connected to one event loop, and the publishes it does itself. Used in that loop only."""

    def __init__(self) -> None:
        self.serving: dict[int, Serving] = {}
        self._loop = asyncio.get_running_loop()
        self._wanted: dict[int, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def publish(self, tenants: Iterable[int]) -> None:
        """Begin to, and return at once."""
        for tenant_id in tenants:
            begun = tenant_id in self._wanted
            # Noted here, not by the task: that begins later, and another may be asked for before it does.
            self._wanted[tenant_id] = True
            if not begun:
                self._begin(self._publish(tenant_id))

    def leave(self, node_id: int, served: Serving) -> None:
        """The connection has ended; a newer one of the same node stays."""
        if self.serving.get(node_id) is served:
            del self.serving[node_id]

    async def _publish(self, tenant_id: int) -> None:
        try:
            while self._wanted[tenant_id]:
                self._wanted[tenant_id] = False
                await in_database(publish_tenant, tenant_id, self._tell)
        except Exception:
            log.exception("Tenant %s could not be published here; the timer will.", tenant_id)
        finally:
            del self._wanted[tenant_id]

    def _tell(self, node_id: int, step: Any) -> None:
        """From the thread that publishes."""
        self._loop.call_soon_threadsafe(self._send, node_id, step)

    def _send(self, node_id: int, step: Any) -> None:
        if served := self.serving.get(node_id):
            self._begin(served.send_step(step))
        else:
            tell_node(node_id)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := self._loop.create_task(work))
        task.add_done_callback(self._tasks.discard)


_prompts: WeakKeyDictionary[asyncio.AbstractEventLoop, Prompt] = WeakKeyDictionary()


def prompt() -> Prompt:
    """That of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _prompts:
        _prompts[loop] = Prompt()
    return _prompts[loop]
