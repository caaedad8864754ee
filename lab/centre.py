"""The data centre as a whole: nodes, agents, containers, traffic; what the control socket's verbs work on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from lab import containers, fabric
from lab.agents import Agent
from lab.containers import Container, Socket
from lab.ears import Ears
from lab.traffic import Traffic

log = logging.getLogger("lab")

#: Seconds between two looks at whether containers.json must be written again.
NOTE_EVERY_S = 1.0


class Centre:
    """A running lab. `folder` is DATA/lab: a folder per node, containers.json, lab.sock."""

    def __init__(self, nodes: list[fabric.Node], folder: Path, controller: str) -> None:
        self.folder = folder
        self.nodes = {node.name: node for node in nodes}
        self.agents = {node.name: Agent(node, controller) for node in nodes}
        self.ears = Ears()
        self.sockets: dict[str, Socket] = {}
        self.traffic = Traffic(self.plugged, self.ears)
        self._tasks: set[asyncio.Task[None]] = set()
        self._elsewhere: list[Container] = []
        self._noted = ""

    @property
    def list_file(self) -> Path:
        return self.folder / "containers.json"

    def plugged(self) -> list[Socket]:
        return [s for s in self.sockets.values() if not s.problem]

    def start(self, *, traffic: bool) -> None:
        """Start agents and containers. A container of a node the lab does not have stays noted, and out."""
        for agent in self.agents.values():
            self._spawn(agent.keep())
        noted = containers.load(self.list_file)
        self._elsewhere = [c for c in noted if c.node not in self.nodes]
        for container in noted:
            if container.node in self.nodes:
                self.add(container)
        self._spawn(self._note())
        if traffic:
            self._spawn(self.traffic.keep())

    def add(self, container: Container) -> Socket:
        """A container from now on, plugged in as soon as its agent can. KeyError for an unknown node."""
        if container.node not in self.nodes:
            raise KeyError(f"node {container.node}")
        if container.key in self.sockets:
            raise ValueError(f"The lab has a container {container.key} already. Choose another name.")
        made = self.sockets[container.key] = Socket(container, self.nodes[container.node])
        self._spawn(made.keep())
        return made

    def socket(self, key: str) -> Socket:
        if key not in self.sockets:
            raise KeyError(f"container {key}")
        return self.sockets[key]

    async def _note(self) -> None:
        """Keep containers.json as the containers are."""
        while True:
            current = [*(s.container for s in self.sockets.values()), *self._elsewhere]
            if current and repr(current) != self._noted:
                containers.save(self.list_file, current)
                self._noted = repr(current)
            await asyncio.sleep(NOTE_EVERY_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("A part of the lab failed: %s", error, exc_info=error)
