"""Connections that stay open, over ASGI: who opens them, what is said to them, and all that came back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings
from django.db import connections

from tests.leaks.house import Asker
from worker.tests.cast import shows

PATIENCE_S = 60.0
LOOK_S = 0.02


def scope_of(asker: Asker, kind: str, address: str, method: str = "GET", **more: str) -> dict[str, Any]:
    """A connection as the server would hand it over; `kind` is http or websocket."""
    path, _, query = address.partition("?")
    said = {"host": "localhost", "origin": "http://localhost", **asker.headers, **more}
    if cookie := asker.client.cookies.get(settings.SESSION_COOKIE_NAME):
        said["cookie"] = f"{settings.SESSION_COOKIE_NAME}={cookie.value}"
    return {
        "type": kind,
        "http_version": "1.1",
        "method": method,
        "scheme": "http" if kind == "http" else "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in said.items()],
        "client": ("192.0.2.77", 4711),
        "server": ("localhost", 80),
        "subprotocols": [],
        **shows(asker.certificate),
    }


class Line:
    """One open connection. `heard` is all that was ever sent to it."""

    def __init__(self, app: Any, scope: dict[str, Any]) -> None:
        self.heard: list[dict[str, Any]] = []
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._kind = scope["type"]
        self._said.put_nowait({"type": "websocket.connect"} if self._kind == "websocket" else _request())
        self._task = asyncio.ensure_future(app(scope, self._said.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.heard.append(message)

    def say(self, message: Any) -> None:
        self._said.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def say_all(self, messages: Iterable[Any]) -> None:
        for message in messages:
            self.say(message)

    @property
    def opened(self) -> bool:
        return any(m["type"] == "websocket.accept" or m.get("status") == 200 for m in self.heard)

    @property
    def ended(self) -> bool:
        return self._task.done() or any(message["type"] == "websocket.close" for message in self.heard)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Of a websocket: what was sent to it, as JSON."""
        return [json.loads(message["text"]) for message in self.heard if message["type"] == "websocket.send"]

    @property
    def text(self) -> str:
        """Everything it was told, headers and reasons too."""
        return "\n".join(_in_words(message) for message in self.heard)

    async def whole(self) -> str:
        """All it is told, of a connection that the other side ends."""
        await asyncio.wait({self._task}, timeout=PATIENCE_S)
        assert self._task.done(), f"No end of {self.text}"
        return self.text

    async def end(self) -> None:
        """Go away, as the other side does; what went wrong behind the connection is raised here."""
        self._said.put_nowait({"type": f"{self._kind}.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, PATIENCE_S)


def _request() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def _in_words(message: dict[str, Any]) -> str:
    pieces = [*message.get("headers", ()), (message.get("body", b""),), (message.get("text", "").encode(),)]
    told = [str(message.get(name, "")) for name in ("type", "status", "code", "reason")]
    return " ".join([*told, *(part.decode(errors="replace") for piece in pieces for part in piece)])


@asynccontextmanager
async def open_lines() -> AsyncIterator[Callable[[Any, dict[str, Any]], Line]]:
    """Makes connections that end with the block."""
    lines: list[Line] = []

    def opened(app: Any, scope: dict[str, Any]) -> Line:
        lines.append(Line(app, scope))
        return lines[-1]

    try:
        yield opened
    finally:
        await asyncio.gather(*(line.end() for line in lines))


async def until(check: Callable[[], bool], what: str) -> None:
    """Raises AssertionError when it does not come true in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_S
    while not check():
        assert loop.time() < end, f"It never came: {what}"
        await asyncio.sleep(LOOK_S)


def in_thread(work: Callable[..., Any], *arguments: Any, **options: Any) -> Awaitable[Any]:
    """Database work beside the loop, whose connection ends with it."""

    def run() -> Any:
        try:
            return work(*arguments, **options)
        finally:
            connections.close_all()

    return asyncio.to_thread(run)
