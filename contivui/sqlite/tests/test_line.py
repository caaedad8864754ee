"""Writers in line: the lock itself, and transactions on a database file of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError

from contivui.sqlite.base import DatabaseWrapper
from contivui.sqlite.line import Line

PATIENCE_S = 10.0


def wait_for(there: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not there():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_who_has_waited_the_longest_is_next() -> None:
    line, order = Line(), list[int]()

    def go(number: int) -> None:
        assert line.enter(PATIENCE_S)
        order.append(number)
        line.leave()

    assert line.enter(0)
    crowd = [threading.Thread(target=go, args=(number,)) for number in range(20)]
    for waiting, thread in enumerate(crowd, 1):
        thread.start()
        wait_for(lambda waiting=waiting: len(line._waiting) == waiting)  # type: ignore[misc]
    line.leave()
    for thread in crowd:
        thread.join(PATIENCE_S)
    assert order == list(range(20))
    assert line.enter(0), "the last one let go of it"


def test_who_gives_up_is_not_waited_for() -> None:
    line = Line()
    assert line.enter(0)
    assert not line.enter(0.01)
    line.leave()
    assert line.enter(0)


def begin(connection: DatabaseWrapper) -> None:
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_a_transaction_begins_when_the_one_before_it_has_ended(
    connect: Callable[[], DatabaseWrapper], end: str
) -> None:
    first, second = connect(), connect()
    begin(first)
    with pytest.raises(OperationalError, match="database is locked"):
        begin(second)
    getattr(first, end)()
    begin(second)
    second.rollback()


def test_one_that_could_not_begin_is_not_in_line(connect: Callable[[], DatabaseWrapper], tmp_path: Path) -> None:
    """Another process is writing: SQLite refuses, and the next of ours is not held up by the one that was refused."""
    import sqlite3

    first, second = connect(), connect()
    first.ensure_connection()
    other = sqlite3.connect(tmp_path / "tried.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for ours in (first, second):
        with pytest.raises(OperationalError, match="database is locked"):
            begin(ours)
    other.execute("COMMIT")
    other.close()
    begin(second)
    second.rollback()


def test_whoever_wants_to_hear_of_questions_hears_of_the_beginning_too(connect: Callable[[], DatabaseWrapper]) -> None:
    one = connect()
    one.force_debug_cursor = True
    begin(one)
    one.rollback()
    assert one.queries[0]["sql"] == "BEGIN IMMEDIATE"
