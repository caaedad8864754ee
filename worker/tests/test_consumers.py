"""The two sockets, spoken to as an agent and as a browser would, over an in-memory channel layer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User

from core import wire
from networks.models import Node
from tenants.models import Membership
from worker import publish
from worker.announce import event
from worker.consumers import AgentConsumer, LiveConsumer
from worker.models import NodeStatus, SpecSection
from worker.tests.cast import Stage, stage, token, touch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


@pytest.fixture(autouse=True)
def in_memory(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


async def dressed() -> Stage:
    return await sync_to_async(_published)()


def _published() -> Stage:
    made = stage()
    touch(made.tenant)
    publish.publish_tenant(made.tenant.pk)
    return made


def agent(secret: str) -> WebsocketCommunicator:
    headers = [(b"authorization", f"Bearer {secret}".encode())]
    return WebsocketCommunicator(AgentConsumer.as_asgi(), "/ws/agent/", headers=headers)


HELLO = {"type": "hello", "protocol": 1, "version": "1", "revision": 0, "digest": "", "features": []}


async def greeted(secret: str) -> WebsocketCommunicator:
    socket = agent(secret)
    assert (await socket.connect())[0]
    await socket.send_json_to(HELLO)
    assert (await socket.receive_json_from(3))["type"] == "welcome"
    return socket


async def test_it_turns_away_a_token_nobody_was_given() -> None:
    await dressed()
    assert (await agent("guessed").connect())[0] is False
    assert (await agent("").connect())[0] is False


async def test_a_fresh_node_is_sent_its_whole_spec_and_its_acknowledgement_counts() -> None:
    made = await dressed()
    socket = await greeted(token(2))
    delta = wire.decode_delta((await socket.receive_json_from(3))["delta"])
    assert delta.base is None
    assert {item.kind for item in delta.upsert} >= {"tenant", "network", "endpoint", "remote", "chain", "match"}
    ack = {"type": "ack", "revision": delta.revision, "digest": delta.digest, "took_ms": 4, "refused": {}}
    await socket.send_json_to(ack)

    def applied() -> bool:
        section = SpecSection.objects.get(node=made.nodes[1])
        return section.applied_generation == section.generation

    await eventually(sync_to_async(applied))
    await socket.disconnect()


async def test_a_connected_node_is_sent_only_the_step_to_the_next_revision() -> None:
    made = await dressed()
    socket = await greeted(token(2))
    first = (await socket.receive_json_from(3))["delta"]

    def another_rule() -> None:
        made.policy.rules.filter(priority=10).update(ports="5433")
        touch(made.tenant)
        publish.publish_tenant(made.tenant.pk)

    await sync_to_async(another_rule)()
    await get_channel_layer().group_send(f"node.{made.nodes[1].pk}", {"type": "spec.changed"})
    second = (await socket.receive_json_from(3))["delta"]
    assert second["base"] == first["revision"]
    assert len(second["upsert"]) < len(first["upsert"])
    await socket.disconnect()


async def test_what_an_agent_attaches_is_sent_to_all_nodes_without_a_worker() -> None:
    await dressed()
    first, second = await greeted(token(1)), await greeted(token(2))
    for socket in (first, second):
        assert (await socket.receive_json_from(3))["type"] == "spec"
    names = ["new-1", "new-2", "new-3"]
    for name in names:
        await second.send_json_to({"type": "attach", "id": name, "tenant": "blue", "network": "net", "name": name})
    placed, there, elsewhere = set[int](), set[int](), set[int]()
    while len(placed) < len(names) or placed - there:
        message = await second.receive_json_from(3)
        if message["type"] == "result":
            placed.add(message["endpoint"]["id"])
        else:
            there |= {item.id for item in wire.decode_delta(message["delta"]).upsert if item.kind == "endpoint"}
    while placed - elsewhere:
        delta = wire.decode_delta((await first.receive_json_from(3))["delta"])
        elsewhere |= {item.id for item in delta.upsert if item.kind == "remote"}
    await asyncio.gather(first.disconnect(), second.disconnect())


async def test_a_nack_is_answered_with_the_whole_spec() -> None:
    await dressed()
    socket = await greeted(token(1))
    await socket.receive_json_from(3)
    await socket.send_json_to({"type": "nack", "revision": 1, "reason": "unknown base"})
    assert (await socket.receive_json_from(3))["delta"]["base"] is None
    await socket.disconnect()


async def test_a_node_that_leaves_is_shown_as_away() -> None:
    made = await dressed()
    socket = await greeted(token(1))
    await socket.receive_json_from(3)
    assert await sync_to_async(NodeStatus.objects.get)(node=made.nodes[0], connected=True)
    await socket.disconnect()
    assert await sync_to_async(NodeStatus.objects.get)(node=made.nodes[0], connected=False)


async def test_the_newer_of_two_agents_of_a_node_stays() -> None:
    await dressed()
    first = await greeted(token(1))
    await first.receive_json_from(3)
    second = await greeted(token(1))
    closed = await first.receive_output(3)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4409)
    await second.disconnect()


async def test_a_node_whose_token_was_renewed_is_disconnected() -> None:
    made = await dressed()
    socket = await greeted(token(1))
    await socket.receive_json_from(3)
    layer = get_channel_layer()
    await layer.group_send("nodes", {"type": "node.recheck"})
    assert await socket.receive_nothing(0.2)
    await sync_to_async(Node.objects.filter(pk=made.nodes[0].pk).update)(token_hash="another")
    await layer.group_send("nodes", {"type": "node.recheck"})
    assert (await socket.receive_output(3))["code"] == 4401


@pytest.mark.parametrize(
    "message", ["not json", "[]", '{"type": "ack"}', '{"type": "report", "tenants": 3}', '{"type": "nonsense"}', "{}"]
)
async def test_an_unusable_message_ends_the_connection_with_the_reason(message: str) -> None:
    await dressed()
    socket = await greeted(token(1))
    await socket.receive_json_from(3)
    await socket.send_to(text_data=message)
    closed = await socket.receive_output(3)
    assert closed["code"] == 4400
    assert "Unusable message" in closed["reason"]


async def test_nothing_is_taken_before_hello() -> None:
    await dressed()
    socket = agent(token(1))
    await socket.connect()
    await socket.send_json_to({"type": "report", "tenants": {}})
    assert (await socket.receive_output(3))["code"] == 4400


async def test_an_agent_of_another_protocol_is_told_which_one_is_spoken() -> None:
    await dressed()
    socket = agent(token(1))
    await socket.connect()
    await socket.send_json_to({**HELLO, "protocol": 9})
    assert (await socket.receive_output(3))["code"] == 4406


async def browser(user: Any) -> tuple[bool, WebsocketCommunicator]:
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/ws/live/")
    socket.scope["user"] = user
    return (await socket.connect())[0], socket


async def test_a_page_hears_only_of_tenants_its_person_may_see() -> None:
    blue = await dressed()
    green = await sync_to_async(stage)("green", tag=2)
    alice = await sync_to_async(User.objects.create_user)("alice")
    await sync_to_async(Membership.objects.create)(user=alice, tenant=blue.tenant, role="viewer")
    _, socket = await browser(alice)
    wanted = [
        f"tenant.{blue.tenant.pk}",
        f"tenant.{green.tenant.pk}",
        "cluster",
        "node.1",
        "tenant.x",
        "tenant." + "9" * 30,
    ]
    await socket.send_json_to({"type": "subscribe", "topics": wanted})
    answer = await socket.receive_json_from(3)
    assert answer == {"type": "subscribed", "topics": [f"tenant.{blue.tenant.pk}"]}
    layer = get_channel_layer()
    await layer.group_send(f"live.tenant.{green.tenant.pk}", event(f"tenant.{green.tenant.pk}", "hits"))
    await layer.group_send(f"live.tenant.{blue.tenant.pk}", event(f"tenant.{blue.tenant.pk}", "hits"))
    heard = await socket.receive_json_from(3)
    assert (heard["type"], heard["topic"], heard["what"]) == ("event", f"tenant.{blue.tenant.pk}", "hits")
    assert await socket.receive_nothing(0.2)
    await socket.disconnect()


async def test_nobody_in_particular_hears_nothing() -> None:
    assert (await browser(AnonymousUser()))[0] is False


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(100):
        if await check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("It did not come true in two seconds.")
