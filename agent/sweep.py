"""When to look at the kernel again: soon after it announced a change, and from time to time in any case."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

log = logging.getLogger("agent.sweep")

#: Seconds between two looks at everything. What the kernel does not announce is found after this at the latest.
PERIOD_S = 5.0
#: Announcements come in bursts; the look waits for the end of one, at most this long.
SETTLE_S = 0.1
#: Looking costs no more than this share of the time: with many tenants looks are farther apart.
SHARE = 0.05
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0


class Swept(Protocol):
    """What a sweeper needs of its agent."""

    @property
    def tenants(self) -> list[int]: ...

    @property
    def refused(self) -> dict[int, str]: ...

    async def sweep(self, tenant: int) -> None: ...

    async def sweep_stale(self) -> None: ...

    async def retry(self, tenant: int) -> bool: ...


class Sweeper:
    """Calls its agent to look: at one tenant when woken, at all of them each period; tries refused tenants again."""

    def __init__(self, agent: Swept) -> None:
        self._agent = agent
        #: When each tenant that announced a change has settled, and when each may be looked at again.
        self._woken: dict[int, float] = {}
        self._rested: dict[int, float] = {}
        self._bell = asyncio.Event()
        self._retries: dict[int, tuple[float, float]] = {}

    def wake(self, tenant: int) -> None:
        """Something changed in the tenant's namespace."""
        self._woken.setdefault(tenant, time.monotonic() + SETTLE_S)
        self._bell.set()

    async def run(self) -> None:
        next_round = time.monotonic() + PERIOD_S
        while True:
            await self._rest(next_round)
            await self._look_where_woken()
            if time.monotonic() >= next_round:
                self._woken.clear()
                self._rested.clear()
                cost = await self._round()
                next_round = time.monotonic() + max(PERIOD_S, cost / SHARE)

    async def _rest(self, next_round: float) -> None:
        """Until the next look is due, or somebody rings."""
        due = min([next_round, *map(self._due, self._woken)])
        self._bell.clear()
        try:
            async with asyncio.timeout(max(due - time.monotonic(), 0)):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _look_where_woken(self) -> None:
        now = time.monotonic()
        for tenant in [tenant for tenant in self._woken if self._due(tenant) <= now]:
            del self._woken[tenant]
            begun = time.monotonic()
            await self._agent.sweep(tenant)
            # Whatever was changed there may have been in the way of a refused tenant: the next round tries it again.
            self._retries.pop(tenant, None)
            # A namespace that never rests must not take all of our time.
            self._rested[tenant] = time.monotonic() + (time.monotonic() - begun) / SHARE

    def _due(self, tenant: int) -> float:
        return max(self._woken[tenant], self._rested.get(tenant, 0.0))

    async def _round(self) -> float:
        """Look at everything. Answers the seconds it took."""
        begun = time.monotonic()
        for tenant in self._agent.tenants:
            await self._agent.sweep(tenant)
        try:
            await self._agent.sweep_stale()
        except Exception:  # the next round tries again; this one must not be the last
            log.exception("Stale tenants could not be removed.")
        await self._retry_refused()
        return time.monotonic() - begun

    async def _retry_refused(self) -> None:
        """Each refused tenant again, at growing intervals: a missing module may have been loaded meanwhile."""
        refused = self._agent.refused
        self._retries = {tenant: plan for tenant, plan in self._retries.items() if tenant in refused}
        for tenant in refused:
            due, pause = self._retries.get(tenant, (0.0, FIRST_RETRY_S))
            if time.monotonic() >= due and not await self._agent.retry(tenant):
                self._retries[tenant] = time.monotonic() + pause, min(pause * 2, LONGEST_RETRY_S)
