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


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of an installation in `folder`, filled by stage.py. Nothing of it is left afterwards."""
    env = {**os.environ, "CONTIVUI_DATA": str(folder), "LOG_LEVEL": "ERROR", "ALLOWED_HOSTS": "127.0.0.1"}
    port = _free_port()
    redis = _start(broker.command(broker.binary(), folder / "redis.sock", folder), env)
    web = None
    try:
        for words in (
            ["manage.py", "migrate"],
            ["manage.py", "collectstatic", "--noinput"],
            ["-m", "tests.browser.stage"],
        ):
            subprocess.run(
                [sys.executable, *words], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL, timeout=120
            )
        serve = ["-m", "uvicorn", "contivui.asgi:application", "--port", str(port), "--ws", "websockets-sansio"]
        web = _start([sys.executable, *serve, "--log-level", "error"], env)
        _await(f"http://127.0.0.1:{port}/login/", web)
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in filter(None, (web, redis)):
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
