"""The databases that benches measure on: SQLite, and PostgreSQL where DATABASE_URL names one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "contivui_bench"


def databases() -> list[tuple[str, str]]:
    """Each by its name and a value for DATABASE_URL. On PostgreSQL it is the same server, another database."""
    url = os.environ.get("DATABASE_URL", "")
    return [("SQLite", ""), *([("PostgreSQL", url.rpartition("/")[0] + "/" + NAME)] if url else [])]


@contextmanager
def made_anew(url: str) -> Iterator[None]:
    """The database is there, and empty, while the block lasts. SQLite needs nothing: it comes with its folder."""
    if not url:
        yield
        return
    _administer(url, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", f"CREATE DATABASE {NAME}")
    try:
        yield
    finally:
        _administer(url, f"DROP DATABASE {NAME} WITH (FORCE)")


def _administer(url: str, *statements: str) -> None:
    """Statements of the server, through the database every server has."""
    import psycopg

    with psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
