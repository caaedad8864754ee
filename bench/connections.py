"""New TCP connections per second from one container to another: connect, accept, reset, again.

Client and server are processes of their own that do nothing else, so that what they cost is the same in each run.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import struct
import time
from multiprocessing.connection import Connection
from pathlib import Path

from lab.namespace import run_in

#: Closing with a reset: no TIME_WAIT that would use up the ports.
RESET = struct.pack("ii", 1, 0)


def per_second(source: Path, destination: Path, address: str, port: int, seconds: float) -> float:
    server = run_in(destination, lambda: socket.create_server(("", port), backlog=1024))
    context = multiprocessing.get_context("fork")
    serving = context.Process(target=_serve, args=(server,), daemon=True)
    serving.start()
    server.close()
    ours, theirs = context.Pipe()
    client = context.Process(target=_connect, args=(source, address, port, seconds, theirs), daemon=True)
    client.start()
    try:
        if not ours.poll(seconds + 15):
            raise ConnectionError("The connections did not come about.")
        return float(ours.recv())
    finally:
        for process in (client, serving):
            process.kill()
            process.join()


def _serve(server: socket.socket) -> None:
    while True:
        with contextlib.suppress(OSError):
            taken, _ = server.accept()
            taken.close()


def _connect(source: Path, address: str, port: int, seconds: float, answer: Connection) -> None:
    def run() -> float:
        count, begun = 0, time.monotonic()
        while time.monotonic() - begun < seconds:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.settimeout(5)
                client.connect((address, port))
            count += 1
        return count / (time.monotonic() - begun)

    from lab.namespace import enter

    enter(source)
    answer.send(run())
