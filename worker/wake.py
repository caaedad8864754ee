"""From "something was committed" to "somebody compiles it": a key in a queue, nothing more."""

from __future__ import annotations

import logging
from typing import Any

from kombu.exceptions import OperationalError

from worker.announce import announce

log = logging.getLogger(__name__)


def on_tenant_changed(sender: Any, tenant_id: int, generation: int, **_: Any) -> None:
    """Queue a publish of the tenant. An absent broker costs a delay: the timer finds the generation not compiled."""
    from worker.tasks import publish

    try:
        publish.delay(tenant_id)
    except OperationalError as error:
        log.warning("The broker is away (%s); tenant %s is published by the timer.", error, tenant_id)
    announce(f"tenant.{tenant_id}", "change")


def on_nodes_changed(sender: Any, **_: Any) -> None:
    announce("cluster", "change")
