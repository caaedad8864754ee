"""The launcher as a person starts it, with real processes; the lab where the sandbox allows one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from launcher.settings import ROOT

#: Seconds for a first start on a busy machine; the promise is tested by bench, on a quiet one.
PATIENCE_S = 60


@dataclass
class Run:
    process: subprocess.Popen[str]
    data: Path
    port: int

    def wait_up(self) -> str:
        """What it printed until it was up."""
        said = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                return "".join(said)
        raise AssertionError("".join(said))

    def stop(self, how: signal.Signals = signal.SIGINT) -> float:
        """Seconds it took to end."""
        begun = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(15)
        return time.monotonic() - begun


@contextlib.contextmanager
def started(data: Path, **settings: str) -> Iterator[Run]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "CONTIVUI_DATA": str(data), "PORT": str(port), **settings}
    command = [sys.executable, "-m", "launcher"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **streams)
    try:
        yield Run(process, data, port)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def of_installation(data: Path) -> list[str]:
    """Command lines of running processes that name the data folder, or inherited its setting (Valkey shows neither
    environment nor arguments, but the name of its socket)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if f"CONTIVUI_DATA={data}\0".encode() in (folder / "environ").read_bytes() or f"{data}/redis.sock" in line:
                found.append(line)
    return found


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def healthz(run: Run) -> dict[str, object]:
    with urllib.request.urlopen(f"http://127.0.0.1:{run.port}/healthz", timeout=10) as answer:
        return dict(json.load(answer))


def test_it_starts_prints_how_to_sign_in_stops_in_five_seconds_and_keeps_its_data(tmp_path: Path) -> None:
    with started(tmp_path, LAB_NODES="0") as run:
        said = run.wait_up()
        assert healthz(run)["healthy"] is True
        assert f"ContivUI is at http://127.0.0.1:{run.port}" in said
        assert "redis, web, worker, no lab" in said
        assert run.stop() < 5
        assert run.process.returncode == 0
        assert of_installation(tmp_path) == []
    password = (tmp_path / "admin_password").read_text().strip()
    assert f"password    {password}" in said
    assert (tmp_path / "admin_password").stat().st_mode & 0o777 == 0o600
    with started(tmp_path, LAB_NODES="0", CONTIVUI_ADMIN_PASSWORD="another") as again:
        assert f"password    {password}" in again.wait_up()
        again.stop(signal.SIGTERM)


def test_a_killed_launcher_leaves_no_process_and_the_next_start_is_well(tmp_path: Path) -> None:
    with started(tmp_path, LAB_NODES="0") as run:
        run.wait_up()
        assert len(of_installation(tmp_path)) >= 4
        run.stop(signal.SIGKILL)
        assert within(3, lambda: of_installation(tmp_path) == []), of_installation(tmp_path)
    with started(tmp_path, LAB_NODES="0") as run:
        run.wait_up()
        assert healthz(run)["healthy"] is True
        run.stop()


def test_a_killed_web_process_comes_back_and_waiting_connections_are_served(tmp_path: Path) -> None:
    with started(tmp_path, LAB_NODES="0") as run:
        run.wait_up()
        (web,) = [int(p.name) for p in Path("/proc").glob("[0-9]*") if is_web_of(p, tmp_path)]
        os.kill(web, signal.SIGKILL)
        assert healthz(run)["healthy"] is True
        run.stop()


def is_web_of(process: Path, data: Path) -> bool:
    try:
        ours = f"CONTIVUI_DATA={data}\0".encode() in (process / "environ").read_bytes()
        return ours and b"launcher.web" in (process / "cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.kernel
def test_with_a_lab_the_demonstration_is_plugged_in_and_every_namespace_ends_with_it(tmp_path: Path) -> None:
    with started(tmp_path) as run:
        assert "3 lab nodes" in run.wait_up()
        lab = tmp_path / "lab" / "lab.sock"
        assert within(PATIENCE_S, lambda: plugged(lab) == 12), (tmp_path / "log" / "lab.log").read_text()[-2000:]
        environment = {**os.environ, "CONTIVUI_DATA": str(tmp_path)}
        checked = subprocess.run(
            [sys.executable, "-m", "launcher.check"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
        counts = re.findall(r"(\d+) of (\d+)", checked.stdout.splitlines()[-1])
        assert [total for _, total in counts] == ["376", "432", "4"]
        assert run.stop() < 5
    assert of_installation(tmp_path) == []


def plugged(lab: Path) -> int:
    from agent.lines import ask_now

    try:
        return sum(c["plugged"] for c in ask_now(lab, {"verb": "status"})["containers"])
    except OSError:
        return 0


def test_netmaster_answers_at_a_port_of_its_own_when_there_is_to_be_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started(tmp_path / "data", LAB_NODES="0", NETMASTER_PORT=str(port), NETMASTER_OPEN="1") as run:
        said = run.wait_up()
        assert f"netmaster   http://127.0.0.1:{port}, OPEN: whoever reaches this port may change everything" in said
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/tenants/", timeout=10) as answer:
            assert [tenant["key"] for tenant in json.load(answer)] == ["default"]
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{run.port}/api/v1/tenants/", timeout=10)
        assert caught.value.code == 400, "the main port asks for a token"
        run.stop()
