"""A whole installation for the browser tests: database, hashed static files, broker and the web process, as in use."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher import broker

ROOT = Path(__file__).resolve().parent.parent.parent
#: Debian's Chromium does not look for its news on the network with these.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@dataclass
class House:
    """An installation that runs at `address`; its web process can end and come back while pages are open."""

    env: dict[str, str]
    port: int
    web: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_web(self) -> None:
        serve = ["-m", "uvicorn", "contivui.asgi:application", "--port", str(self.port), "--ws", "websockets-sansio"]
        self.web = _start([sys.executable, *serve, "--log-level", "error"], self.env)
        _await(f"{self.address}/login/", self.web)

    def kill_web(self) -> None:
        assert self.web is not None
        self.web.kill()
        self.web.wait(10)


@contextmanager
def running(folder: Path) -> Iterator[House]:
    """An installation in `folder`, filled by stage.py. Nothing of it is left afterwards."""
    env = {**os.environ, "CONTIVUI_DATA": str(folder), "LOG_LEVEL": "ERROR", "ALLOWED_HOSTS": "127.0.0.1,localhost"}
    house = House(env, _free_port())
    redis = _start(broker.command(broker.binary(), folder / "redis.sock", folder), env)
    try:
        for words in (
            ["manage.py", "migrate"],
            ["manage.py", "collectstatic", "--noinput"],
            ["-m", "tests.browser.stage"],
        ):
            subprocess.run(
                [sys.executable, *words], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL, timeout=120
            )
        house.start_web()
        yield house
    finally:
        for process in filter(None, (house.web, redis)):
            process.terminate()
            process.wait(10)


def _start(words: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web process ended at once"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer within {seconds} s")
