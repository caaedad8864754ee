"""Attaches that failed the same way before are not tried again at once, whoever asks how often.

Each try has the controller place the endpoint here and, when it cannot be plugged in, take it away again: two entries
of its record. So the same refusal is answered from memory for a while, which doubles each time.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Set
from dataclasses import dataclass

from agent.lines import NotNow
from core.spec import Item, NetworkItem

#: The first failure costs no waiting: what was in the way is often gone at once. From the second on, seconds.
FIRST_S, LONGEST_S = 2.0, 300.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attach failed, among which networks of its tenant, and when it may be tried again. `pause_s` is how long
    that was from its last try."""

    reason: str
    tenant: int
    networks: Set[NetworkItem]
    pause_s: float
    due: float


class Backoff:
    """The last failure of each attach, by what was asked for."""

    def __init__(self) -> None:
        self._failures: dict[Hashable, Failure] = {}

    def check(self, asked: Hashable, items: Iterable[Item]) -> None:
        """Raises NotNow while it is too early. Another network, or one that was changed, makes it due at once."""
        failure = self._failures.get(asked)
        if failure is None or (left := failure.due - time.monotonic()) <= 0:
            return
        networks = networks_of(items, failure.tenant)
        if networks and networks != failure.networks:  # Without endpoints of its own the node is told of no network.
            del self._failures[asked]
            return
        raise NotNow(f"{failure.reason} It failed like this before and is not tried for another {left:.0f} s.", left)

    def failed(self, asked: Hashable, reason: str, tenant: int, items: Iterable[Item]) -> NotNow:
        """Note a failure. Answers what to tell who asked."""
        before = self._failures.get(asked)
        same = before is not None and before.reason == reason
        pause_s = min(max(before.pause_s * 2, FIRST_S), LONGEST_S) if before and same else 0.0
        now = time.monotonic()
        # One that nobody asks for any more is forgotten, but not before it could have been asked for again.
        self._failures = {key: one for key, one in self._failures.items() if now < one.due + LONGEST_S}
        self._failures[asked] = Failure(reason, tenant, networks_of(items, tenant), pause_s, now + pause_s)
        return NotNow(reason, pause_s)

    def succeeded(self, asked: Hashable) -> None:
        self._failures.pop(asked, None)


def networks_of(items: Iterable[Item], tenant: int) -> Set[NetworkItem]:
    return {item for item in items if isinstance(item, NetworkItem) and item.tenant == tenant}
