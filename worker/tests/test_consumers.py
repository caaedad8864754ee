"""The two sockets, spoken to as an agent and as a browser would, over an in-memory channel layer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from agent.joining import new_request
from core import wire
from networks.actions import revoke_node
from networks.authority import authority, pem_of
from networks.models import Knock, Node, NodeCertificate
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Membership
from worker import consumers, publish
from worker.announce import SOON_S, event
from worker.consumers import AgentConsumer
from worker.live import LiveConsumer
from worker.models import NodeStatus, SpecSection
from worker.nodes import identify
from worker.prompt import prompt
from worker.tests.cast import Stage, joined, shows, stage, touch

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


def agent(certificate: str) -> WebsocketCommunicator:
    made = WebsocketCommunicator(AgentConsumer.as_asgi(), "/ws/agent/")
    made.scope.update(shows(certificate), client=("192.0.2.77", 4711))
    return made


HELLO = {"type": "hello", "protocol": 1, "version": "1", "revision": 0, "digest": "", "features": []}


async def greeted(node: Node, certificate: str = "") -> WebsocketCommunicator:
    socket = agent(certificate or await sync_to_async(joined)(node))
    assert (await socket.connect())[0]
    await socket.send_json_to(HELLO)
    assert (await socket.receive_json_from(3))["type"] == "welcome"
    return socket


async def knocks() -> list[tuple[str, str | None, str, int]]:
    rows = await sync_to_async(list)(Knock.objects.select_related("node").order_by("pk"))
    return [(row.why, row.node and row.node.name, row.claimed, row.times) for row in rows]


async def recorded() -> list[Any]:
    entries = await sync_to_async(list)(AuditEntry.objects.filter(verb="node.turned_away").order_by("pk"))
    return [(entry.object_name, entry.after["why"], entry.address) for entry in entries]


async def test_who_shows_no_certificate_is_not_let_in() -> None:
    await dressed()
    assert await agent("").connect() == (False, 4401)
    assert await knocks() == [("no_certificate", None, "", 1)]


async def test_a_certificate_that_is_not_known_here_is_turned_away_with_the_reason_and_written_down_once() -> None:
    await dressed()
    _, request = new_request("n1")
    stranger = pem_of(authority().sign_node(request, "n1", timedelta(days=1)))
    for _ in range(3):
        socket = agent(stranger)
        assert (await socket.connect())[0]
        closed = await socket.receive_output(3)
        assert (closed["code"], closed["reason"]) == (
            4401,
            "This certificate is not known here (any more); join again.",
        )
    assert await knocks() == [("unknown", None, "", 3)]
    assert [entry[1:] for entry in await recorded()] == [("unknown", "192.0.2.77")]


async def test_a_revoked_or_expired_certificate_is_turned_away_and_its_node_told_of() -> None:
    made = await dressed()
    pem = await sync_to_async(joined)(made.nodes[0])
    await sync_to_async(NodeCertificate.objects.update)(expires_at=timezone.now())
    socket = agent(pem)
    await socket.connect()
    assert "has expired" in (await socket.receive_output(3))["reason"]
    await sync_to_async(revoke_node)(actor=SYSTEM, row=made.nodes[0])
    fresh = await sync_to_async(joined)(made.nodes[0])
    await sync_to_async(revoke_node)(actor=SYSTEM, row=made.nodes[0])
    socket = agent(fresh)
    await socket.connect()
    assert "was revoked" in (await socket.receive_output(3))["reason"]
    assert await knocks() == [("expired", "n1", "", 1), ("revoked", "n1", "", 1)]
    assert await recorded() == [("n1", "expired", "192.0.2.77"), ("n1", "revoked", "192.0.2.77")]


async def test_a_node_that_says_it_is_another_is_turned_away() -> None:
    made = await dressed()
    socket = agent(await sync_to_async(joined)(made.nodes[0]))
    await socket.connect()
    await socket.send_json_to({**HELLO, "node": "n2"})
    closed = await socket.receive_output(3)
    assert (closed["code"], closed["reason"]) == (4403, "This certificate is node n1's, not n2's.")
    assert await knocks() == [("other_name", "n1", "n2", 1)]


async def test_a_certificate_is_renewed_over_the_connection_and_both_are_good() -> None:
    made = await dressed()
    first = await sync_to_async(joined)(made.nodes[0])
    socket = agent(first)
    await socket.connect()
    await socket.send_json_to(HELLO)
    renew_s = (await socket.receive_json_from(3))["renew_s"]
    assert 4.6 * 86400 < renew_s < 4.7 * 86400, "two thirds of seven days"
    await socket.receive_json_from(3)
    _, request = await sync_to_async(new_request)("n1")
    await socket.send_json_to({"type": "renew", "id": "1", "request": request})
    answer = await socket.receive_json_from(3)
    assert (answer["ok"], answer["node"], answer["authority"]) == (True, "n1", authority().pem)
    assert answer["certificate"] != first
    for pem in (first, answer["certificate"]):
        assert await sync_to_async(identify)({**shows(pem)})
    await socket.disconnect()


@pytest.mark.parametrize(("name", "sentence"), [("n2", "not for CN=n1"), ("", "cannot be read")])
async def test_a_request_for_another_name_or_none_at_all_is_not_signed(name: str, sentence: str) -> None:
    made = await dressed()
    socket = await greeted(made.nodes[0])
    await socket.receive_json_from(3)
    request = (await sync_to_async(new_request)(name))[1] if name else "rubbish"
    await socket.send_json_to({"type": "renew", "id": "1", "request": request})
    answer = await socket.receive_json_from(3)
    assert answer["ok"] is False
    assert sentence in answer["error"]
    assert await knocks() == [("bad_request", "n1", "", 1)]
    assert await sync_to_async(NodeCertificate.objects.count)() == 1
    await socket.disconnect()


async def test_a_fresh_node_is_sent_its_whole_spec_and_its_acknowledgement_counts() -> None:
    made = await dressed()
    socket = await greeted(made.nodes[1])
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
    socket = await greeted(made.nodes[1])
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
    made = await dressed()
    first, second = await greeted(made.nodes[0]), await greeted(made.nodes[1])
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
    made = await dressed()
    socket = await greeted(made.nodes[0])
    await socket.receive_json_from(3)
    await socket.send_json_to({"type": "nack", "revision": 1, "reason": "unknown base"})
    assert (await socket.receive_json_from(3))["delta"]["base"] is None
    await socket.disconnect()


async def test_a_node_that_leaves_is_shown_as_away() -> None:
    made = await dressed()
    socket = await greeted(made.nodes[0])
    await socket.receive_json_from(3)
    assert await sync_to_async(NodeStatus.objects.get)(node=made.nodes[0], connected=True)
    await socket.disconnect()
    assert await sync_to_async(NodeStatus.objects.get)(node=made.nodes[0], connected=False)


async def test_the_newer_of_two_agents_of_a_node_stays() -> None:
    made = await dressed()
    certificate = await sync_to_async(joined)(made.nodes[0])
    first = await greeted(made.nodes[0], certificate)
    await first.receive_json_from(3)
    second = await greeted(made.nodes[0], certificate)
    closed = await first.receive_output(3)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4409)
    await second.disconnect()


async def test_a_node_that_is_revoked_is_off_at_once() -> None:
    made = await dressed()
    socket = await greeted(made.nodes[0])
    await socket.receive_json_from(3)
    layer = get_channel_layer()
    await layer.group_send("nodes", {"type": "node.recheck"})
    assert await socket.receive_nothing(0.2)
    await sync_to_async(revoke_node)(actor=SYSTEM, row=made.nodes[0])
    await layer.group_send("nodes", {"type": "node.recheck"})
    closed = await socket.receive_output(3)
    assert (closed["code"], closed["reason"]) == (4401, "This node's certificate was revoked; join again.")


async def test_a_node_that_is_revoked_is_off_soon_though_the_broker_told_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_S", 0.05)
    made = await dressed()
    socket = await greeted(made.nodes[0])
    await socket.receive_json_from(3)
    assert await socket.receive_nothing(0.2)
    await sync_to_async(NodeCertificate.objects.update)(revoked_at=timezone.now())
    assert (await socket.receive_output(3))["code"] == 4401


@pytest.mark.parametrize(
    "message", ["not json", "[]", '{"type": "ack"}', '{"type": "report", "tenants": 3}', '{"type": "nonsense"}', "{}"]
)
async def test_an_unusable_message_ends_the_connection_with_the_reason(message: str) -> None:
    made = await dressed()
    socket = await greeted(made.nodes[0])
    await socket.receive_json_from(3)
    await socket.send_to(text_data=message)
    closed = await socket.receive_output(3)
    assert closed["code"] == 4400
    assert "Unusable message" in closed["reason"]


async def test_a_message_nobody_foresaw_ends_the_connection_and_leaves_nothing_behind() -> None:
    made = await dressed()
    before = asyncio.all_tasks()
    socket = await greeted(made.nodes[0])
    await socket.receive_json_from(3)
    await socket.send_to(text_data="[" * 1_000_000)
    assert (await socket.receive_output(3))["code"] == 1011
    await socket.disconnect()
    assert made.nodes[0].pk not in prompt().serving
    assert not await sync_to_async(NodeStatus.objects.filter(connected=True).exists)()
    await asyncio.sleep(0.1)
    assert not [task for task in asyncio.all_tasks() - before if "_check_often" in repr(task)]


async def test_nothing_is_taken_before_hello() -> None:
    made = await dressed()
    socket = agent(await sync_to_async(joined)(made.nodes[0]))
    await socket.connect()
    await socket.send_json_to({"type": "report", "tenants": {}})
    assert (await socket.receive_output(3))["code"] == 4400


async def test_who_was_turned_away_is_not_listened_to() -> None:
    made = await dressed()
    pem = await sync_to_async(joined)(made.nodes[0])
    await sync_to_async(revoke_node)(actor=SYSTEM, row=made.nodes[0])
    socket = agent(pem)
    await socket.connect()
    await socket.send_json_to(HELLO)
    assert (await socket.receive_output(3))["code"] == 4401
    assert await socket.receive_nothing(0.1)
    await socket.disconnect()
    assert not await sync_to_async(NodeStatus.objects.filter(connected=True).exists)()


async def test_an_agent_of_another_protocol_is_told_which_one_is_spoken() -> None:
    made = await dressed()
    socket = agent(await sync_to_async(joined)(made.nodes[0]))
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
    await asyncio.sleep(4 * SOON_S)  # What dressing the stage announced has been said by then.
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


@pytest.mark.parametrize("words", ["not json", "[]", '{"type": "ack"}', '{"type": "subscribe", "topics": 3}'])
async def test_what_a_page_says_that_makes_no_sense_is_answered_with_what_would(words: str) -> None:
    _, socket = await browser(await sync_to_async(User.objects.create_user)("alice"))
    await socket.send_to(text_data=words)
    assert (await socket.receive_json_from(3))["message"] == "Send {type: subscribe, topics: […]}."
    await socket.disconnect()


async def test_nobody_in_particular_hears_nothing() -> None:
    assert (await browser(AnonymousUser()))[0] is False


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(100):
        if await check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("It did not come true in two seconds.")
