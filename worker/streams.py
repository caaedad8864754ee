"""The events of the API as a websocket: `/ws/events/?since=…`, with the token in the header Authorization, or with the
session of a page of this site."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http.request import validate_host
from rest_framework.exceptions import APIException, AuthenticationFailed

from accounts.sessions import alive
from contivui.web.errors import MEDIA_TYPE, BadParameter, answer_of
from contivui.web.waiting import until_left
from tenants import events
from tenants.programs import NAMES
from tenants.tokens import TokenAuthentication
from worker.bell import Bell
from worker.live import JUDGED_S
from worker.threads import in_database


class EventsSocket:
    """An ASGI application. Sends each event as one message, and {"kind": "seen", "id": n} after those of one look: n is
    what to resume from, also when nothing was for her. What she says is not listened to: what is wanted is in the
    address. No channel layer: it goes on while the broker is away."""

    def __init__(self, bell: Bell) -> None:
        self.bell = bell

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()  # websocket.connect
        try:
            asked = asked_in(scope)
            if await in_database(listener, scope) is None:
                raise AuthenticationFailed("Send a token in the header Authorization: Token, then the token itself.")
        except APIException as error:
            await refuse(scope, send, error)
            return
        await send({"type": "websocket.accept"})
        await until_left(self._follow(scope, asked, send), receive, "websocket.disconnect")

    async def _follow(self, scope: dict[str, Any], asked: events.Asked, send: Any) -> None:
        # Who listens, and what she may see, is judged anew each time, also when nothing happens.
        while user := await in_database(listener, scope):
            found = await in_database(events.read, user, asked)
            messages: list[dict[str, Any]] = [{"kind": "missed"}] if found.missed else []
            messages += [events.told(event) for event in found.events]
            messages += [{"kind": "seen", "id": found.last}] if found.last != asked.since else []
            for message in messages:
                await send({"type": "websocket.send", "text": json.dumps(message)})
            asked = asked.after(found.last)
            await self.bell(JUDGED_S, found.last)
        await send({"type": "websocket.close", "code": 4401, "reason": "This token or session has ended."})


def asked_in(scope: dict[str, Any]) -> events.Asked:
    """Raises BadParameter."""
    said = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    if wrong := sorted(said.keys() - set(NAMES)):
        raise BadParameter(dict.fromkeys(wrong, f"There is no such parameter. There are: {', '.join(NAMES)}."))
    return events.Asked.of(said)


async def refuse(scope: dict[str, Any], send: Any, error: APIException) -> None:
    """Answer the handshake as the API answers any request, where the server can; else it is 403 and says nothing."""
    found = answer_of(error, "GET")
    if found is None or "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    await send({"type": "websocket.http.response.start", "status": found.status_code, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": json.dumps(found.data).encode()})


def listener(scope: dict[str, Any]) -> Any | None:
    """Who listens, by her token or, from a page of this site, by her session. None for nobody."""
    headers = dict(scope["headers"])
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"token":
        try:
            return TokenAuthentication().authenticate_credentials(token.strip())[0]
        except AuthenticationFailed:
            return None
    user = scope.get("user")
    if user is None or not user.is_authenticated or not _ours(headers.get(b"origin", b"")):
        return None
    if not alive(scope["session"]):
        return None
    return get_user_model().objects.select_related("held_role").filter(pk=user.pk, is_active=True).first()


def _ours(origin: bytes) -> bool:
    """A browser says where the page came from that opens a socket; another site's gets nothing."""
    host = urlsplit(origin.decode("latin-1")).hostname or ""
    return bool(host) and validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS)
