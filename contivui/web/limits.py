"""How large a request may be. It stands before everything that reads one: nothing larger is ever held in memory."""

from __future__ import annotations

import json
from typing import Any

from contivui.web.errors import MEDIA_TYPE

#: Bytes. Five hundred operations of a bulk request are some hundred thousand.
MOST_BODY = 5 * 1024 * 1024
SENTENCE = f"A request may have at most {MOST_BODY // 1024 // 1024} MB, and this one has more. Send it in parts."


class BodyLimit:
    """413 with a sentence for a larger body: at once where its length is told, else when it gets there."""

    def __init__(self, app: Any, most: int = MOST_BODY) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif told(scope) > self.most:
            await refuse(scope, send)
        else:
            await Counted(self, scope, receive, send).run()


class Counted:
    """One request whose body is counted as it comes. Beyond the limit the application sees its client leave, and what
    it makes of that is not sent."""

    def __init__(self, limit: BodyLimit, scope: Any, receive: Any, send: Any) -> None:
        self._limit, self._scope, self._receive, self._send = limit, scope, receive, send
        self._size = 0
        self._begun = False

    @property
    def _too_large(self) -> bool:
        return self._size > self._limit.most

    async def run(self) -> None:
        try:
            await self._limit.app(self._scope, self.receive, self.send)
        except Exception:
            if not self._too_large:
                raise
        if self._too_large and not self._begun:
            await refuse(self._scope, self._send)

    async def receive(self) -> Any:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._too_large else message

    async def send(self, message: Any) -> None:
        if self._begun or not self._too_large:
            self._begun = True
            await self._send(message)


def told(scope: Any) -> int:
    """The length the request says it has; 0 when it says none, or nonsense, which the server refuses by itself."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(said) if said.isdigit() else 0


async def refuse(scope: Any, send: Any) -> None:
    kind, body = "text/plain; charset=utf-8", SENTENCE
    if scope["path"].startswith("/api/v2/"):
        problem = {"type": "/problems/too_large", "title": "Content Too Large", "status": 413, "detail": SENTENCE}
        kind, body = MEDIA_TYPE, json.dumps({**problem, "errors": [], "users": []})
    # The rest of the body is on its way: a connection that stayed open would take it for the next request.
    headers = [(b"content-type", kind.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
