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
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import FileIO
from pathlib import Path

from lab import sandbox

FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_S = 0.3, 10.0, 30.0
#: Seconds processes are given to end by themselves: the foundations after the others.
GRACE_S = 2.2
#: Seconds in which the last lines of an ended process are read, and while everything is being stopped. There is no end
#: to them where something it started left its group and speaks on.
LAST_WORDS_S, LAST_WORDS_AT_STOP_S = 2.0, 0.3
#: What a process says is read in pieces of this size, bytes; a longer line is cut.
LONGEST_LINE = 1024 * 1024
#: A log longer than this is begun anew, its forerunner kept as .old, bytes.
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
        self._terminal = say
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._copying: set[asyncio.Task[None]] = set()
        self._foundations: set[str] = set()
        self._stopping = False
        logs.mkdir(parents=True, exist_ok=True)

    def say(self, sentence: str) -> None:
        """In the terminal, which may have gone, or be a file on a full disk: no reason to leave processes alone."""
        with contextlib.suppress(OSError):
            self._terminal(sentence)

    def start(self, program: Program) -> None:
        if program.foundation:
            self._foundations.add(program.name)
        self._tasks[program.name] = asyncio.create_task(self._keep(program))

    async def run(self, program: Program) -> int:
        """Run it once, to its end. Its exit code."""
        last: deque[bytes] = deque(maxlen=LAST_LINES)
        code = await self._run(program, last)
        if code:
            self._tell_end(program, self._end_of(program, code), last)
        return code

    async def stop(self) -> None:
        """End everything; what is left after its grace is killed with all its children."""
        self._stopping = True
        await self._end([name for name in self.processes if name not in self._foundations])
        await self._end(list(self._foundations & self.processes.keys()))
        await asyncio.sleep(0)  # lets each look after what its process left behind
        if self._copying:
            await asyncio.wait(self._copying, timeout=LAST_WORDS_AT_STOP_S)
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
            try:
                code = await self._run(program, last)
            except Exception as error:  # No file or memory left, most likely: others end in time.
                how = f"{program.name} could not be kept running: {error!r}."
            else:
                how = self._end_of(program, code)
            if self._stopping:
                return
            pause_s = FIRST_PAUSE_S if loop.time() - begun > HEALTHY_S else min(pause_s * 2, LONGEST_PAUSE_S)
            self._tell_end(program, how, last)
            self.say(f"{program.name}: next start in {pause_s:.1f} s.")
            await asyncio.sleep(pause_s)

    def _end_of(self, program: Program, code: int) -> str:
        return f"{program.name} ended with code {code}; more in {self._log_of(program)}."

    def _tell_end(self, program: Program, how: str, last: deque[bytes]) -> None:
        for line in last:
            self.say(f"{program.name} │ {line.decode(errors='replace')}")
        self.say(how)

    async def _run(self, program: Program, last: deque[bytes]) -> int:
        """From its start to its end, which is that of all its group. Its exit code.

        The pipe is our own: asyncio tells of the end of a process only when all the pipes it made are closed, and what
        the process started may hold them open.
        """
        heard, spoken = os.pipe()
        self._copying.add(copying := asyncio.create_task(self._copy(program, heard, last)))
        copying.add_done_callback(self._copying.discard)
        try:
            process = await _spawn(program, spoken)
        finally:
            os.close(spoken)
        self.processes[program.name] = process
        try:
            return await _end_of_either(process, copying)
        finally:
            kill_group(process.pid, signal.SIGKILL)  # what it started and left behind, or it, if it is not heard
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(copying, LAST_WORDS_S)

    async def _copy(self, program: Program, heard: int, last: deque[bytes]) -> None:
        """Every line to the log, problems to the terminal too."""
        with contextlib.closing(Log(self._log_of(program), self.say)) as log:
            async with _reading(heard) as stream:
                while line := await _line(stream):
                    log.write(b"%s | %s" % (program.name.encode(), line))
                    last.append(line.rstrip())
                    if PROBLEM.search(line) and not (program.hushed and program.hushed in line):
                        self.say(f"{program.name} │ {line.decode(errors='replace').rstrip()}")

    def _log_of(self, program: Program) -> Path:
        return self.logs / f"{program.name}.log"


class Log:
    """Where a program's lines are kept, the newest of them: it and its forerunner are of bounded length. Lines that
    cannot be kept are lost, and that is said once: a program whose lines nobody takes stands still as soon as the pipe
    is full."""

    def __init__(self, path: Path, say: Say) -> None:
        self.path = path
        self._say = say
        self._file: FileIO | None = None
        self._told = False

    def write(self, line: bytes) -> None:
        try:
            self._ready().write(line)
        except OSError as error:
            if not self._told:
                self._say(f"{self.path} cannot be written, and lines of it are lost: {error.strerror}.")
            self._told = True

    def close(self) -> None:
        if self._file:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _ready(self) -> FileIO:
        """The file for the next line."""
        self._file = self._file or self._open()
        if os.fstat(self._file.fileno()).st_size > LOG_LIMIT:
            with contextlib.suppress(FileNotFoundError):  # Whoever took it away has turned it over.
                self.path.replace(self.path.with_suffix(".log.old"))
            self.close()
            self._file = self._open()
        return self._file

    def _open(self) -> FileIO:
        """Without a buffer, which would keep what could not be written, and fail again with it."""
        return FileIO(self.path, "ab")


async def _spawn(program: Program, spoken: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *program.command,
        cwd=program.folder,
        env=program.env,
        pass_fds=program.pass_fds,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=spoken,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with(os.getpid()),
    )


async def _end_of_either(process: asyncio.subprocess.Process, copying: asyncio.Task[None]) -> int:
    """The exit code; raises what ended the copying before the process. Nothing does if the process closed its end."""
    ended = asyncio.create_task(process.wait())
    await asyncio.wait({ended, copying}, return_when=asyncio.FIRST_COMPLETED)
    if copying.done():
        copying.result()
    return await ended


@contextlib.asynccontextmanager
async def _reading(pipe: int) -> AsyncIterator[asyncio.StreamReader]:
    """A pipe as a stream, and closed afterwards."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(limit=LONGEST_LINE, loop=loop)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream, loop=loop), os.fdopen(pipe, "rb", 0)
    )
    try:
        yield stream
    finally:
        transport.close()


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
