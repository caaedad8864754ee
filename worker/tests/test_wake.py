"""Wake-ups: at once, and not again for each of many changes in a row."""

from __future__ import annotations

import threading
from collections import Counter

from worker.wake import APART_S, Messenger

PATIENCE_S = 10


class Listening(Messenger):
    """Hears what is queued instead of queueing it."""

    def __init__(self) -> None:
        super().__init__()
        self.queued: Counter[int] = Counter()
        self.heard = threading.Semaphore(0)

    def _queue(self, tenant_id: int) -> None:
        self.queued[tenant_id] += 1
        self.heard.release()


def test_the_first_change_wakes_and_many_in_a_row_wake_seldom_but_the_last_is_not_forgotten() -> None:
    messenger = Listening()
    messenger.hand(1)
    assert messenger.heard.acquire(timeout=PATIENCE_S)
    for _ in range(100):
        messenger.hand(1)
    messenger.hand(2)
    assert messenger.heard.acquire(timeout=PATIENCE_S) and messenger.heard.acquire(timeout=PATIENCE_S)
    assert not messenger.heard.acquire(timeout=2 * APART_S)
    assert messenger.queued == {1: 2, 2: 1}


def test_what_waited_when_a_process_forked_is_handed_over_by_the_new_one() -> None:
    messenger = Listening()
    messenger._waiting.add(1)  # As a fork leaves it: the key is there, the thread is not.
    messenger.hand(1)
    assert messenger.heard.acquire(timeout=PATIENCE_S)
    assert messenger.queued == {1: 1}
