from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher.settings import ROOT
from launcher.supervisor import Log, Program, Supervisor

pytestmark = pytest.mark.asyncio

COUNT_AND_END = "import os, sys; open(sys.argv[1], 'a').write('x'); print('ERROR all is lost'); sys.exit(3)"
#: A stubborn process with a child of its own: neither listens to SIGTERM.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
while True:
    time.sleep(1)
"""

#: Ends at once and leaves a child that goes on, with the same stdout; `detached` in a session of its own.
FORSAKING = """
import os, sys, time
if os.fork() == 0:
    if sys.argv[2] == "detached":
        os.setsid()
    print(os.getpid(), file=open(sys.argv[1], "a"), flush=True)
    time.sleep(60)
else:
    print("the last word", flush=True)
    time.sleep(0.2)
    os._exit(4)
"""
#: Says more than a pipe holds, and more than once, before it is done.
TALKATIVE = "import sys; [print('x' * 1000) for _ in range(500)]; open(sys.argv[1], 'a').write('x')"
SLEEPER = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'w'), flush=True); time.sleep(60)"
LAUNCHER = """
import asyncio, sys
from pathlib import Path
from launcher.supervisor import Program, Supervisor

async def main():
    folder = Path(sys.argv[1])
    supervisor = Supervisor(folder / "log", print)
    supervisor.start(Program("sleeper", [sys.executable, "-c", sys.argv[2], str(folder / "pids")]))
    await asyncio.sleep(60)

