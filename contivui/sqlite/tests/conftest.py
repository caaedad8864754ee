"""A database file of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contivui.sqlite.base import DatabaseWrapper


@pytest.fixture
def connect(tmp_path: Path, django_db_blocker: Any) -> Iterator[Callable[[], DatabaseWrapper]]:
    """Connections to one new file, for whichever thread asks; closed in the end."""
    made: list[DatabaseWrapper] = []

    def one() -> DatabaseWrapper:
        options = {"transaction_mode": "IMMEDIATE", "timeout": 0.05, "init_command": "PRAGMA journal_mode=WAL;"}
        settings = {"ENGINE": "contivui.sqlite", "NAME": str(tmp_path / "tried.sqlite3"), "OPTIONS": options}
        more = {"TIME_ZONE": None, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False, "AUTOCOMMIT": True}
        made.append(DatabaseWrapper({**settings, **more}, alias=f"tried{len(made)}"))
        made[-1].inc_thread_sharing()
        return made[-1]

    with django_db_blocker.unblock():
        yield one
        for each in made:
            each.close()
