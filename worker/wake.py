"""From "something was committed" to "somebody compiles it": a key in a queue, nothing more.

The key is handed over by a thread of its own, so that an absent broker holds up nobody's page; changes of one tenant
that come while it is busy become one wake-up.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

from worker.announce import EVERY_NODE, announce, send_group

log = logging.getLogger(__name__)


#: Seconds between two wake-ups of one tenant. The first change wakes at once; of a hundred in a row, a few do.
APART_S = 0.05


class Messenger:
    """Queues a publish for each tenant it is given, once, however often it was given while it waited."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._waiting: set[int] = set()
        #: When tenants were woken last, of those that were just now.
        self._woken: dict[int, float] = {}
        self._pid = 0

    def hand(self, tenant_id: int) -> None:
        """Take a key and return at once."""
        with self._news:
            if self._pid != os.getpid():  # The first use in this process: a fork does not carry threads along.
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="wake", daemon=True).start()
            elif tenant_id in self._waiting:
                return
            self._waiting.add(tenant_id)
            self._news.notify()

    def _run(self) -> None:
        while True:
            for tenant_id in self._due():
                self._queue(tenant_id)

    def _due(self) -> list[int]:
        """The tenants to wake now, as soon as there are any."""
        with self._news:
            while True:
                now = time.monotonic()
                self._woken = {tenant: at for tenant, at in self._woken.items() if now - at < APART_S}
                if due := sorted(self._waiting - self._woken.keys()):
                    self._waiting.difference_update(due)
                    self._woken |= dict.fromkeys(due, now)
                    return due
                soonest = min((self._woken[tenant] for tenant in self._waiting), default=None)
                self._news.wait(None if soonest is None else soonest + APART_S - now)

    @staticmethod
    def _queue(tenant_id: int) -> None:
        from worker.tasks import publish

        try:
            publish.delay(tenant_id)
        except OperationalError as error:
            log.warning("The broker is away (%s); tenant %s is published by the timer.", error, tenant_id)


messenger = Messenger()
_thread = threading.local()


@contextmanager
def kept() -> Iterator[set[int]]:
    """Tenants that this thread changes meanwhile are the caller's, who publishes them: no worker is woken. Should the
    caller end before it has, the timer finds them."""
    _thread.kept = tenants = set[int]()
    try:
        yield tenants
    finally:
        del _thread.kept


def on_tenant_changed(sender: Any, tenant_id: int, generation: int, **_: Any) -> None:
    """Wake a worker, and tell open pages. What is lost on the way is found by the timer."""
    mine: set[int] | None = getattr(_thread, "kept", None)
    if mine is None:
        messenger.hand(tenant_id)
    else:
        mine.add(tenant_id)
    announce(f"tenant.{tenant_id}", "change")


def on_nodes_changed(sender: Any, **_: Any) -> None:
    """Connections of nodes that are gone, or were given another token, end; pages look again."""
    send_group(EVERY_NODE, {"type": "node.recheck"})
    announce("cluster", "change")


def on_node_leaving(sender: Any, instance: Any, **_: Any) -> None:
    """What waited for this node alone is live once it is gone."""
    from worker.models import SpecSection
    from worker.realize import settle

    tenants = list(SpecSection.objects.filter(node=instance).values_list("tenant_id", flat=True))

    def settled() -> None:
        for tenant_id in tenants:
            with transaction.atomic():
                settle(tenant_id)
            announce(f"tenant.{tenant_id}", "realization")

    transaction.on_commit(settled, robust=True)


def on_tenant_leaving(sender: Any, instance: Any, **_: Any) -> None:
    """In the transaction that deletes the tenant, while its sections still say who has it."""
    from worker.publish import withdraw

    withdraw(instance.pk)
