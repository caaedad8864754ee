"""Django's backend for SQLite, with the writers of a process in line, and what is worded for SQLite worded once.

SQLite has one writer at a time, and who finds it busy sleeps, for up to a tenth of a second, and looks again: whoever
looks at the right moment is next, so that of many some wait long, and a few for ever. Within a process there is a
better way: a transaction begins when the one before it has ended. Between processes it is as SQLite does it.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.operations import DatabaseOperations
from django.db.utils import OperationalError

from contivui.sqlite.line import Line

#: By the name of the database.
_lines: defaultdict[str, Line] = defaultdict(Line)
# Whoever was in line stays in the process that forked.
os.register_at_fork(after_in_child=_lines.clear)


#: Characters of a question that is kept; longer ones are of lists of values, and hardly come twice.
LONGEST_KEPT = 8_000


@lru_cache(maxsize=1_000)
def _worded(query: str) -> str:
    """A question with its places marked as SQLite marks them. Finding them takes as long as asking."""
    return str(base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%"))


class Cursor(base.SQLiteCursorWrapper):
    def execute(self, query: str, params: Any = None) -> Any:
        if type(params) in (list, tuple) and len(query) <= LONGEST_KEPT:
            return sqlite3.Cursor.execute(self, _worded(query), params)
        return super().execute(query, params)


class Operations(DatabaseOperations):
    """Moments are stored in UTC. Where that is the connection's zone too, which it is unless the settings name another,
    they are read and written as they are."""

    def adapt_datetimefield_value(self, value: Any) -> Any:
        if type(value) is datetime and value.tzinfo is UTC and self.connection.timezone is UTC:
            return str(value.replace(tzinfo=None))
        return super().adapt_datetimefield_value(value)

    def convert_datetimefield_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if type(value) is str and self.connection.timezone is UTC:
            with suppress(ValueError):  # Django reads more ways of writing them.
                read = datetime.fromisoformat(value)
                return read if read.tzinfo else read.replace(tzinfo=UTC)
        return super().convert_datetimefield_value(value, expression, connection)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = Operations

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._entered: Line | None = None

    def create_cursor(self, name: str | None = None) -> Cursor:
        connection: sqlite3.Connection = self.connection
        return connection.cursor(factory=Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        line = _lines[str(self.settings_dict["NAME"])]
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        if not line.enter(patience):
            raise OperationalError("database is locked")
        self._entered = line
        try:
            self._begin()
        except BaseException:
            self._leave()
            raise

    def _begin(self) -> None:
        """As Django does it, past its cursors where nobody wants to see what they are given."""
        if self.execute_wrappers or self.queries_logged:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        else:
            with self.wrap_database_errors:
                self.connection.execute(f"BEGIN {self.transaction_mode or ''}")  # type: ignore[attr-defined]

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        # One that fails does not get here: it is rolled back next.
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()

    def _leave(self) -> None:
        line, self._entered = self._entered, None
        if line:
            line.leave()
