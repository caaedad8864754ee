"""The agents' side of the web process: TLS 1.3 with certificates of this installation's own authority, both ways.

Who connects is known to the application through ASGI's `tls` extension, from the handshake itself. Whoever has no
certificate yet can join and nothing else; one of another authority is refused in the handshake, and that is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from launcher.stamps import write_private

log = logging.getLogger("contivui.agents")

HANDSHAKE_S = 10.0
#: Of what an agent sends: a report of some thousand endpoints.
LARGEST_FRAME = 8 * 1024 * 1024
#: A fresh server certificate every day; one lasts thirty.
RENEW_S = 24 * 3600.0
TLS_13 = 0x0304
#: Seconds open requests are given when told to stop.
GRACE_S = 1
#: X509_V_FLAG_NO_CHECK_TIME of OpenSSL. An expired certificate is told from a foreign one, and its node by its name, by
#: the application, which has the date of each it gave.
NO_CHECK_TIME = 0x200000


class Server(uvicorn.Server):
    """Beside the server of people, which is the one that hears signals."""

    def __init__(self, config: uvicorn.Config, context: ssl.SSLContext, file: Path) -> None:
        super().__init__(config)
        self._context, self._file = context, file

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's own, but for who takes connections in: it would leave the handshake to the event loop, which tells
        nobody of one that failed."""
        works = [self._keep_fresh(), *(self._take_in(sock) for sock in sockets or [])]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await super().serve([])
        finally:
            for task in tasks:
                task.cancel()

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                load_fresh(self._context, self._file)
            except Exception as error:  # A full disk may have room by tomorrow: the certificate lasts that long.
                log.error("Agents are shown the certificate of before, as none could be made: %r", error)

    async def _take_in(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        loop, shaking = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        while True:
            try:
                taken, peer = await loop.sock_accept(listening)
            except OSError as error:  # Out of files, most likely: others end in time.
                log.warning("No agent can connect at the moment: %s.", error)
                await asyncio.sleep(1)
                continue
            shaking.add(task := asyncio.create_task(self._shake_hands(taken, peer)))
            task.add_done_callback(shaking.discard)

    async def _shake_hands(self, taken: socket.socket, peer: Any) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._protocol, taken, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S
            )
        except OSError as error:  # TLS's own errors are among them.
            taken.close()
            # Only who showed a certificate is worth a note: port scans are not.
            if isinstance(error, ssl.SSLError) and error.reason == "CERTIFICATE_VERIFY_FAILED":
                await note_foreign(str(peer[0]) if isinstance(peer, tuple) else None)

    def _protocol(self) -> asyncio.Protocol:
        return KnownHttp(self.config, self.server_state, {})


async def note_foreign(address: str | None) -> None:
    """Somebody showed a certificate of another authority."""
    from networks.actions import turn_away
    from networks.models import Knock
    from worker.threads import in_database

    log.warning("%s showed a certificate of another authority.", address or "A process of this machine")
    try:
        await in_database(turn_away, Knock.Why.FOREIGN, address=address)
    except Exception as error:  # The note is all that is lost.
        log.warning("That could not be recorded: %r", error)


def server() -> Server:
    """What serves agents. Django must be ready."""
    from django.conf import settings

    file = settings.DATA_DIR / "authority" / "server.pem"
    context = server_context(file)
    config = uvicorn.Config(
        "contivui.asgi:agents",
        ws=KnownWebSocket,
        ws_max_size=LARGEST_FRAME,
        lifespan="off",
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load()
    return Server(config, context, file)


def server_context(file: Path) -> ssl.SSLContext:
    """TLS 1.3 as the controller. A certificate may be left out, for who is to join; one that is shown must be ours."""
    from networks.authority import authority

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= NO_CHECK_TIME
    context.load_verify_locations(cadata=authority().pem)
    load_fresh(context, file)
    return context


def load_fresh(context: ssl.SSLContext, file: Path) -> None:
    """A new certificate for every handshake from now on; running connections keep theirs."""
    from networks.authority import authority

    write_private(file, authority().make_server().decode())
    context.load_cert_chain(file)


class Known:
    """Lets the application know who is at the other end."""

    app: Any

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)  # type: ignore[misc]
        self.app = partial(with_peer, self.app, peer_of(transport))


class KnownHttp(Known, HttpToolsProtocol):
    pass


class KnownWebSocket(Known, WebSocketsSansIOProtocol):
    pass


def peer_of(transport: asyncio.Transport) -> dict[str, Any]:
    """ASGI's tls extension, as far as there is anything to say."""
    certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    chain = [ssl.DER_cert_to_PEM_cert(certificate)] if certificate else []
    return {"server_cert": None, "client_cert_chain": chain, "tls_version": TLS_13, "cipher_suite": None}


async def with_peer(app: Any, peer: dict[str, Any], scope: Any, receive: Any, send: Any) -> None:
    await app({**scope, "extensions": {**scope.get("extensions", {}), "tls": peer}}, receive, send)
