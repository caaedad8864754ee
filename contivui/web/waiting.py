"""What must not hold up a thread: waiting for a change to be live, and streams of events.

Views are synchronous and run in a few threads. An ASGI middleware does the waiting beside them: it asks the same view
again (at once when the bell rings, else now and then), so who asks and what she may see is judged anew each time, no
transaction is open meanwhile, and a request that waits costs a coroutine.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from contivui.web.errors import BadParameter
from contivui.web.parameters import seconds
from contivui.web.rates import OWN, OWN_HEADER

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
#: Waits so many seconds, or until there is an event after this number (None: any).
Bell = Callable[[float, int | None], Awaitable[None]]

REALIZATION = re.compile(r"/api/v2/[a-z]+/[0-9]+/realization/")
STREAM = "/api/v2/events/stream/"
#: Requests that may wait at a time; one more is answered at once, or told to come again.
MOST_WAITING = 500
#: Seconds between two looks while waiting, and between two signs of life of a quiet stream.
LOOK_S, ALIVE_S = 0.25, 15.0
#: Stages that are not the last word.
ON_ITS_WAY = {"saved", "compiled"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def give(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class Waiting:
    """The middleware. Everything that does not wait goes through untouched."""

    def __init__(self, app: App, bell: Bell) -> None:
        self.app, self.bell, self.waiting = app, bell, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        run = self._runner(scope)
        if run is None or self.waiting >= MOST_WAITING:
            await self.app(scope, receive, send)
            return
        self.waiting += 1
        try:
            await until_left(run(scope, send), receive, "http.disconnect")
        finally:
            self.waiting -= 1

    def _runner(self, scope: Scope) -> Callable[[Scope, Send], Coroutine[Any, Any, None]] | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        if scope["path"] == STREAM:
            return self._stream
        return self._until_live if REALIZATION.fullmatch(scope["path"]) and patience(scope) else None

    async def _until_live(self, scope: Scope, send: Send) -> None:
        """Answer once the change is live, refused or nowhere to be, or when patience ends: then as it stands."""
        loop = asyncio.get_running_loop()
        until = loop.time() + patience(scope)
        answer = await self.ask(scope)
        while _on_its_way(answer) and (left := until - loop.time()) > 0:
            await self.bell(min(LOOK_S, left), None)
            answer = await self.ask(own(scope))
        await answer.give(send)

    async def _stream(self, scope: Scope, send: Send) -> None:
        answer = await self.ask(scope)
        if answer.status != 200:
            await answer.give(send)
            return
        headers = [(name, value) for name, value in answer.headers if name.lower() != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while answer.status == 200:
            await send({"type": "http.response.body", "body": answer.body or b": alive\n\n", "more_body": True})
            scope, seen = after(scope, answer.body)
            await self.bell(ALIVE_S, seen)
            answer = await self.ask(own(scope))
        await send({"type": "http.response.body", "body": b""})  # Her token ended, for example.

    async def ask(self, scope: Scope) -> Answer:
        """The view's answer, whole."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], [(bytes(n), bytes(v)) for n, v in sent[0]["headers"]], body)


def patience(scope: Scope) -> float:
    """Seconds the address asks to wait; 0 also for what the view will refuse."""
    said = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    try:
        return seconds(said.get("wait"))
    except BadParameter:
        return 0.0


def own(scope: Scope) -> Scope:
    """The same request asked again by us: it does not count as one of the caller's."""
    return {**scope, "headers": [*scope["headers"], (OWN_HEADER.lower().encode(), OWN.encode())]}


def after(scope: Scope, body: bytes) -> tuple[Scope, int]:
    """The same stream from behind what was read, which every answer ends with the number of."""
    last = re.findall(rb"^id: ([0-9]+)$", body, re.MULTILINE)[-1]
    others = [(name, value) for name, value in scope["headers"] if name != b"last-event-id"]
    return {**scope, "headers": [*others, (b"last-event-id", last)]}, int(last)


def _on_its_way(answer: Answer) -> bool:
    try:
        return answer.status == 200 and json.loads(answer.body)["stage"] in ON_ITS_WAY
    except (ValueError, KeyError, TypeError):
        return False


async def until_left(work: Coroutine[Any, Any, None], receive: Receive, farewell: str) -> None:
    """Do the work, or as much of it as there is time for before the other side says farewell."""

    async def listen() -> None:
        while (await receive())["type"] != farewell:
            pass

    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(listen())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
