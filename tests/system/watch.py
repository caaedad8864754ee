"""A whole installation under test: its processes by name, its flows while something is broken, a person's pages."""

from __future__ import annotations

import contextlib
import http.cookiejar
import os
import re
import signal
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.installation import Installation
from core.model import ICMP, TCP

#: Seconds within which everything that was broken for a moment must be well again by itself.
PATIENCE_S = 30.0


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """What the condition answers once it is true. AssertionError naming `what` when it does not become so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def process_of(running: Installation, words: str) -> int:
    """The process id of the installation's process whose command line contains `words`."""
    data = f"CONTIVUI_DATA={running.data}\0".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if words in line and (data in (folder / "environ").read_bytes() or str(running.data) in line):
                return int(folder.name)
    raise AssertionError(f"no process of {running.data} is {words}")


def kill(running: Installation, words: str) -> int:
    pid = process_of(running, words)
    os.kill(pid, signal.SIGKILL)
    return pid


@dataclass
class Flows:
    """Asks, while something is being broken, for a flow that is allowed and for some that are not. A probe that was
    only late on a busy machine is asked once more before it counts as lost."""

    running: Installation
    asked: int = 0
    lost: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    def __enter__(self) -> Flows:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._over.is_set():
            self.ask()

    def ask(self) -> None:
        """All questions once."""
        flows = self.questions()
        outcomes = self._outcomes([probe for probe, _ in flows])
        for (probe, allowed), how in zip(flows, outcomes, strict=True):
            self.asked += 1
            if allowed and how != "answered" and self._outcomes([probe]) != ["answered"]:
                self.lost.append(f"{probe}: {how}")
            if not allowed and how == "answered":
                self.passed.append(f"{probe}: {how}")

    def _outcomes(self, probes: list[dict[str, Any]]) -> list[str]:
        return list(self.running.lab("probe", probes=probes, timeout_s=0.5)["outcomes"])

    def questions(self) -> list[tuple[dict[str, Any], bool]]:
        """Of the demonstration: web may ask db at 5432 and nothing else; client may ask it nothing."""
        found = {c["key"]: c for c in self.running.lab("status")["containers"]}
        asked = []
        for source, destination, protocol, port, allowed in (
            ("blue/web-1", "blue/db-1", TCP, 5432, True),
            ("blue/web-2", "blue/db-2", TCP, 5432, True),
            ("green/web-1", "green/db-2", TCP, 5432, True),
            ("blue/web-1", "blue/client-2", ICMP, None, True),
            ("blue/web-1", "blue/db-2", TCP, 80, False),
            ("blue/client-1", "blue/db-1", TCP, 5432, False),
            ("green/client-2", "green/db-1", ICMP, None, False),
            ("blue/web-1", "green/web-2", ICMP, None, False),
        ):
            where = {"source": source, "destination": destination, "address": found[destination]["ip4"]}
            asked.append(({**where, "protocol": protocol, "port": port}, allowed))
        return asked


class Person:
    """Signed in with a browser's cookies, to read pages."""

    def __init__(self, running: Installation) -> None:
        self._base = f"http://127.0.0.1:{running.port}"
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page("/login/"))
        assert found
        password = (running.data / "admin_password").read_text().strip()
        told = {"username": "admin", "password": password, "csrfmiddlewaretoken": found[1]}
        request = urllib.request.Request(
            f"{self._base}/login/", urllib.parse.urlencode(told).encode(), {"Referer": f"{self._base}/login/"}
        )
        self._open(request, timeout=10).close()

    def page(self, path: str) -> str:
        with self._open(self._base + path, timeout=10) as answer:
            return str(answer.read().decode())


def agents(running: Installation) -> Iterator[dict[str, Any]]:
    """What each agent says of itself on its own socket; controller and broker are not asked."""
    for node in running.lab("status")["nodes"]:
        yield running.lab("agent", node=node["name"], message={"verb": "status"})["answer"]["status"]


def rule_of(running: Installation) -> int:
    """The rule of blue's database policy that lets web in."""
    policy = running.named("policies", "blue", "db-policy")
    rules = running.api("GET", f"rules/?policy={policy['id']}")["results"]
    return int(next(rule["id"] for rule in rules if rule["protocol"] == "tcp"))


def live(running: Installation, rule: int) -> bool:
    """Whether the rule as it stands is in force on every node that is concerned."""
    how = running.api("GET", f"rules/{rule}/realization/")
    return how["stage"] == "live" and how["live"] == how["nodes"] > 0
