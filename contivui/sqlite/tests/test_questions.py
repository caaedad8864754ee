"""Questions worded for SQLite: as Django words them, whether they are kept or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.sqlite3.base import SQLiteCursorWrapper

from contivui.sqlite.base import LONGEST_KEPT, DatabaseWrapper

QUESTIONS = [
    "SELECT %s, %s",
    "SELECT '100%%', %s, %s",
    "SELECT %s -- %%s\n, %s",
    "SELECT %s, %s -- " + "long " * LONGEST_KEPT,
]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("values", [[1, 2], (1, 2)])
def test_a_question_is_answered_as_djangos_own_cursor_answers_it(
    connect: Callable[[], DatabaseWrapper], question: str, values: Any
) -> None:
    with connect().cursor() as cursor:
        theirs = cursor.connection.cursor(factory=SQLiteCursorWrapper).execute(question, values).fetchall()
        for _ in range(2):
            cursor.execute(question, values)
            assert cursor.fetchall() == theirs


def test_names_are_put_in_as_names(connect: Callable[[], DatabaseWrapper]) -> None:
    with connect().cursor() as cursor:
        cursor.execute("SELECT %(one)s, %(two)s", {"two": 2, "one": 1})
        assert cursor.fetchall() == [(1, 2)]
        cursor.execute("SELECT %s, '%%'", ["x"])
        assert cursor.fetchall() == [("x", "%")]
