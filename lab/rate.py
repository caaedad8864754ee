"""How fast, and how much later: one TCP stream between two containers for a bounded time, with echoes beside it.

The stream runs in a process of its own (`python -m lab.rate`), so that its work delays neither the echoes nor the lab.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import statistics
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.model import ICMP, ICMPV6
from lab.ears import Ears, Place, RawEar, any_address
from lab.namespace import run_in
from lab.probe import rtt_ms

#: Seconds a stream runs before it is measured: the limiter's burst and TCP's start are over by then.
WARM_S = 0.7
ECHO_EVERY_S = 0.04
ETHERNET_HEADER, TCP_HEADER, TIMESTAMPS = 14, 20, 12
TCPI_OPT_TIMESTAMPS = 1


@dataclass(frozen=True, slots=True)
class Stream:
    """One direction to measure; `port` is listened at in `destination` for the time of it."""

    source: Path
    destination: Path
    address: str
    port: int
    seconds: float = 2.0

    @property
    def family(self) -> int:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


@dataclass(frozen=True, slots=True)
class Rate:
    """`bps`: bits per second of whole frames, which is what a limiter counts; `payload_bps`: of the data in them.

    `idle_ms` and `loaded_ms` are median echo times before and during; None where echoes are not let through.
    """

    bps: float
    payload_bps: float
    idle_ms: float | None
    loaded_ms: float | None

    @property
    def added_ms(self) -> float | None:
        return None if self.idle_ms is None or self.loaded_ms is None else self.loaded_ms - self.idle_ms


async def measure(stream: Stream) -> Rate:
    """The rate of one direction. ConnectionError, with the reason, when no stream came about."""
    ears = Ears()
    place = Place(stream.source, stream.family, ICMPV6 if stream.family == socket.AF_INET6 else ICMP)
    async with ears.at([place]):
        ear = ears.raw(place)
        idle = await _echoes(ear, stream.address, until=asyncio.sleep(0.3))
        running = asyncio.create_task(_run_stream(stream))
        await asyncio.sleep(WARM_S)
        loaded = await _echoes(ear, stream.address, until=asyncio.shield(running))
    result = await running
    payload_bps = result["bytes"] * 8 / result["seconds"]
    return Rate(payload_bps * result["frame"] / result["mss"], payload_bps, _median(idle), _median(loaded))


async def _echoes(ear: RawEar, address: str, *, until: Any) -> list[float]:
    end = asyncio.ensure_future(until)
    times = []
    while not end.done():
        if (ms := await rtt_ms(ear, address, timeout_s=0.5)) is not None:
            times.append(ms)
        await asyncio.sleep(ECHO_EVERY_S)
    return times


def _median(times: list[float]) -> float | None:
    return statistics.median(times) if times else None


async def _run_stream(stream: Stream) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lab.rate", stdin=-1, stdout=-1, stderr=-1, cwd=Path(__file__).parent.parent
    )
    try:
        async with asyncio.timeout(stream.seconds + 15):
            told = json.dumps({k: str(v) if isinstance(v, Path) else v for k, v in asdict(stream).items()})
            out, err = await process.communicate(told.encode())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.returncode:
        raise ConnectionError(err.decode().strip().splitlines()[-1] if err else "The stream ended without a result.")
    result: dict[str, float] = json.loads(out)
    return result


def run_stream(stream: Stream) -> dict[str, float]:
    """Send as fast as it goes and count what arrives: bytes, seconds, and the sizes of payload and frame."""
    server = _listening(stream)
    client = run_in(stream.source, lambda: socket.socket(stream.family, socket.SOCK_STREAM))
    client.settimeout(5)
    client.connect((stream.address, stream.port))
    taken, _ = server.accept()
    threading.Thread(target=_send, args=(client,), daemon=True).start()
    counted = _count(taken, stream.seconds)
    return {**counted, **_sizes(client, stream.family)}


def _listening(stream: Stream) -> socket.socket:
    server = run_in(stream.destination, lambda: socket.socket(stream.family, socket.SOCK_STREAM))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.settimeout(5)
    server.bind((any_address(stream.family), stream.port))
    server.listen(1)
    return server


def _send(client: socket.socket) -> None:
    chunk = bytes(256 * 1024)
    client.settimeout(None)
    with contextlib.suppress(OSError):
        while True:
            client.sendall(chunk)


def _count(taken: socket.socket, seconds: float) -> dict[str, float]:
    """Bytes over a window that begins after the warm-up, timed from one arrival to another."""
    buffer = bytearray(1024 * 1024)
    taken.settimeout(5)
    warm_until = time.monotonic() + WARM_S
    while time.monotonic() < warm_until:
        taken.recv_into(buffer)
    begun = now = time.monotonic()
    count = 0
    while now - begun < seconds:
        count += taken.recv_into(buffer)
        now = time.monotonic()
    return {"bytes": count, "seconds": now - begun}


def _sizes(client: socket.socket, family: int) -> dict[str, float]:
    mss = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    stamped = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & TCPI_OPT_TIMESTAMPS
    ip_header = 20 if family == socket.AF_INET else 40
    return {"mss": mss, "frame": mss + TCP_HEADER + ip_header + ETHERNET_HEADER + (TIMESTAMPS if stamped else 0)}


def main() -> None:
    told = json.load(sys.stdin)
    stream = Stream(**{**told, "source": Path(told["source"]), "destination": Path(told["destination"])})
    try:
        print(json.dumps(run_stream(stream)))
    except OSError as error:
        sys.exit(f"No TCP connection to {stream.address} port {stream.port} came about: {error}.")


if __name__ == "__main__":
    main()
