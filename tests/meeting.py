"""Two transactions that meet."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction

PATIENCE_S = 15
#: Time enough for a transaction to get as far as it can.
A_WHILE_S = 0.5


def meeting(
    first: Callable[[], object], second: Callable[[], object], then: Callable[[], object] | None = None
) -> None:
    """Do the second, in a thread, after the first and before that is committed; before it is, `then` is done as well.
    What the second raises is raised here."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so two never meet")
    begun, wrong = threading.Event(), list[Exception]()

    def other() -> None:
        begun.set()
        try:
            second()
        except Exception as error:
            wrong.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        first()
        thread.start()
        assert begun.wait(PATIENCE_S)
        thread.join(A_WHILE_S)  # It waits for this transaction, or is done by now.
        if then:
            then()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if wrong:
        raise wrong[0]
