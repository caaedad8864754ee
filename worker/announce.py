"""Tells open pages and connected nodes that there is something new. Keys only; a lost one costs a delay.

Sending is asynchronous in Channels and synchronous code is everywhere, so one loop in a thread of its own holds one
connection per process; a loop per call would open a connection per call.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

log = logging.getLogger(__name__)

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}
#: The loop itself holds its tasks weakly.
_tasks: set[asyncio.Task[None]] = set()


def _loop() -> asyncio.AbstractEventLoop:
    """This process's loop; a forked child makes its own."""
    with _lock:
        if os.getpid() not in _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="announce", daemon=True).start()
            _loops[os.getpid()] = loop
        return _loops[os.getpid()]


def announce(topic: str, what: str) -> None:
    """Tell pages subscribed to `topic` (tenant.<id>, node.<id>, cluster) that `what` changed, in a moment, once for all
    that say the same until then."""
    loop = _loop()
    # Whoever is waiting will say it: one that writes a lot does not wake the other thread each time.
    if (topic, what) not in _soon.get(loop, ()):
        loop.call_soon_threadsafe(announce_soon, topic, what)


def event(topic: str, what: str) -> dict[str, Any]:
    return {"type": "live.event", "topic": topic, "what": what, "at": time.time()}


def tell_node(node_id: int) -> None:
    """Tell the consumer that serves a node's agent that there is a newer spec."""
    send_group(node_group(node_id), {"type": "spec.changed"})


#: Seconds for which what is said of one topic again and again is said once: three nodes that acknowledge a change do it
#: within less, and an open page looks no more often than four times a second.
SOON_S = 0.05
_soon: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], None]] = WeakKeyDictionary()


def announce_soon(topic: str, what: str) -> None:
    """As announce, from a coroutine: on this loop's own connection, once for all that say the same in a moment."""
    waiting = _soon.setdefault(asyncio.get_running_loop(), {})
    if not waiting:
        _tasks.add(task := asyncio.create_task(_say(waiting)))
        task.add_done_callback(_tasks.discard)
    waiting[topic, what] = None


async def _say(waiting: dict[tuple[str, str], None]) -> None:
    await asyncio.sleep(SOON_S)
    told = list(waiting)
    waiting.clear()
    for topic, what in told:
        await _send(f"live.{topic}", event(topic, what))


#: The group every connected node is in.
EVERY_NODE = "nodes"


def node_group(node_id: int) -> str:
    return f"node.{node_id}"


def send_group(group: str, message: dict[str, Any]) -> None:
    """Send without waiting. What cannot be sent is logged: timers and reconnecting pages catch up."""
    asyncio.run_coroutine_threadsafe(_send(group, message), _loop())


async def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await asyncio.wait_for(layer.group_send(group, message), 2)
    except Exception as error:
        log.warning("The channel layer is away (%s): nobody was told of %s.", error, message.get("what", group))
