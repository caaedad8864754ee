"""A whole installation of its own, to be measured or tried: own data, port, broker, worker, lab; gone afterwards."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.lines import ask_now

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 90
MAKE_TOKEN = """
from django.contrib.auth import get_user_model
from knox.models import get_token_model
print(get_token_model().objects.create(get_user_model().objects.get(username="admin"))[1])
"""


class Installation:
    """Speaks to one running installation: `api` as an administrator's token, `lab` through its control socket."""

    def __init__(self, data: Path, port: int, environment: Mapping[str, str]) -> None:
        self.data = data
        self.port = port
        self.environment = environment
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._token = ""

    def sign_in(self) -> None:
        """A token of the first administrator. Made in a process of its own: this one may have another database."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", MAKE_TOKEN]
        made = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=True)
        self._token = made.stdout.strip()

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One request under /api/v2/. RuntimeError with the answer when it is refused."""
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        content = json.dumps(body) if body is not None else None
        try:
            answer, text = self._ask(method, path, content, headers)
        except (OSError, http.client.HTTPException):
            # The server was started anew since the last request, and the connection was the old one's.
            self._connection.close()
            answer, text = self._ask(method, path, content, headers)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500].decode(errors='replace')}")
        return json.loads(text) if text else None

    def _ask(
        self, method: str, path: str, content: str | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request(method, f"/api/v2/{path}", content, headers)
        answer = self._connection.getresponse()
        return answer, answer.read()

    def named(self, kind: str, tenant: str, name: str) -> dict[str, Any]:
        """The one object of a kind (its word in URLs) with this name."""
        (row,) = self.api("GET", f"{kind}/?tenant={tenant}&name={name}")["results"]
        return dict(row)

    def lab(self, verb: str, **fields: Any) -> dict[str, Any]:
        answer = ask_now(self.data / "lab" / "lab.sock", {"verb": verb, **fields}, timeout_s=300)
        if not answer.get("ok"):
            raise RuntimeError(f"lab {verb}: {answer.get('error')}")
        return answer

    def health(self) -> dict[str, Any]:
        """What /healthz says; empty while nobody answers."""
        probe = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            probe.request("GET", "/healthz")
            return dict(json.load(probe.getresponse()))
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        finally:
            probe.close()

    def healthy(self) -> bool:
        return self.health().get("healthy") is True

    def plugged(self) -> bool:
        try:
            containers = self.lab("status")["containers"]
        except (OSError, RuntimeError):
            return False
        return bool(containers) and all(c["plugged"] for c in containers)


@contextmanager
def installation(nodes: int = 3, demo: bool = True, **environment: str) -> Iterator[Installation]:
    """An installation that is up, its demonstration plugged in. Its folder and processes end with the block."""
    with tempfile.TemporaryDirectory(prefix="contivui-bench-") as folder:
        data, port = Path(folder) / "data", free_port()
        wanted = {"CONTIVUI_DATA": str(data), "PORT": str(port), "LAB_NODES": str(nodes), "DEMO": "1" if demo else "0"}
        env = {**os.environ, **wanted, **environment, "DJANGO_SETTINGS_MODULE": "contivui.settings"}
        with (Path(folder) / "launcher.log").open("w") as log:
            launcher = subprocess.Popen([sys.executable, "-m", "launcher"], cwd=ROOT, env=env, stdout=log, stderr=log)
            try:
                made = Installation(data, port, env)
                wait_for(made.healthy, "healthz", launcher)
                if demo and nodes:
                    wait_for(made.plugged, "the demonstration", launcher)
                made.sign_in()
                yield made
            finally:
                launcher.send_signal(signal.SIGINT)
                try:
                    launcher.wait(30)
                except subprocess.TimeoutExpired:
                    launcher.kill()


def wait_for(check: Any, what: str, launcher: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not check():
        if launcher.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"The installation did not come up: {what} never answered.")
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
