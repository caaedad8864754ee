"""Does a packet get from one container to another? Asked with real packets, many pairs at a time."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from core.model import ICMP, ICMPV6, PORT_PROTOCOLS, TCP, UDP
from lab.ears import ECHO_REQUESTS, NAME_BYTES, NONCE_BYTES, Ears, Place, RawEar, any_address, name_of
from lab.namespace import socket_in

#: What became of a probe. `answered`: the destination itself answered (a protocol without answers: it arrived).
#: `other`: somebody else answered at that address. `refused`: the address answered that nothing listens there.
#: `unreachable`: the source's own kernel or a router said no. `silence`: nothing within the time.
How = Literal["answered", "other", "refused", "unreachable", "silence"]

#: How often a datagram is sent within the time given: one lost by chance must not look like a verdict.
SENDINGS = 3
UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPERM, errno.EACCES, errno.EADDRNOTAVAIL, errno.ENETDOWN}


@dataclass(frozen=True, slots=True)
class Probe:
    """From the namespace `source` to `address`, which should be that of the namespace `destination`.

    `protocol` is an IP protocol number; ICMP (IPv4) and ICMPv6 are echo requests, others than TCP and UDP bare packets.
    """

    source: Path
    destination: Path
    address: str
    protocol: int
    port: int | None = None
    source_port: int | None = None

    @property
    def family(self) -> int:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    @property
    def target(self) -> Place:
        return Place(self.destination, self.family, self.protocol, self.port or 0)

    @property
    def places(self) -> set[Place]:
        """Where somebody must listen for it: at the destination, and for bare packets at the source too."""
        return {self.target} if self.protocol in PORT_PROTOCOLS else {self.target, self.origin}

    @property
    def origin(self) -> Place:
        return Place(self.source, self.family, self.protocol)

    @property
    def is_echo(self) -> bool:
        return self.protocol == (ICMPV6 if self.family == socket.AF_INET6 else ICMP)


async def run(
    probes: Sequence[Probe], *, timeout_s: float = 1.0, at_once: int = 200, ears: Ears | None = None
) -> list[How]:
    """What became of each probe, in order. Takes up to `timeout_s` per `at_once` probes that nobody answers."""
    ears = ears or Ears()
    outcomes: list[How] = []
    for batch in _batches(probes, at_once):
        async with ears.at(place for probe in batch for place in probe.places):
            outcomes += await asyncio.gather(*(_one(probe, ears, timeout_s) for probe in batch))
    return outcomes


def _batches(probes: Sequence[Probe], size: int) -> Iterator[list[Probe]]:
    left = iter(probes)
    while batch := list(islice(left, size)):
        yield batch


async def _one(probe: Probe, ears: Ears, timeout_s: float) -> How:
    try:
        async with asyncio.timeout(timeout_s):
            if probe.protocol == TCP:
                return await _tcp(probe)
            if probe.protocol == UDP:
                return await _udp(probe, timeout_s / SENDINGS)
            return await _raw(probe, ears, timeout_s / SENDINGS)
    except TimeoutError:
        return "silence"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        if error.errno in UNREACHABLE:
            return "unreachable"
        raise


def client_socket(probe: Probe, kind: int) -> socket.socket:
    """A socket of the probe's source, bound to its source port when it names one."""
    made = socket_in(probe.source, probe.family, kind)
    if probe.source_port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((any_address(probe.family), probe.source_port))
    return made


def _who(answer: bytes, nonce: bytes, probe: Probe) -> How:
    return "answered" if answer == nonce + name_of(probe.destination) else "other"


async def _tcp(probe: Probe) -> How:
    loop = asyncio.get_running_loop()
    nonce = os.urandom(NONCE_BYTES)
    with client_socket(probe, socket.SOCK_STREAM) as client:
        # Closing sends a reset: no TIME_WAIT keeps the source port, no entry stays in the connection tracking.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await loop.sock_connect(client, (probe.address, probe.port or 0))
        await loop.sock_sendall(client, nonce)
        answer = b""
        while len(answer) < NONCE_BYTES + NAME_BYTES:
            part = await loop.sock_recv(client, 64)
            if not part:
                return "other"
            answer += part
    return _who(answer, nonce, probe)


async def _udp(probe: Probe, every_s: float) -> How:
    loop = asyncio.get_running_loop()
    nonce = os.urandom(NONCE_BYTES)
    with client_socket(probe, socket.SOCK_DGRAM) as client:
        await loop.sock_connect(client, (probe.address, probe.port or 0))
        while True:
            client.send(nonce)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    return _who(await loop.sock_recv(client, 64), nonce, probe)


async def _raw(probe: Probe, ears: Ears, every_s: float) -> How:
    """An echo must come back *and* have been at the destination; anything else only has to arrive there."""
    nonce = os.urandom(NONCE_BYTES)
    sender = ears.raw(probe.origin)
    arrived = ears.raw(probe.target).expect("request", nonce)
    replied = sender.expect("reply", nonce) if probe.is_echo else arrived
    for sequence in range(SENDINGS):
        sender.socket.sendto(_packet(probe, nonce, sequence), (probe.address, 0))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every_s):
                await asyncio.shield(replied)
                return "answered" if arrived.done() else "other"
    raise TimeoutError


def _packet(probe: Probe, nonce: bytes, sequence: int) -> bytes:
    return echo_request(probe.protocol, nonce, sequence) if probe.is_echo else nonce


def echo_request(protocol: int, payload: bytes, sequence: int) -> bytes:
    """An ICMP (with its checksum) or ICMPv6 echo request (the kernel adds that one)."""
    head = struct.pack("!BBHHH", ECHO_REQUESTS[protocol], 0, 0, 0x434E, sequence)
    if protocol == ICMPV6:
        return head + payload
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


async def rtt_ms(ear: RawEar, address: str, *, timeout_s: float = 1.0) -> float | None:
    """One echo's time there and back, in milliseconds; None when nothing came back."""
    loop = asyncio.get_running_loop()
    nonce = os.urandom(NONCE_BYTES)
    replied = ear.expect("reply", nonce)
    begun = loop.time()
    ear.socket.sendto(echo_request(ear.place.protocol, nonce, 0), (address, 0))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await replied
            return (loop.time() - begun) * 1000
    return None
