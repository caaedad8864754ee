"""Where a machine that has no certificate yet may ask for one: two addresses beside the agents' websocket.

`GET /join/authority.pem` is the authority's certificate, which the caller compares with the fingerprint in its token
before it trusts anything here. `POST /join/` takes JSON {token (its secret), node, vtep, request (PKCS #10, PEM)} and
answers {node, certificate, authority, renew_s}, or {error: sentence}.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from django.core.exceptions import ValidationError

from networks.actions import TurnedAway, join_node, turn_away
from networks.authority import authority
from tenants.change import Actor
from worker.nodes import address_of
from worker.threads import in_database

log = logging.getLogger(__name__)

MOST_BYTES = 16 * 1024
FIELDS = ("token", "node", "vtep", "request")
PEM, JSON = b"application/x-pem-file", b"application/json"


class Answer(AsyncHttpConsumer):
    """A request with a short body; a longer one is answered before it is read to its end."""

    method = "GET"

    async def http_request(self, message: Any) -> None:
        if self.scope["method"] != self.method:
            await self._say(
                405, JSON, _error(f"Only {self.method} is answered here."), [(b"Allow", self.method.encode())]
            )
        elif sum(map(len, self.body)) + len(message.get("body", b"")) > MOST_BYTES:
            await self._say(413, JSON, _error(f"Send at most {MOST_BYTES} bytes."))
        else:
            await super().http_request(message)
            return
        raise StopConsumer

    async def _say(self, status: int, kind: bytes, body: bytes, more: list[tuple[bytes, bytes]] | None = None) -> None:
        headers = [(b"Content-Type", kind), (b"Cache-Control", b"no-store"), *(more or [])]
        await self.send_response(status, body, headers=headers)


class AuthorityFile(Answer):
    async def handle(self, body: bytes) -> None:
        await self._say(200, PEM, authority().pem.encode())


class Join(Answer):
    method = "POST"

    async def handle(self, body: bytes) -> None:
        status, answer = await in_database(let_in, body, address_of(self.scope))
        await self._say(status, JSON, json.dumps(answer).encode())


class Nothing(Answer):
    async def http_request(self, message: Any) -> None:
        await self._say(404, JSON, _error("There is only the agents' side of ContivUI here; people use another port."))
        raise StopConsumer


def let_in(body: bytes, address: str | None) -> tuple[int, dict[str, Any]]:
    """Status and answer for whoever asks to join. Who is turned away is written down."""
    try:
        asked = read(body)
    except ValueError as error:
        return 400, {"error": str(error)}
    name = asked["node"]
    try:
        given = join_node(
            actor=Actor(name, "agent", address=address),
            secret=asked["token"],
            name=name,
            vtep=asked["vtep"],
            request=asked["request"],
        )
    except TurnedAway as error:
        log.warning("%s asked to join as node %s and was turned away: %s", address or "This machine", name, error)
        turn_away(error.why, node=error.node, claimed=name, address=address)
        return 403, {"error": error.message}
    except ValidationError as error:
        return 422, {"error": " ".join(error.messages)}
    return 200, given.described


def read(body: bytes) -> Mapping[str, str]:
    """The fields of a request to join. Raises ValueError with a sentence."""
    try:
        asked = json.loads(body)
        found = {name: asked[name] for name in FIELDS}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f"Send a JSON object with {', '.join(FIELDS)}.") from None
    if wrong := [name for name, value in found.items() if not isinstance(value, str) or "\0" in value]:
        raise ValueError(f"{wrong[0]} must be a text.")
    return found


def _error(sentence: str) -> bytes:
    return json.dumps({"error": sentence}).encode()
