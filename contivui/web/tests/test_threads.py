"""Which thread a coroutine's work is done in, and when it is free again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from contivui.web.threads import Threads

PATIENCE_S = 10


def test_of_the_idle_ones_that_which_was_busy_last_is_taken() -> None:
    together = threading.Barrier(2, timeout=PATIENCE_S)

    def meet() -> int:
        together.wait()
        return threading.get_ident()

    async def run() -> tuple[set[int], set[int]]:
        threads = Threads(3, "tried")
        pair = await asyncio.gather(threads.run(meet), threads.run(meet))
        return set(pair), {await threads.run(threading.get_ident) for _ in range(5)}

    pair, later = asyncio.run(run())
    assert len(pair) == 2
    assert len(later) == 1 and later < pair


def test_more_work_than_threads_waits_and_what_fails_fails_where_it_was_asked_for() -> None:
    async def run() -> list[int]:
        threads = Threads(2, "tried")
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        squares: list[Callable[[], int]] = [lambda n=n: n * n for n in range(20)]  # type: ignore[misc]
        return await asyncio.gather(*(threads.run(square) for square in squares))

    assert asyncio.run(run()) == [n * n for n in range(20)]


def test_a_thread_whose_caller_left_is_free_when_its_work_is_over_and_not_before() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go_on.wait(PATIENCE_S)

    async def run() -> list[str]:
        threads, order = Threads(1, "tried"), list[str]()
        left = asyncio.create_task(threads.run(slow))
        await asyncio.to_thread(begun.wait, PATIENCE_S)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        next_one = asyncio.create_task(threads.run(lambda: order.append("next")))
        await asyncio.sleep(0)
        order.append("over")
        go_on.set()
        await asyncio.wait_for(next_one, PATIENCE_S)
        return order

    assert asyncio.run(run()) == ["over", "next"]
