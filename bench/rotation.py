"""Certificates of fifty connected nodes renewed at once, then used, while changes go on: who is off, what is missed?

The agents are real but for the kernel: the link, the certificates and the bookkeeping of revisions are their own.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.joining import join
from agent.link import Link, Message
from agent.renewal import renew
from bench.figures import Figure
from bench.installation import Installation, free_port, installation
from core.joining import parse
from core.spec import NodeSpec
from core.wire import apply_delta, decode_delta

NODES = 50
CHANGES = 20
PATIENCE_S = 60.0


class Light:
    """An agent that takes what it is told and has no kernel to put it in. `away_s`: its longest time without."""

    def __init__(self, config: Config) -> None:
        self.link = Link(config, self)
        self.spec = NodeSpec()
        self.away_s = 0.0
        self.wholes = 0
        self._left: float | None = None

    def hello(self) -> Message:
        about = {"protocol": 1, "version": "bench", "features": []}
        return {"type": "hello", "revision": self.spec.revision, "digest": self.spec.digest, **about}

    def welcomed(self, message: Message) -> None:
        if self._left is not None:
            self.away_s, self._left = max(self.away_s, time.monotonic() - self._left), None

    def received(self, message: Message) -> None:
        delta = decode_delta(message["delta"])
        self.wholes += delta.base is None
        self.spec = apply_delta(self.spec, delta)
        self.link.send({"type": "ack", "revision": self.spec.revision, "digest": self.spec.digest, "refused": {}})

    async def watch(self) -> None:
        """Note when the connection goes."""
        while True:
            if not self.link.connected and self._left is None:
                self._left = time.monotonic()
            await asyncio.sleep(0.01)


def measure() -> Iterator[Figure]:
    port = free_port()
    with installation(nodes=0, demo=False, AGENTS_PORT=str(port), AGENTS_HOST="127.0.0.1") as running:
        yield from asyncio.run(rotate(running, f"https://127.0.0.1:{port}"))


async def rotate(running: Installation, controller: str) -> list[Figure]:
    agents = await asyncio.to_thread(populate, running, controller)
    lights = [light for _, light in agents]
    watching = [asyncio.create_task(light.watch()) for light in lights]
    links = [asyncio.create_task(light.link.run()) for light in lights]
    try:
        await until(lambda: all(light.link.connected and light.spec.revision for light in lights), "all have a spec")
        for light in lights:
            light.away_s, light.wholes = 0.0, 0
        changing = asyncio.create_task(asyncio.to_thread(change, running))
        begun = time.monotonic()
        await asyncio.gather(*(renew(light.link, state, state.name) for state, light in agents))
        took_s = time.monotonic() - begun
        while_renewing_s = max(light.away_s for light in lights)
        await end(links)
        links = [asyncio.create_task(light.link.run()) for light in lights]
        await until(lambda: all(light.link.connected for light in lights), "all are back")
        await changing
        wanted = await asyncio.to_thread(revisions, running)
        await until(lambda: all(light.spec.revision == wanted[s.name] for s, light in agents), "all have the last spec")
    finally:
        await end([*links, *watching])
    at_return_s = max(light.away_s for light in lights)
    anew = sum(light.wholes > 0 for light in lights)
    note = f"{len(lights)} nodes, {CHANGES} changes meanwhile"
    return [
        Figure("certificates renewed, all nodes", took_s, "s", note=note),
        Figure("longest off while renewing", while_renewing_s, "s", "at most", 0.0, note),
        Figure("longest off when all return at once with the new one", at_return_s, "s", "at most", 5.0, note),
        Figure("nodes that had to be told everything anew", anew, "", "at most", 0, note),
    ]


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def populate(running: Installation, controller: str) -> list[tuple[Path, Light]]:
    """Fifty nodes, each with an endpoint of one tenant, and an agent that has joined for each."""
    running.api("POST", "tenants/", {"name": "blue"})
    running.api("POST", "networks/", {"tenant": "blue", "name": "net", "subnet4": "20.1.0.0/16"})
    running.api("POST", "groups/", {"tenant": "blue", "name": "web", "network": "net"})
    made = []
    for number in range(1, NODES + 1):
        name, vtep = f"n{number}", f"192.0.2.{number}"
        token = parse(running.api("POST", "nodes/", {"name": name, "vtep": vtep})["token"])
        endpoint: dict[str, Any] = {
            "tenant": "blue",
            "name": f"e{number}",
            "network": "net",
            "group": "web",
            "node": name,
        }
        running.api("POST", "endpoints/", endpoint)
        state = running.data.parent / "agents" / name
        join(controller, token, name, vtep, state)
        made.append((state, Light(Config(controller, vtep, name, state, state / "agent.sock", state))))
    return made


def change(running: Installation) -> None:
    """Changes that every node is told, a tenth of a second apart."""
    policy = running.api("POST", "policies/", {"tenant": "blue", "name": "web", "groups": ["web"]})["id"]
    for number in range(CHANGES - 1):
        body = {"tenant": "blue", "policy": policy, "priority": 10, "protocol": "tcp", "ports": str(1000 + number)}
        running.api("POST", "rules/", body)
        time.sleep(0.1)


def revisions(running: Installation) -> dict[str, int]:
    """What each node is to be at, once nothing is waiting to be compiled."""
    os.environ.update(running.environment)
    import django

    django.setup()
    from django.db.models import F

    from tenants.models import Tenant
    from worker.models import NodeSpec as Head

    end = time.monotonic() + PATIENCE_S
    while Tenant.objects.filter(generation__gt=F("compiled")).exists() and time.monotonic() < end:
        time.sleep(0.1)
    return dict(Head.objects.values_list("node__name", "revision"))


async def until(true: Any, what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise RuntimeError(f"Not within {PATIENCE_S:g} s: {what}.") from None
