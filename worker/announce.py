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

from channels.layers import get_channel_layer

log = logging.getLogger(__name__)

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def _loop() -> asyncio.AbstractEventLoop:
    """This process's loop; a forked child makes its own."""
    with _lock:
        if os.getpid() not in _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="announce", daemon=True).start()
            _loops[os.getpid()] = loop
        return _loops[os.getpid()]


def announce(topic: str, what: str) -> None:
    """Tell pages subscribed to `topic` (tenant.<id>, node.<id>, cluster) that `what` changed."""
    send_group(f"live.{topic}", event(topic, what))


def event(topic: str, what: str) -> dict[str, Any]:
    return {"type": "live.event", "topic": topic, "what": what, "at": time.time()}


def tell_node(node_id: int) -> None:
    """Tell the consumer that serves a node's agent that there is a newer spec."""
    send_group(node_group(node_id), {"type": "spec.changed"})


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
