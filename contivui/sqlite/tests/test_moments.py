"""Moments on their way to SQLite and back: as Django's own backend brings them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.backends.sqlite3.operations import DatabaseOperations

from contivui.sqlite.base import DatabaseWrapper

NOON = datetime(2026, 7, 1, 12)
MOMENTS = [
    NOON.replace(tzinfo=UTC),
    NOON.replace(microsecond=120, tzinfo=UTC),
    NOON.replace(tzinfo=timezone(timedelta(hours=5, minutes=30))),
    NOON.replace(tzinfo=ZoneInfo("Europe/Berlin")),
    NOON,
    None,
]
STORED = [
    "2026-07-01 12:00:00",
    "2026-07-01 12:00:00.000120",
    "2026-07-01 12:00:00.12",
    "2026-07-01 12:00",
    "2026-07-01 12:00:00+05:30",
    None,
]


@pytest.fixture(params=[None, "Asia/Kolkata"])
def ours(request: Any, connect: Callable[[], DatabaseWrapper]) -> DatabaseWrapper:
    made = connect()
    made.settings_dict["TIME_ZONE"] = request.param
    return made


@pytest.mark.parametrize("moment", MOMENTS)
def test_they_are_stored_as_django_stores_them(ours: DatabaseWrapper, moment: datetime | None) -> None:
    theirs = DatabaseOperations(ours)
    assert ours.ops.adapt_datetimefield_value(moment) == theirs.adapt_datetimefield_value(moment)


@pytest.mark.parametrize("stored", STORED)
def test_they_are_read_as_django_reads_them(ours: DatabaseWrapper, stored: str | None) -> None:
    theirs: Any = DatabaseOperations(ours)
    read = ours.ops.convert_datetimefield_value(stored, None, ours)  # type: ignore[attr-defined]
    assert read == theirs.convert_datetimefield_value(stored, None, ours)
    assert read is None or read.utcoffset() == theirs.convert_datetimefield_value(stored, None, ours).utcoffset()
