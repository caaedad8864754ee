"""The socket of a node's agent, which is told specs and asked for acknowledgements.

Consumers only translate. What a message means is decided in nodes, realize, placing and intake.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.exceptions import ValidationError
from django.db import Error, IntegrityError

from contivui.web.trace import traced
from networks.actions import TurnedAway, renew_certificate, turn_away
from networks.actions.joining import renew_s, still_good
from networks.models import Knock
from tenants.change import Actor, Refused
from worker import intake, nodes, placing, realize
from worker.acks import acks
from worker.announce import EVERY_NODE, announce_soon, node_group
from worker.prompt import prompt
from worker.threads import in_database

log = logging.getLogger(__name__)

PROTOCOL = 1
REPORT_S = 2.0
#: A node that was revoked is off within this time though nobody could tell its connection so; seconds.
RECHECK_S = 20.0
#: Of a websocket's close, bytes, less what a sentence's other letters may take.
LONGEST_REASON = 110
#: An agent's message is a report of some thousand endpoints at the most.
MOST_BYTES = 8 * 1024 * 1024


class Consumer(AsyncJsonWebsocketConsumer):
    """Channels looks for database connections to close before each message, in a thread; in_database does so itself."""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Whatever goes wrong, the database being away for example, ends the connection and not only its consumer, of
        which nothing would be cleared away otherwise. The other side comes again."""
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        try:
            await handler(message)
        except StopConsumer:
            raise
        except Exception:
            log.exception("A connection from %s is closed: it could not be served.", nodes.address_of(self.scope))
            if message["type"] == "websocket.disconnect":
                raise StopConsumer from None
            await self.close(code=1011, reason="This could not be taken. Connect again.")


