"""Which thread a coroutine's work is done in, and when it is free again."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

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


def test_threads_end_with_what_they_were_made_for() -> None:
    async def run() -> list[threading.Thread]:
        threads = Threads(2, "ended with")
        await threads.run(lambda: None)
        return [one for one in threading.enumerate() if one.name == "ended with"]

    served = asyncio.run(run())
    assert len(served) == 2
    gc.collect()
    assert not [one for one in served if one.is_alive()]


def test_the_end_of_the_process_waits_for_work_in_progress(tmp_path: Path) -> None:
    """As of a request that the server did not wait for any longer."""
    program = f"""
import asyncio, time
from contivui.web.threads import Threads

def work():
    time.sleep(0.5)
    open({str(tmp_path / "done")!r}, "w").close()

async def run():
    task = asyncio.ensure_future(threads.run(work))
    await asyncio.sleep(0.1)
    task.cancel()

threads = Threads(1, "busy")
asyncio.run(run())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE_S)
    assert (tmp_path / "done").exists()


def test_an_error_that_a_future_cannot_hold_reaches_whoever_asked() -> None:
    async def run() -> None:
        await Threads(1, "tried").run(lambda: next(iter(())))

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(asyncio.wait_for(run(), PATIENCE_S))
