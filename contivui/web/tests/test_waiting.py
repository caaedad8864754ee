"""What waits beside the views: how long, how many, and what it asks again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from contivui.web import waiting
from contivui.web.rates import OWN_HEADER, own
from contivui.web.waiting import Receive, Scope, Send, Waiting

pytestmark = pytest.mark.asyncio

PATIENCE_S = 10


class Change:
    """An application that says how far a change is, and remembers who asked."""

    def __init__(self, stage: str = "saved") -> None:
        self.stage = stage
        self.asked: list[dict[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(dict(scope["headers"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({"stage": self.stage}).encode()})


async def soon(patience: float, seen: int | None) -> None:
    """A bell that rings at once."""
    await asyncio.sleep(0)


def asks(app: Any, query: str, path: str = "/api/v2/networks/7/realization/") -> ApplicationCommunicator:
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    return ApplicationCommunicator(app, scope)


async def answer(talk: ApplicationCommunicator) -> Any:
    await talk.receive_output(PATIENCE_S)
    return json.loads((await talk.receive_output(PATIENCE_S))["body"])["stage"]


async def test_it_asks_again_until_the_change_is_live_and_says_that_it_is_itself_who_asks() -> None:
    change = Change()
    talk = asks(Waiting(change, soon), "wait=9s")
    assert await talk.receive_nothing(0.05)
    change.stage = "live"
    assert await answer(talk) == "live"
    first, again = change.asked[0], change.asked[-1]
    header = OWN_HEADER.lower().encode()
    assert header not in first, "the caller's own request counts as hers"
    assert own(again[header].decode())


@pytest.mark.parametrize("query", ["", "wait=0s", "wait=99s", "wait=soon", "other=5s"])
async def test_what_does_not_wait_is_asked_once(query: str) -> None:
    change = Change()
    assert await answer(asks(Waiting(change, soon), query)) == "saved"
    assert len(change.asked) == 1


async def test_when_too_many_wait_the_next_is_answered_as_things_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_WAITING", 3)
    change = Change()
    app = Waiting(change, soon)
    patient = [asks(app, "wait=9s") for _ in range(3)]
    for talk in patient:
        assert await talk.receive_nothing(0.02)
    assert await answer(asks(app, "wait=9s")) == "saved"
    change.stage = "live"
    assert [await answer(talk) for talk in patient] == ["live"] * 3
    for talk in patient:
        await talk.wait(PATIENCE_S)
    assert app.waiting == 0


async def test_who_leaves_waits_no_longer() -> None:
    change = Change()
    app = Waiting(change, soon)
    talk = asks(app, "wait=9s")
    assert await talk.receive_nothing(0.02)
    await talk.send_input({"type": "http.disconnect"})
    await talk.wait(PATIENCE_S)
    asked = len(change.asked)
    await asyncio.sleep(0.05)
    assert (app.waiting, len(change.asked)) == (0, asked)
