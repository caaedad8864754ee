"""The events of the API as a websocket: `/ws/events/?since=…`, with the token in the header Authorization, or with the
session of a page of this site."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.http.request import validate_host
from rest_framework.exceptions import AuthenticationFailed

from contivui.web.errors import BadParameter
from tenants import events
from tenants.tokens import TokenAuthentication
from worker.bell import Bell
from worker.consumers import in_database

#: Seconds after which who listens, and what she may see, is judged anew, even when nothing happens.
JUDGED_S = 15.0


class EventsConsumer(AsyncJsonWebsocketConsumer):
    """Sends each event as one message, and {"kind": "seen", "id": n} after those of one look: n is what to resume
    from, also when nothing was for her."""

    bell: Bell = None  # type: ignore[assignment]

    async def connect(self) -> None:
        self.work: asyncio.Task[None] | None = None
        said = dict(parse_qsl(self.scope["query_string"].decode("latin-1")))
        try:
            self.asked = events.Asked.of(said)
        except BadParameter:
            await self.close()
            return
        if await in_database(listener, self.scope) is None:
            await self.close()  # Before accepting: the handshake is answered with 403.
            return
        await self.accept()
        self.work = asyncio.ensure_future(self._follow())

    async def disconnect(self, code: int) -> None:
        if self.work:
            self.work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.work

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """There is nothing to say here: what is wanted is in the address."""

    async def _follow(self) -> None:
        while True:
            user = await in_database(listener, self.scope)
            if user is None:
                await self.close(code=4401, reason="Sign in again: this token or session has ended.")
                return
            found = await in_database(events.read, user, self.asked)
            if found.missed:
                await self.send_json({"kind": "missed"})
            for event in found.events:
                await self.send_json(events.told(event))
            if found.last != self.asked.since:
                await self.send_json({"kind": "seen", "id": found.last})
            self.asked = self.asked.after(found.last)
            await self.bell(JUDGED_S, found.last)


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
    return type(user._wrapped if hasattr(user, "_wrapped") else user).objects.filter(pk=user.pk, is_active=True).first()


def _ours(origin: bytes) -> bool:
    """A browser says where the page came from that opens a socket; another site's gets nothing."""
    host = urlsplit(origin.decode("latin-1")).hostname or ""
    return bool(host) and validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS)
