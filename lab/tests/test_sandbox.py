from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import sandbox

pytestmark = pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing())


def run(*argv: str, seconds: float = 20) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab.sandbox", "--", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def shell(script: str) -> subprocess.CompletedProcess[str]:
    return run("sh", "-c", script)


def test_inside_there_is_a_loopback_and_nothing_else() -> None:
    assert (
        shell("ls /sys/class/net >/dev/null; ip -o link | wc -l; ip -o link show up | grep -c lo:").stdout == "1\n1\n"
    )


def test_the_exit_code_comes_through_also_of_a_killed_command() -> None:
    assert shell("exit 7").returncode == 7
    assert shell("kill -KILL $$").returncode == 128 + 9


def test_what_is_made_inside_is_not_seen_outside() -> None:
    assert shell("touch /run/netns/made-inside && ip link add made0 type dummy 2>/dev/null || true").returncode == 0
    assert not Path("/run/netns/made-inside").exists()
    assert "made0" not in subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout


def test_orphans_are_collected_and_end_with_the_command() -> None:
    mark = f"86{time.monotonic_ns() % 10**6}"
    ended = shell(
        f"(sh -c 'sleep {mark} & sleep 0.1' &); sleep 0.5; grep -l '(sleep).*Z' /proc/*/stat 2>/dev/null | wc -l"
    )
    assert ended.stdout == "0\n"
    assert not any(mark.encode() in line for line in command_lines())


def command_lines() -> list[bytes]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes())
        except OSError:
            continue
    return found


def test_a_killed_sandbox_takes_everything_inside_along() -> None:
    mark = f"87{time.monotonic_ns() % 10**6}"
    process = subprocess.Popen([sys.executable, "-m", "lab.sandbox", "--", "sh", "-c", f"sleep {mark} & sleep {mark}"])
    end = time.monotonic() + 10
    while sum(mark.encode() in line for line in command_lines()) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    process.wait()
    while any(mark.encode() in line for line in command_lines()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(mark.encode() in line for line in command_lines())
