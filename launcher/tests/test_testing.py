"""How the suite is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import sandbox
from launcher.settings import ROOT
from launcher.testing import command, lanes_asked

PATIENCE_S = 60
#: A test that never ends by itself, with a process of its own that nobody looks after.
ENDLESS = """
import os, signal, subprocess, time

def test_without_end():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
    time.sleep(600)
"""


def test_lanes_are_sandboxes_of_their_own() -> None:
    started = command(["core"], 3, sandboxed=True)
    assert started[:4] == [sys.executable, "-m", "pytest", "core"]
    assert started[-1] == f"3*popen//python={sys.executable} -m lab.sandbox -- {sys.executable}"
    assert command(["core"], 1, sandboxed=True)[-4:] == started[:4]


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "65"])
def test_what_is_no_number_of_lanes_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(SystemExit, match="give a number from 1 to 64"):
        lanes_asked(text)


def running(mark: str) -> list[bytes]:
    """The command lines of processes with this word in them or in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:  # It ended meanwhile.
            continue
        found += [line] if mark.encode() in line + environment and int(process.name) != os.getpid() else []
    return found


def until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end, "It did not come true in time."
        time.sleep(0.1)


@pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing())
@pytest.mark.parametrize(("lanes", "number"), [("1", signal.SIGTERM), ("2", signal.SIGTERM), ("2", signal.SIGKILL)])
def test_what_ends_it_ends_its_lanes(tmp_path: Path, lanes: str, number: signal.Signals) -> None:
    mark = f"60{os.getpid()}{lanes}{number:02}"
    for one in ("a", "b"):
        (tmp_path / f"test_{one}.py").write_text(ENDLESS.format(mark=mark))
    environment = {**os.environ, "LANES": lanes, "MARK": mark}
    with (tmp_path / "output").open("w") as output:
        bare = ["-c", "/dev/null", "-p", "no:django", "-p", "no:cacheprovider"]
        tests = [sys.executable, "-m", "launcher.testing", *bare, str(tmp_path)]
        started = subprocess.Popen(tests, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            until(lambda: sleeping(mark) == int(lanes))
            started.send_signal(number)
            assert started.wait(PATIENCE_S) != 0
            until(lambda: not running(mark))
        finally:
            started.kill()


def sleeping(mark: str) -> int:
    return sum(b"sleep" in line for line in running(mark))
