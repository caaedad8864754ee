"""What a node measures, told to the controller while it is there: counters every few seconds, denied flows each one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from agent.kernel.interface import ApplyError, Counters, Denied, Kernel
from agent.link import Link, Message

log = logging.getLogger("agent.report")

DENIED_EVERY_S = 1.0
#: Different flows told per second; more are counted, not named.
MOST_FLOWS = 200
#: Reading counters costs no more than this share of the time. With very large tables some reports carry none: they
#: still say that the node is alive.
SHARE = 0.05


class Reporting(Protocol):
    """What a reporter needs of its agent."""

    link: Link
    kernel: Kernel

    @property
    def tenants(self) -> list[int]: ...

    @property
    def attached(self) -> list[int]: ...

    @property
    def drifting(self) -> list[int]: ...

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any: ...


class Reporter:
    """`interval_s` is what the controller asked for."""

    def __init__(self, agent: Reporting) -> None:
        self.interval_s = 2.0
        self._agent = agent
        self._denied: dict[tuple[object, ...], tuple[Denied, int]] = {}
        self._unnamed = 0

    async def run(self) -> None:
        await asyncio.gather(self._tell_counters(), self._tell_denied())

    async def _tell_counters(self) -> None:
        due = 0.0
        while True:
            await asyncio.sleep(self.interval_s)
            if not self._agent.link.connected:
                continue
            begun = time.monotonic()
            tenants = await self._counters() if begun >= due else {}
            if tenants:
                due = begun + (time.monotonic() - begun) / SHARE
            told = {"attached": self._agent.attached, "drifting": self._agent.drifting}
            self._agent.link.send({"type": "report", "tenants": tenants, **told})

    async def _counters(self) -> Message:
        tenants = {}
        for tenant in self._agent.tenants:
            try:
                counters = await self._agent.in_thread(self._agent.kernel.counters, tenant)
            except (ApplyError, OSError) as error:
                log.warning("The counters of tenant %s cannot be read: %s", tenant, error)
                continue
            tenants[str(tenant)] = as_message(counters)
        return tenants

    async def _tell_denied(self) -> None:
        while True:
            await asyncio.sleep(DENIED_EVERY_S)
            flows, unnamed = self._denied, self._unnamed
            self._denied, self._unnamed = {}, 0
            if flows:
                told = [{**asdict(denied), "count": count} for denied, count in flows.values()]
                self._agent.link.send({"type": "denied", "flows": told, "unnamed": unnamed})

    def note_denied(self, samples: Sequence[Denied]) -> None:
        """Gather samples; those that differ in the source's port only are one flow seen several times."""
        for denied in samples:
            key = (denied.tenant, denied.source, denied.destination, denied.protocol, denied.destination_port)
            first, count = self._denied.get(key, (denied, 0))
            if count or len(self._denied) < MOST_FLOWS:
                self._denied[key] = first, count + 1
            else:
                self._unnamed += 1


def as_message(counters: Counters) -> Message:
    return {
        "rules": {str(rule): list(counted) for rule, counted in counters.rules.items()},
        "endpoints": {str(endpoint): list(counted) for endpoint, counted in counters.endpoints.items()},
        "denied": counters.denied,
        "spoofed": counters.spoofed,
    }
