"""The web process: pages, API and websockets of people at some sockets, agents at others.

Whoever starts it holds the sockets open and passes them on, `--fd N` for each of people and `--agents-fd N` for each of
agents: connections made while it restarts wait instead of being refused.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

import uvicorn
from django.conf import settings

from launcher import agents_port, tls
from launcher.memory import collect_less_often
from launcher.settings import load

#: Seconds open requests are given when told to stop.
GRACE_S = 1
#: Bytes; what pages and followers of events send over websockets are lists of what they want to hear of.
LARGEST_FRAME = 64 * 1024
#: Seconds for which a thread keeps the interpreter while the event loop waits for it. Python's own 5 ms would be paid
#: at each of the hand-overs between a change and its nodes.
SWITCH_S = 0.0005


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m launcher.web", description="The web process.")
    parser.add_argument("--fd", type=int, action="append", default=[], help="a listening socket for people")
    parser.add_argument("--agents-fd", type=int, action="append", default=[], help="a listening socket for agents")
    told = parser.parse_args()
    people, agents = ([socket.socket(fileno=fd) for fd in fds] for fds in (told.fd, told.agents_fd))
    serve(people, agents)


def serve(people: list[socket.socket], agents: list[socket.socket]) -> None:
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
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load()
    told = load()
    config.ssl = tls.context(told.tls_cert, told.tls_key)
    servers = [(uvicorn.Server(config), people)]
    if agents:
        servers.append((agents_port.server(), agents))
    collect_less_often()
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run(servers))


async def run(servers: list[tuple[uvicorn.Server, list[socket.socket]]]) -> None:
    """Run all of them; when the first, which hears signals, ends, so do the others."""
    first, *others = [asyncio.create_task(server.serve(sockets)) for server, sockets in servers]
    await asyncio.wait({first, *others}, return_when=asyncio.FIRST_COMPLETED)
    for server, _ in servers:
        server.should_exit = True
    await asyncio.gather(first, *others)


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
