"""Synchronous views under an asynchronous server: a request is handed to a thread whole, and its answer back whole.

Two hand-overs between threads take a fifth of a millisecond. a2wsgi, which hands over body, head, each piece and the
end one by one, takes three times that; Django's own ASGI handler takes more still.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from a2wsgi.wsgi import build_environ

from contivui.web.threads import Threads

Scope = MutableMapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
#: Bodies of requests are kept in memory up to this many bytes, and in a file beyond.
IN_MEMORY = 2_500_000
#: The one thing said with a content type that anything here reads: what stands between the files of a form.
BOUNDARY = re.compile(r';\s*boundary=("[^"]*"|[^;\s]*)', re.IGNORECASE)


class Gone(Exception):
    """The client left before its request was there."""


class Bridge:
    """The ASGI application that asks a WSGI application, in at most so many threads."""

    def __init__(self, app: Wsgi, threads: int) -> None:
        self._app = app
        self._threads = Threads(threads, "views")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await whole_body(receive)
        except Gone:
            return
        loop = asyncio.get_running_loop()
        with body:
            ask = partial(self._ask, environ_of(scope, body), partial(_from_thread, loop, send))
            for message in await self._threads.run(partial(contextvars.copy_context().run, ask)):
                await send(message)

    def _ask(self, environ: Environ, send_now: Callable[[Message], None]) -> list[Message]:
        """In a thread. Answers what is to be sent: all of it, or, of an answer in many pieces, the end."""
        head: list[Message] = []

        def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            named = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            head[:] = [{"type": "http.response.start", "status": int(status[:3]), "headers": named}]

        pieces = self._app(environ, start)
        try:
            if not getattr(pieces, "streaming", False):
                body = b"".join(pieces)
                # Else it would be sent in chunks, which costs both sides more, and old clients read badly.
                if body and all(name != b"content-length" for name, _ in head[0]["headers"]):
                    head[0]["headers"].append((b"content-length", str(len(body)).encode()))
                return [*head, {"type": "http.response.body", "body": body}]
            send_now(head[0])
            for piece in pieces:
                send_now({"type": "http.response.body", "body": piece, "more_body": True})
            return [{"type": "http.response.body", "body": b""}]
        finally:
            if close := getattr(pieces, "close", None):
                close()


async def whole_body(receive: Receive) -> IO[bytes]:
    """The body of a request, from its beginning; contivui.web.limits bounds it. Raises Gone."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return BytesIO(message.get("body", b""))
    body: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller closes it
    while True:
        body.write(message.get("body", b""))
        if message["type"] == "http.disconnect":
            body.close()
            raise Gone
        if not message.get("more_body"):
            body.seek(0)
            return body
        message = await receive()


def environ_of(scope: Scope, body: IO[bytes]) -> Environ:
    environ: Environ = dict(build_environ(scope, body))  # type: ignore[arg-type]
    # A body that comes in pieces does not say how long it is, and nothing reads beyond what is said.
    environ["CONTENT_LENGTH"] = str(length_of(body))
    if ";" in (said := environ.get("CONTENT_TYPE", "")):
        environ["CONTENT_TYPE"] = content_type(said)
    return environ


def content_type(said: str) -> str:
    """A content type without its charset, and whatever else Django would read addresses by: all here is UTF-8."""
    boundary = BOUNDARY.search(said)
    return said.partition(";")[0].strip() + (boundary[0] if boundary else "")


def length_of(body: IO[bytes]) -> int:
    body.seek(0, os.SEEK_END)
    length = body.tell()
    body.seek(0)
    return length


def _from_thread(loop: asyncio.AbstractEventLoop, send: Send, message: Message) -> None:
    """Send one piece, and wait until the client has room for the next."""
    asyncio.run_coroutine_threadsafe(_sent(send, message), loop).result()


async def _sent(send: Send, message: Message) -> None:
    await send(message)