asyncio.run(main())
"""


def python(name: str, source: str, *arguments: object) -> Program:
    return Program(name, [sys.executable, "-c", source, *map(str, arguments)])


async def until(condition: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Running: a zombie nobody has collected yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


async def test_a_process_that_ends_is_started_again_and_its_last_lines_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path / "log", said.append)
    supervisor.start(python("short", COUNT_AND_END, tmp_path / "count"))
    await until(lambda: (tmp_path / "count").exists() and len((tmp_path / "count").read_text()) >= 2)
    await supervisor.stop()
    assert "short │ ERROR all is lost" in said
    assert any(line.startswith("short ended with code 3") for line in said)
    assert (tmp_path / "log" / "short.log").read_text().startswith("short | ERROR all is lost")


async def test_stop_ends_even_what_does_not_listen_and_its_children_within_five_seconds(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "log", print)
    supervisor.start(python("stubborn", STUBBORN, tmp_path / "pids"))
    await until(lambda: len(pids(tmp_path / "pids")) == 2)
    begun = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - begun < 5
    await until(lambda: not any(map(alive, pids(tmp_path / "pids"))), 1)


async def test_the_exit_code_of_a_single_run_comes_back(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "log", lambda _: None)
    assert await supervisor.run(python("once", COUNT_AND_END, tmp_path / "count")) == 3
    assert await supervisor.run(python("well", "pass")) == 0
    assert (tmp_path / "count").read_text() == "x"


async def test_a_killed_launcher_takes_its_processes_along(tmp_path: Path) -> None:
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(tmp_path), SLEEPER], cwd=ROOT)
    try:
        await until(lambda: pids(tmp_path / "pids"))
        assert alive(pids(tmp_path / "pids")[0])
    finally:
        os.kill(launcher.pid, signal.SIGKILL)
        launcher.wait()
    await until(lambda: not alive(pids(tmp_path / "pids")[0]), 2)


async def test_a_log_grown_too_long_is_set_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.supervisor.LOG_LIMIT", 10)
    supervisor = Supervisor(tmp_path / "log", print)
    for word in ("a long first line", "second"):
        await supervisor.run(python("talker", f"print({word!r})"))
    assert (tmp_path / "log" / "talker.log").read_text() == "talker | second\n"
    assert (tmp_path / "log" / "talker.log.old").read_text() == "talker | a long first line\n"


async def test_a_log_is_turned_over_while_its_program_runs_and_no_line_of_it_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.supervisor.LOG_LIMIT", 1000)
    supervisor = Supervisor(tmp_path / "log", print)
    await supervisor.run(python("talker", "for n in range(500): print(n)"))
    log, old = tmp_path / "log" / "talker.log", tmp_path / "log" / "talker.log.old"
    assert sorted((tmp_path / "log").iterdir()) == [log, old]
    assert max(log.stat().st_size, old.stat().st_size) < 1100
    kept = (old.read_text() + log.read_text()).splitlines()
    assert kept == [f"talker | {n}" for n in range(500 - len(kept), 500)]


async def test_a_log_that_was_taken_away_is_begun_anew_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.supervisor.LOG_LIMIT", 10)
    said: list[str] = []
    with contextlib.closing(Log(tmp_path / "talker.log", said.append)) as log:
        log.write(b"a long first line\n")
        log.path.unlink()
        log.write(b"second\n")
    assert (log.path.read_text(), said) == ("second\n", [])


async def test_a_log_that_cannot_be_turned_over_is_bounded_and_goes_on_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.supervisor.LOG_LIMIT", 10)
    said: list[str] = []
    (in_the_way := tmp_path / "talker.log.old").mkdir()
    with contextlib.closing(Log(tmp_path / "talker.log", said.append)) as log:
        for _ in range(3):
            log.write(b"a long line\n")
        assert log.path.read_text() == "a long line\n"
        assert said == [f"{log.path} cannot be written, and lines of it are lost: Is a directory."]
        in_the_way.rmdir()
        log.write(b"last\n")
    assert (log.path.read_text(), in_the_way.read_text()) == ("last\n", "a long line\n")


async def test_a_process_whose_log_cannot_be_written_goes_on_and_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path / "log", said.append)
    log = tmp_path / "log" / "talker.log"
    log.symlink_to("/dev/full")
    count = tmp_path / "count"
    assert await supervisor.run(python("talker", TALKATIVE, count)) == 0
    assert said == [f"{log} cannot be written, and lines of it are lost: No space left on device."]
    supervisor.start(python("talker", TALKATIVE, count))
    await until(lambda: len(count.read_text()) >= 3)
    await supervisor.stop()


async def test_a_terminal_that_takes_nothing_keeps_nobody_from_being_started_again(tmp_path: Path) -> None:
    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    supervisor = Supervisor(tmp_path / "log", full)
    supervisor.start(python("short", COUNT_AND_END, tmp_path / "count"))
    await until(lambda: (tmp_path / "count").exists() and len((tmp_path / "count").read_text()) >= 2)
    await supervisor.stop()


async def test_what_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path / "log", said.append)
    tool = tmp_path / "tool"
    supervisor.start(Program("later", [str(tool), str(tmp_path / "there")]))
    await until(lambda: any("later could not be kept running: FileNotFoundError" in line for line in said))
    fresh = tmp_path / "fresh"
    fresh.write_text("#!/bin/sh\necho x > $1\nexec sleep 60\n")
    fresh.chmod(0o700)
    fresh.rename(tool)
    await until(lambda: (tmp_path / "there").exists())
    await supervisor.stop()


@pytest.mark.parametrize("child", ["beside", "detached"])
async def test_a_process_that_ended_is_started_again_though_its_child_holds_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str
) -> None:
    monkeypatch.setattr("launcher.supervisor.LAST_WORDS_S", 0.3)
    said: list[str] = []
    supervisor, children = Supervisor(tmp_path / "log", said.append), tmp_path / "pids"
    supervisor.start(python("forsaking", FORSAKING, children, child))
    try:
        await until(lambda: len(pids(children)) >= 2)
        assert said[:2] == [
            "forsaking │ the last word",
            f"forsaking ended with code 4; more in {tmp_path / 'log' / 'forsaking.log'}.",
        ]
        assert alive(pids(children)[0]) == (child == "detached")
        begun = time.monotonic()
        await supervisor.stop()
        assert time.monotonic() - begun < 5
    finally:
        for pid in filter(alive, pids(children)):
            os.kill(pid, signal.SIGKILL)


async def test_what_a_process_says_while_it_is_stopped_is_kept(tmp_path: Path) -> None:
    source = """
import signal, time
def end(*_):
    print("\\n".join(["farewell"] * 1000))
    raise SystemExit
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""
    log = tmp_path / "log" / "polite.log"
    supervisor = Supervisor(tmp_path / "log", print)
    supervisor.start(python("polite", source))
    await until(lambda: log.exists() and "ready" in log.read_text())
    await supervisor.stop()
    assert log.read_text().count("farewell") == 1000
