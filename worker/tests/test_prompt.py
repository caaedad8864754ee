"""Publishing at once: however many ask, and whenever they do."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from worker import prompt as room
from worker.prompt import Prompt

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("together", [1, 2, 5])
async def test_who_asks_before_the_first_has_begun_is_published_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, together: int
) -> None:
    published: list[int] = []
    monkeypatch.setattr(room, "publish_tenant", lambda tenant, tell: published.append(tenant))
    made = Prompt()
    with caplog.at_level(logging.ERROR):
        for _ in range(together):
            made.publish([1, 2])
        await asyncio.gather(*made._tasks)
    assert (sorted(published), made._wanted, caplog.records) == ([1, 2], {}, [])


async def test_who_asks_while_one_is_published_has_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    published, go = list[int](), threading.Event()

    def slow(tenant: int, tell: Any) -> None:
        published.append(tenant)
        go.wait(10)

    monkeypatch.setattr(room, "publish_tenant", slow)
    made = Prompt()
    made.publish([1])
    while not published:
        await asyncio.sleep(0.001)
    for _ in range(3):
        made.publish([1])
    go.set()
    await asyncio.gather(*made._tasks)
    assert (published, made._wanted) == ([1, 1], {})


async def test_one_that_fails_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(tenant: int, tell: Any) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(room, "publish_tenant", broken)
    made = Prompt()
    made.publish([1])
    await asyncio.gather(*made._tasks)
    assert "Tenant 1 could not be published here" in caplog.text
    assert made._wanted == {}
