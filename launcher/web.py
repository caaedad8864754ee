"""The web process: pages, API and websockets at a TCP address, and at a unix socket for agents on this machine.

`python -m launcher.web --host … --port … [--unix PATH]`, or `--fd N` for each socket that whoever starts it holds
open already: then connections made while it restarts wait instead of being refused.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from pathlib import Path

import uvicorn
from django.conf import settings

from launcher.memory import collect_less_often

#: Seconds open requests are given when told to stop.
GRACE_S = 1
#: An agent's largest frame: a whole spec of ten thousand items is about 2 MB.
LARGEST_FRAME = 64 * 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m launcher.web", description="The web process.")
    parser.add_argument("--fd", type=int, action="append", default=[], help="a listening socket that is open already")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--unix", type=Path, help="also listen at this unix socket")
    told = parser.parse_args()
    if told.fd:
        sockets = [socket.socket(fileno=fd) for fd in told.fd]
    else:
        sockets = [tcp(told.host, told.port), *([unix(told.unix)] if told.unix else [])]
    serve(sockets)


def serve(sockets: list[socket.socket]) -> None:
    """Serve until SIGTERM or SIGINT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")
    config = uvicorn.Config(
        "contivui.asgi:application",
        ws="websockets-sansio",
        ws_max_size=LARGEST_FRAME,
        lifespan="off",
        # Whose word counts for where a request comes from: lock-outs and the record go by it.
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    config.load()
    collect_less_often()
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=sockets))


def tcp(host: str, port: int) -> socket.socket:
    """A listening socket. OSError when the port is in use or the address is not this machine's."""
    family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server((host, port), family=family, backlog=1024)


def unix(path: Path) -> socket.socket:
    """A listening unix socket for its owner only, in place of one left over."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    made.listen(1024)
    return made


if __name__ == "__main__":
    main()
