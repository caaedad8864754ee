"""What answers probes inside the containers: TCP and UDP servers that say who they are, and raw sockets that notice."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.model import ICMP, ICMPV6, TCP, UDP
from lab.namespace import socket_in

#: Bytes of a probe's own random mark, and of the name a container answers with.
NONCE_BYTES = 16
NAME_BYTES = 8
#: Longest a TCP conversation is kept up, seconds.
CONVERSATION_S = 10
ECHO_REQUESTS = {ICMP: 8, ICMPV6: 128}
ECHO_REPLIES = {ICMP: 0, ICMPV6: 129}


def name_of(namespace: Path) -> bytes:
    """What a container answers with, so that a twin at the same address in another tenant is found out."""
    return hashlib.sha256(str(namespace).encode()).digest()[:NAME_BYTES]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something listens: a namespace, an address family, a protocol, a port (0 for those without)."""

    namespace: Path
    family: int
    protocol: int
    port: int = 0


class RawEar:
    """A raw socket of one place: sends probes of its protocol, and notes the marks of those that come in."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.socket = socket_in(place.namespace, place.family, socket.SOCK_RAW, place.protocol)
        self._waiting: dict[tuple[str, bytes], asyncio.Future[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket, self._read)

    def expect(self, what: str, nonce: bytes) -> asyncio.Future[None]:
        """Done once a packet with the mark comes in; `what` is "request" (any sent to us) or "reply" (to an echo)."""
        done = self._waiting[what, nonce] = self._loop.create_future()
        done.add_done_callback(lambda _: self._waiting.pop((what, nonce), None))
        return done

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._note(self.socket.recv(65535))

    def _note(self, packet: bytes) -> None:
        header = (packet[0] & 0x0F) * 4 if self.place.family == socket.AF_INET and packet else 0
        if what := self._what(packet[header:]):
            done = self._waiting.get((what, packet[-NONCE_BYTES:]))
            if done and not done.done():
                done.set_result(None)

    def _what(self, body: bytes) -> str:
        if self.place.protocol not in ECHO_REQUESTS:
            return "request"
        kind = body[0] if body else None
        if kind == ECHO_REQUESTS[self.place.protocol]:
            return "request"
        return "reply" if kind == ECHO_REPLIES[self.place.protocol] else ""

    def close(self) -> None:
        self._loop.remove_reader(self.socket)
        self.socket.close()


class _Namer(asyncio.DatagramProtocol):
    def __init__(self, name: bytes) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.transport.sendto(data[:NONCE_BYTES] + self.name, address)


@dataclass(slots=True)
class _Held:
    """Something that listens, how many batches want it, and how it is closed."""

    close: Callable[[], object]
    ear: RawEar | None = None
    holders: int = 1


class Ears:
    """All that listens, shared by whoever probes at the same time; closed when its last holder lets go, so the number
    of sockets stays bounded by the batches that run."""

    def __init__(self) -> None:
        self._held: dict[Place, _Held] = {}
        self._opening = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def at(self, places: Iterable[Place]) -> AsyncIterator[None]:
        """Listen at the places for a while. OSError when something else has a port there."""
        held: list[Place] = []
        try:
            for place in set(places):
                await self._hold(place)
                held.append(place)
            yield
        finally:
            for place in held:
                self._let_go(place)

    def raw(self, place: Place) -> RawEar:
        """The raw socket of a place that is held."""
        ear = self._held[place].ear
        assert ear is not None
        return ear

    async def _hold(self, place: Place) -> None:
        async with self._opening:
            if place in self._held:
                self._held[place].holders += 1
            else:
                self._held[place] = await self._open(place)

    def _let_go(self, place: Place) -> None:
        held = self._held[place]
        held.holders -= 1
        if not held.holders:
            del self._held[place]
            held.close()

    async def _open(self, place: Place) -> _Held:
        if place.protocol == TCP:
            return _Held((await _answer_tcp(place)).close)
        if place.protocol == UDP:
            return _Held((await _answer_udp(place)).close)
        ear = RawEar(place)
        return _Held(ear.close, ear)


async def _answer_tcp(place: Place) -> asyncio.Server:
    name = name_of(place.namespace)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say who this is, then take whatever else is sent."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(CONVERSATION_S):
                writer.write(await reader.readexactly(NONCE_BYTES) + name)
                await writer.drain()
                while await reader.read(65536):
                    pass
        writer.close()

    return await asyncio.start_server(answer, sock=_bound(place, socket.SOCK_STREAM))


async def _answer_udp(place: Place) -> asyncio.DatagramTransport:
    name = name_of(place.namespace)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Namer(name), sock=_bound(place, socket.SOCK_DGRAM))
    return transport


def any_address(family: int) -> str:
    return "0.0.0.0" if family == socket.AF_INET else "::"  # noqa: S104 - in a container of the lab


def _bound(place: Place, kind: int) -> socket.socket:
    made = socket_in(place.namespace, place.family, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if place.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((any_address(place.family), place.port))
    return made
