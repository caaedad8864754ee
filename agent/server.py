"""The local socket of an agent, for its owner only: attach and detach containers, ask how things are."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from agent import attaching
from agent.attaching import Attaching
from agent.config import Config
from agent.lines import Message, serve

log = logging.getLogger("agent.server")

VERBS = ("attach", "detach", "status")


class Served(Attaching, Protocol):
    """What the server needs of its agent."""

    config: Config

    def status(self) -> Message: ...


class Server:
    """Answers on `agent.config.socket` until cancelled."""

    def __init__(self, agent: Served) -> None:
        self._agent = agent

    async def run(self) -> None:
        self._agent.config.socket.parent.mkdir(parents=True, exist_ok=True)
        async with serve(self._agent.config.socket, self.answer):
            await asyncio.get_running_loop().create_future()

    async def answer(self, message: Message) -> Message:
        """ValueError, LookupError or OSError become a sentence for the asker (agent.lines)."""
        verb = message.get("verb")
        if verb == "attach":
            return await attaching.attach(self._agent, message)
        if verb == "detach":
            return await attaching.detach(self._agent, message)
        if verb == "status":
            return {"status": self._agent.status()}
        raise ValueError(f"Ask for one of {', '.join(VERBS)}, not {verb!r}.")
