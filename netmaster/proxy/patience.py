"""Wrong passwords cost time: after some, a name must wait before it is asked for another one."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock

#: Wrong passwords in a row that are answered at once, and how long they count, in seconds.
MOST, WINDOW_S = 10, 300.0
#: Names that are remembered; more than these at once, and the oldest are forgotten.
MOST_NAMES = 10_000


class Patience:
    """Counts in this process; a restart forgives."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[float]] = {}
        self._lock = Lock()

    def wait_s(self, name: str, now: float | None = None) -> float:
        """Seconds until this name may be tried again; 0 for at once."""
        now = time.monotonic() if now is None else now
        with self._lock:
            recent = self._failures.get(name)
            if recent is None or len(recent) < MOST:
                return 0.0
            return max(0.0, recent[0] + WINDOW_S - now)

    def failed(self, name: str, now: float | None = None) -> None:
        now = time.monotonic() if now is None else now
        with self._lock:
            recent = self._failures.setdefault(name, deque(maxlen=MOST))
            recent.append(now)
            if len(self._failures) > MOST_NAMES:
                self._failures.pop(next(iter(self._failures)))

    def succeeded(self, name: str) -> None:
        with self._lock:
            self._failures.pop(name, None)


patience = Patience()