class AgentConsumer(Consumer):
    """One connected node. `sent` is the revision the node will be at once it has taken everything it was sent."""

    async def connect(self) -> None:
        self.known = False
        self.checking: asyncio.Task[None] | None = None
        self.sent: int | None = None
        self.greeted = False
        try:
            self.certificate = await in_database(nodes.identify, self.scope)
        except TurnedAway as error:
            await self._turn_away(error)
            return
        self.node, self.known = self.certificate.node, True
        for group in (node_group(self.node.pk), EVERY_NODE):
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        self.checking = asyncio.create_task(self._check_often())

    async def _turn_away(self, error: TurnedAway) -> None:
        """Who shows no certificate gets 403; whose is not good any more is told why."""
        if error.why != Knock.Why.NO_CERTIFICATE:
            await self.accept()
        await self.close(code=4401, reason=error.message[:LONGEST_REASON])

    async def disconnect(self, code: int) -> None:
        if not self.known:
            return
        if self.checking:
            self.checking.cancel()
        prompt().leave(self.node.pk, self)
        await in_database(nodes.goodbye, self.node.pk, self.channel_name)
        for group in (node_group(self.node.pk), EVERY_NODE):
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """A message that makes no sense ends the connection with the reason: the agent is of another version. Who was
        turned away is not listened to, whatever was on its way meanwhile."""
        if not self.known:
            return
        try:
            if not text_data or len(text_data) > MOST_BYTES:
                raise ValueError("a text frame of at most 8 MiB is expected")
            message = json.loads(text_data)
            handler = self.HANDLERS[message["type"]]
            if not self.greeted and handler is not AgentConsumer.on_hello:
                raise ValueError("the first message must be hello")
            with traced():
                await handler(self, message)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            log.warning("Node %s sent something unusable (%r); its connection is closed.", self.node, error)
            await self.close(code=4400, reason=f"Unusable message: {error}"[:LONGEST_REASON])

    async def on_hello(self, message: dict[str, Any]) -> None:
        if message.get("protocol") != PROTOCOL:
            await self.close(code=4406, reason=f"This controller speaks protocol {PROTOCOL}.")
            return
        if (claimed := str(message.get("node", self.certificate.name))) != self.certificate.name:
            await self._refuse_name(claimed)
            return
        older = await in_database(nodes.hello, self.node, self.channel_name, message)
        if older:
            await self.channel_layer.send(older, {"type": "node.replaced"})
        self.greeted = True
        prompt().serving[self.node.pk] = self
        welcome = {"node": self.node.name, "protocol": PROTOCOL, "report_s": REPORT_S}
        await self.send_json({"type": "welcome", **welcome, "renew_s": renew_s(self.certificate)})
        self.sent = int(message.get("revision", 0)) or None
        await self.send_specs(str(message.get("digest", "")))
        self._announce("status")

    async def on_ack(self, message: dict[str, Any]) -> None:
        acks().add(realize.Ack.of(self.node.pk, message))
        self._announce("status")

    async def on_nack(self, message: dict[str, Any]) -> None:
        log.warning("Node %s could not take a delta: %s. It gets the whole spec.", self.node, message.get("reason"))
        await in_database(nodes.mend, self.node.pk)
        self.sent = None
        await self.send_specs()

    async def on_report(self, message: dict[str, Any]) -> None:
        try:
            moved = await in_database(intake.report, self.node, message)
        except IntegrityError:  # Something it counts was deleted while this was written down.
            moved = await in_database(intake.report, self.node, message)
        for tenant_id in moved:
            announce_soon(f"tenant.{tenant_id}", "hits")

    async def on_denied(self, message: dict[str, Any]) -> None:
        for tenant_id in await in_database(intake.denied, self.node, message):
            announce_soon(f"tenant.{tenant_id}", "denied")

    async def on_drift(self, message: dict[str, Any]) -> None:
        await in_database(intake.drift, self.node, message)
        self._announce("drift")

    async def on_attach(self, message: dict[str, Any]) -> None:
        await self._answer(message, placing.place)

    async def on_detach(self, message: dict[str, Any]) -> None:
        await self._answer(message, placing.release)

    async def on_renew(self, message: dict[str, Any]) -> None:
        """The connection stays, and is from now on one of the new certificate, whose key signed the request."""
        actor = Actor(self.node.name, "agent", address=nodes.address_of(self.scope))
        try:
            given = await in_database(
                renew_certificate, actor=actor, certificate=self.certificate, request=str(message["request"])
            )
        except TurnedAway as error:
            await in_database(turn_away, error.why, node=self.node, address=actor.address)
            answer = {"ok": False, "error": error.message}
        else:
            self.certificate = given.row
            answer = {"ok": True, **given.described}
        await self.send_json({"type": "result", "id": message.get("id"), **answer})

    HANDLERS = {
        "hello": on_hello,
        "ack": on_ack,
        "nack": on_nack,
        "report": on_report,
        "denied": on_denied,
        "drift": on_drift,
        "attach": on_attach,
        "detach": on_detach,
        "renew": on_renew,
    }

    async def _answer(self, message: dict[str, Any], verb: Any) -> None:
        """Run a verb an agent asked for, and publish what it changed; a refusal is an answer like any other."""
        answer: dict[str, Any]
        try:
            actor = Actor(self.node.name, "agent")
            endpoint, tenants = await in_database(placing.kept, verb, actor, self.node, message)
            prompt().publish(tenants)
            answer = {"ok": True, "endpoint": endpoint}
        except ValidationError as error:
            answer = {"ok": False, "error": " ".join(error.messages)}
        except Refused as error:
            answer = {"ok": False, "error": error.message}
        await self.send_json({"type": "result", "id": message.get("id"), **answer})

    async def spec_changed(self, _: dict[str, Any]) -> None:
        if self.greeted:
            await self.send_specs()

    async def node_recheck(self, _: dict[str, Any]) -> None:
        """A node that was removed, or whose certificate is not good any more, has no business here."""
        try:
            await in_database(still_good, self.certificate.fingerprint)
        except TurnedAway as error:
            await self.close(code=4401, reason=error.message[:LONGEST_REASON])

    async def _check_often(self) -> None:
        """Ask again without being told: the broker may be away while a node is revoked, and certificates expire."""
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                await self.node_recheck({})
            except Error as error:
                log.warning("Whether node %s may stay cannot be asked: the database is away (%s).", self.node, error)

    async def _refuse_name(self, claimed: str) -> None:
        address = nodes.address_of(self.scope)
        await in_database(turn_away, Knock.Why.OTHER_NAME, node=self.node, claimed=claimed, address=address)
        sentence = f"This certificate is node {self.certificate.name}'s, not {claimed}'s."
        await self.close(code=4403, reason=sentence[:LONGEST_REASON])

    async def node_replaced(self, _: dict[str, Any]) -> None:
        await self.close(code=4409, reason="Another agent of this node has connected.")

    async def send_specs(self, digest: str = "") -> None:
        """Send what is new. `sent` moves before the next await of a send, so two wake-ups send nothing twice."""
        for delta in await in_database(nodes.deltas_since, self.node.pk, self.sent, digest):
            if delta["base"] in (None, self.sent):
                self.sent = delta["revision"]
                await self.send_json({"type": "spec", "delta": delta})

    async def send_step(self, step: Any) -> None:
        if step["base"] != self.sent:
            await self.send_specs()
            return
        self.sent = step["revision"]
        await self.send_json({"type": "spec", "delta": step})

    def _announce(self, what: str) -> None:
        announce_soon(f"node.{self.node.pk}", what)
        announce_soon("cluster", what)
