"""A gentle source of traffic between the containers, so that there is something to see: a few small flows a second,
some of which the policies allow and some of which they do not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
from collections.abc import Callable, Sequence
from typing import Any

from core.model import ICMP, TCP, UDP
from lab.containers import Socket
from lab.ears import NONCE_BYTES, Ears
from lab.probe import Probe, client_socket, run

log = logging.getLogger("lab")

ROUND_S = 1.0
FLOWS_PER_ROUND = 6
#: Bytes of one transfer; with one flow in two a transfer this is at most 1.2 Mbit/s in all.
LEAST_BYTES, MOST_BYTES = 4_000, 48_000
PATIENCE_S = 0.8
#: What is tried between two containers: protocol and port.
KINDS: tuple[tuple[int, int | None], ...] = ((TCP, 5432), (TCP, 5432), (TCP, 80), (UDP, 53), (ICMP, None))


class Traffic:
    """Runs rounds while nobody holds `quiet` (a measurement wants the wires for itself)."""

    def __init__(self, containers: Callable[[], Sequence[Socket]], ears: Ears) -> None:
        self.quiet = asyncio.Lock()
        self._containers = containers
        self._ears = ears
        self._random = random.Random(20_11)  # noqa: S311 - which flows is no secret

    async def keep(self) -> None:
        """Rounds for ever. A round that fails (a container went in the middle of it) is only noted."""
        while True:
            await asyncio.sleep(ROUND_S)
            async with self.quiet:
                try:
                    await self.round()
                except (OSError, KeyError) as error:
                    log.info("A round of traffic was cut short: %s", error)

    async def round(self) -> None:
        flows = self.choose()
        transfers = [flow for flow in flows if flow.protocol == TCP]
        others = [flow for flow in flows if flow.protocol != TCP]
        async with self._ears.at(place for flow in flows for place in flow.places):
            sizes = [self._random.randint(LEAST_BYTES, MOST_BYTES) for _ in transfers]
            moving = [transfer(flow, size) for flow, size in zip(transfers, sizes, strict=True)]
            await asyncio.gather(run(others, timeout_s=PATIENCE_S, ears=self._ears), *moving)

    def choose(self) -> list[Probe]:
        """Some ordered pairs of plugged containers of one tenant, each with a kind of flow."""
        pairs: list[tuple[Any, Any]] = [
            (a, b)
            for a in self._containers()
            for b in self._containers()
            if a is not b and a.container.tenant == b.container.tenant and b.addresses.get("ip4")
        ]
        chosen = self._random.sample(pairs, min(FLOWS_PER_ROUND, len(pairs)))
        return [self._flow(a, b) for a, b in chosen]

    def _flow(self, a: Socket, b: Socket) -> Probe:
        protocol, port = self._random.choice(KINDS)
        return Probe(a.container.netns, b.container.netns, str(b.addresses["ip4"]), protocol, port)


async def transfer(flow: Probe, size: int) -> None:
    """Send `size` bytes over a new connection, if one comes about."""
    loop = asyncio.get_running_loop()
    with client_socket(flow, socket.SOCK_STREAM) as client, contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await loop.sock_connect(client, (flow.address, flow.port or 0))
            await loop.sock_sendall(client, os.urandom(NONCE_BYTES) + bytes(size))
            await loop.sock_recv(client, 64)
