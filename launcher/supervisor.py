"""Keeps the processes of an installation alive, and ends them all: with the launcher, whatever becomes of it.

Each process is the leader of a session of its own (a Ctrl-C in the terminal reaches the launcher alone) and is killed
by the kernel when the launcher dies (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lab import sandbox

FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_S = 0.3, 10.0, 30.0
#: Seconds processes are given to end by themselves: the foundations after the others.
GRACE_S = 2.2
#: A log longer than this is begun anew at the next start, its forerunner kept as .old, bytes.
LOG_LIMIT = 10_000_000
PROBLEM = re.compile(rb"\b(ERROR|CRITICAL)\b")
#: Last lines shown of a process that ended by itself.
LAST_LINES = 6
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `pass_fds` are open files it inherits under the same numbers; a problem with `hushed` in its line
    goes to the log alone; on a `foundation` the others stand, so it is asked to end only when they have."""

    name: str
    command: list[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = Path()
    pass_fds: tuple[int, ...] = ()
    hushed: bytes | None = None
    foundation: bool = False


class Supervisor:
    """Starts programs, starts them again when they end, and writes what they say to `logs`/<name>.log."""

    def __init__(self, logs: Path, say: Say) -> None:
        self.logs = logs
        self.say = say
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._foundations: set[str] = set()
        self._stopping = False
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, program: Program) -> None:
        if program.foundation:
            self._foundations.add(program.name)
        self._tasks[program.name] = asyncio.create_task(self._keep(program))

    async def run(self, program: Program) -> int:
        """Run it once, to its end. Its exit code."""
        last: deque[bytes] = deque(maxlen=LAST_LINES)
        code = await self._run(program, last)
        if code:
            self._tell_end(program, code, last)
        return code

    async def stop(self) -> None:
        """End everything; what is left after its grace is killed with all its children."""
        self._stopping = True
        await self._end([name for name in self.processes if name not in self._foundations])
        await self._end(list(self._foundations & self.processes.keys()))
        await asyncio.sleep(0)  # lets each look after what its process left behind
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _end(self, names: list[str]) -> None:
        running = [self.processes[name] for name in names if self.processes[name].returncode is None]
        if not running:
            return
        for process in running:
            kill_group(process.pid, signal.SIGTERM)
        waiting = [asyncio.create_task(process.wait()) for process in running]
        _, late = await asyncio.wait(waiting, timeout=GRACE_S)
        if late:
            for process in running:
                kill_group(process.pid, signal.SIGKILL)
        await asyncio.gather(*waiting)

    async def _keep(self, program: Program) -> None:
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            begun = loop.time()
            last: deque[bytes] = deque(maxlen=LAST_LINES)
            code = await self._run(program, last)
            if self._stopping:
                return
            pause_s = FIRST_PAUSE_S if loop.time() - begun > HEALTHY_S else min(pause_s * 2, LONGEST_PAUSE_S)
            self._tell_end(program, code, last)
            self.say(f"{program.name}: next start in {pause_s:.1f} s.")
            await asyncio.sleep(pause_s)

    def _tell_end(self, program: Program, code: int, last: deque[bytes]) -> None:
        for line in last:
            self.say(f"{program.name} │ {line.decode(errors='replace')}")
        self.say(f"{program.name} ended with code {code}; more in {self.logs / program.name}.log.")

    async def _run(self, program: Program, last: deque[bytes]) -> int:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            cwd=program.folder,
            env=program.env,
            pass_fds=program.pass_fds,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with(os.getpid()),
            limit=1024 * 1024,
        )
        self.processes[program.name] = process
        with self._log(program.name) as log:
            await self._copy(program, process, log, last)
        code = await process.wait()
        kill_group(process.pid, signal.SIGKILL)  # what it started and left behind
        return code

    async def _copy(
        self, program: Program, process: asyncio.subprocess.Process, log: BinaryIO, last: deque[bytes]
    ) -> None:
        """Every line to the log, problems to the terminal too."""
        assert process.stdout is not None
        while line := await _line(process.stdout):
            log.write(b"%s | %s" % (program.name.encode(), line))
            log.flush()
            last.append(line.rstrip())
            if PROBLEM.search(line) and not (program.hushed and program.hushed in line):
                self.say(f"{program.name} │ {line.decode(errors='replace').rstrip()}")

    def _log(self, name: str) -> BinaryIO:
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.old"))
        return path.open("ab")


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line; one longer than the buffer is cut."""
    try:
        return await stream.readline()
    except ValueError:
        return b"(a line too long to keep)\n"


def kill_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def die_with(parent: int) -> Callable[[], None]:
    """For a child between fork and exec: killed when the parent dies."""
    return partial(sandbox.end_with, parent)
