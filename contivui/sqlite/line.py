"""Writers of one process in line, each let in as the one before it is done."""

from __future__ import annotations

import threading
from collections import deque


class Line:
    """A lock that is given to whoever has waited the longest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: deque[threading.Event] = deque()

    def enter(self, patience_s: float) -> bool:
        """Wait for one's turn; False when it did not come in time."""
        with self._lock:
            if not self._busy:
                self._busy = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(patience_s):
            return True
        with self._lock:
            if turn.is_set():  # It came while we were giving up.
                return True
            self._waiting.remove(turn)
            return False

    def leave(self) -> None:
        """Let the next one in."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._busy = False
