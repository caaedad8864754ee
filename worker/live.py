"""The socket of a person's open page, which is told of events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from accounts.sessions import alive
from worker.consumers import Consumer
from worker.threads import in_database
from worker.topics import topics_of

#: Topics taken from one message.
MOST_TOPICS = 200
#: Seconds after which what a page or a stream may hear is judged anew.
JUDGED_S = 15.0


class LiveConsumer(Consumer):
    """One open page. It subscribes to topics; it hears keys of what changed and asks for the page again itself."""

    async def connect(self) -> None:
        self.topics: set[str] = set()
        user = self.scope["user"]
        if user is None or not user.is_authenticated:
            await self.close()
            return
        self.user_id = user.pk
        await self.accept()

    async def disconnect(self, code: int) -> None:
        for topic in self.topics:
            await self.channel_layer.group_discard(f"live.{topic}", self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        try:
            content = json.loads(text_data or "")
        except (ValueError, RecursionError):
            content = None
        handler = self.HANDLERS.get(str(content.get("type"))) if isinstance(content, dict) else None
        if handler is None:
            await self._ask_again()
        else:
            await handler(self, content)

    async def on_subscribe(self, content: dict[str, Any]) -> None:
        wanted = content.get("topics")
        if not isinstance(wanted, list):
            await self._ask_again()
            return
        allowed = await self._judged({str(topic) for topic in wanted[:MOST_TOPICS]})
        for topic in allowed - self.topics:
            await self.channel_layer.group_add(f"live.{topic}", self.channel_name)
        self.topics |= allowed
        await self.send_json({"type": "subscribed", "topics": sorted(self.topics)})

    HANDLERS = {"subscribe": on_subscribe}

    async def _ask_again(self) -> None:
        await self.send_json({"type": "error", "message": "Send {type: subscribe, topics: […]}."})

    async def live_event(self, message: dict[str, Any]) -> None:
        """A session or a role that ended ends what the page hears, a moment later."""
        if asyncio.get_running_loop().time() - self.judged_at > JUDGED_S:
            if not await in_database(alive, self.scope["session"]):
                await self.close(code=4401, reason="This session has ended.")
                return
            for topic in self.topics - await self._judged(self.topics):
                self.topics.discard(topic)
                await self.channel_layer.group_discard(f"live.{topic}", self.channel_name)
        if message["topic"] in self.topics:
            await self.send_json({**message, "type": "event"})

    async def _judged(self, wanted: set[str]) -> set[str]:
        self.judged_at = asyncio.get_running_loop().time()
        return await in_database(topics_of, self.user_id, wanted)
