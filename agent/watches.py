"""Wakes the event loop when a tenant's namespace changed or its policy dropped a packet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.kernel.interface import ApplyError, Denied, DeniedLog, Kernel, Watch

log = logging.getLogger("agent.watches")


@dataclass(frozen=True, slots=True)
class Eyes:
    """What is open into one tenant's namespace; no `denied` where its packets cannot be sampled."""

    watch: Watch
    denied: DeniedLog | None


class Watches:
    """Eyes by tenant. While they are open the namespace lives, even when its name is gone: close before it is to go."""

    def __init__(
        self, kernel: Kernel, changed: Callable[[int], None], denied: Callable[[Sequence[Denied]], None]
    ) -> None:
        self._kernel = kernel
        self._changed = changed
        self._denied = denied
        self._eyes: dict[int, Eyes] = {}

    def __contains__(self, tenant: int) -> bool:
        return tenant in self._eyes

    async def open(self, tenant: int) -> None:
        """Look into the tenant's namespace from now on. Without eyes the periodic sweep still finds what changed."""
        if tenant in self._eyes:
            return
        eyes = await asyncio.to_thread(self._look, tenant)
        if eyes is None:
            return
        self._eyes[tenant] = eyes
        loop = asyncio.get_running_loop()
        loop.add_reader(eyes.watch.fileno(), self._on_change, tenant, eyes.watch)
        if eyes.denied:
            loop.add_reader(eyes.denied.fileno(), self._on_denied, eyes.denied)

    def drain(self, tenant: int) -> None:
        """Forget what happened until now: it was our own doing."""
        if eyes := self._eyes.get(tenant):
            eyes.watch.drain()

    def close(self, tenant: int) -> None:
        eyes = self._eyes.pop(tenant, None)
        for one in (eyes.watch, eyes.denied) if eyes else ():
            if one:
                asyncio.get_running_loop().remove_reader(one.fileno())
                one.close()

    def close_all(self) -> None:
        for tenant in list(self._eyes):
            self.close(tenant)

    def _look(self, tenant: int) -> Eyes | None:
        try:
            watch = self._kernel.watch(tenant)
        except ApplyError as error:
            log.warning("Tenant %s cannot be watched: %s", tenant, error.reason)
            return None
        try:
            return Eyes(watch, self._kernel.denied_log(tenant))
        except ApplyError as error:
            log.warning("Denied packets of tenant %s cannot be sampled: %s", tenant, error.reason)
            return Eyes(watch, None)

    def _on_change(self, tenant: int, watch: Watch) -> None:
        if watch.drain():
            self._changed(tenant)

    def _on_denied(self, source: DeniedLog) -> None:
        self._denied(source.read())
