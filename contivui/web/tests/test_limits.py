"""Bodies beyond the limit, whether their length is told or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contivui.web.limits import SENTENCE, BodyLimit

pytestmark = pytest.mark.asyncio


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers how much it got; when its client leaves it says so, as a framework would."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"left"})
            raise ConnectionError("the client left")
        size, more = size + len(message["body"]), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def answer(path: str, parts: list[bytes], length: bytes | None = None) -> tuple[int, bytes, int]:
    """Status and body of the answer, and how many parts were read for it."""
    waiting, sent = list(parts), []

    async def receive() -> Any:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-length", length)] if length is not None else []
    await BodyLimit(echo, most=10)({"type": "http", "path": path, "headers": headers}, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    assert [m["type"] for m in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], body, len(parts) - len(waiting)


@pytest.mark.parametrize("parts", [[b""], [b"x" * 10], [b"x" * 5, b"x" * 5]])
async def test_what_fits_passes_as_it_is(parts: list[bytes]) -> None:
    assert await answer("/networks/", parts) == (200, str(sum(map(len, parts))).encode(), len(parts))


async def test_what_is_said_to_be_larger_is_refused_before_it_is_read() -> None:
    assert await answer("/networks/", [b"x" * 11], b"11") == (413, SENTENCE.encode(), 0)


async def test_what_turns_out_larger_is_refused_there_and_then() -> None:
    status, body, read = await answer("/networks/", [b"x" * 6, b"x" * 6, b"x" * 6])
    assert (status, body, read) == (413, SENTENCE.encode(), 2)


async def test_the_api_is_answered_in_its_own_form() -> None:
    _, body, _ = await answer("/api/v2/networks/", [b""], b"999999999999999999999")
    problem = json.loads(body)
    assert (problem["type"], problem["status"], problem["detail"]) == ("/problems/too_large", 413, SENTENCE)


async def test_websockets_are_none_of_its_business() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await BodyLimit(app)({"type": "websocket"}, None, None)
    assert seen == ["websocket"]
