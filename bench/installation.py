"""A whole installation of its own for a measurement: its own data, port, broker, worker and lab; gone afterwards."""

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.lines import ask_now

PATIENCE_S = 90


class Installation:
    """Speaks to one running installation: `api` as an administrator's token, `lab` through its control socket."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._token = ""

    def sign_in(self) -> None:
        """A token of the first administrator, made as she would make one for a script."""
        import django

        django.setup()
        from django.contrib.auth import get_user_model
        from knox.models import get_token_model

        self._token = get_token_model().objects.create(get_user_model().objects.get(username="admin"))[1]

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One request under /api/v2/. RuntimeError with the answer when it is refused."""
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        self._connection.request(method, f"/api/v2/{path}", json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500].decode(errors='replace')}")
        return json.loads(text) if text else None

    def named(self, kind: str, tenant: str, name: str) -> dict[str, Any]:
        """The one object of a kind (its word in URLs) with this name."""
        (row,) = self.api("GET", f"{kind}/?tenant={tenant}&name={name}")["results"]
        return dict(row)

    def lab(self, verb: str, **fields: Any) -> dict[str, Any]:
        answer = ask_now(self.data / "lab" / "lab.sock", {"verb": verb, **fields}, timeout_s=300)
        if not answer.get("ok"):
            raise RuntimeError(f"lab {verb}: {answer.get('error')}")
        return answer

    def healthy(self) -> bool:
        probe = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            probe.request("GET", "/healthz")
            return probe.getresponse().status == 200
        except OSError:
            return False
        finally:
            probe.close()

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
        os.environ.update({**wanted, **environment, "DJANGO_SETTINGS_MODULE": "contivui.settings"})
        with (Path(folder) / "launcher.log").open("w") as log:
            launcher = subprocess.Popen([sys.executable, "-m", "launcher"], stdout=log, stderr=log)
            try:
                made = Installation(data, port)
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
