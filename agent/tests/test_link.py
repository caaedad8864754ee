"""The connection: it comes back, it says why it is not there, it loses nothing that must be heard of."""

from __future__ import annotations

import asyncio

import pytest

from agent.link import Away, Backoff
from agent.tests.stage import Controller, Node, blue, endpoint, running, until

pytestmark = pytest.mark.asyncio


async def test_it_says_who_it_is_and_what_it_can(controller: Controller, node: Node) -> None:
    async with running(node):
        hello = await controller.heard("hello")
        assert (hello["protocol"], hello["revision"], hello["version"]) == (1, 0, "0.1.0")
        assert {"name", "present", "why"} == set(hello["features"][0])


async def test_it_comes_back_to_a_controller_that_comes_back(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        for _ in range(3):
            await controller.close()
            await until(lambda: not node.agent.link.connected)
            await controller.open()
            await until(lambda: node.agent.link.connected, within=2.0)
        await controller.settle(blue(endpoint(1)))


async def test_a_controller_that_makes_no_sense_is_away_and_tried_again(controller: Controller, node: Node) -> None:
    said, controller.more = controller.more, {"report_s": None}
    async with running(node):
        await until(lambda: "makes no sense" in node.agent.link.absence())
        controller.more = said
        await until(lambda: node.agent.link.connected)
        await controller.settle(blue())


async def test_what_changed_meanwhile_comes_with_the_next_connection(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        await controller.close()
        await until(lambda: not node.agent.link.connected)
        elsewhere = Controller(controller.path)
        elsewhere.spec = controller.spec
        with pytest.raises(AssertionError):
            await elsewhere.tell(blue(endpoint(1)))  # Nobody is connected to hear it.
        await elsewhere.open()
        await until(lambda: node.agent.applied.revision == 2)
        await elsewhere.close()


async def test_after_a_reconnect_it_says_again_what_it_has_applied(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        await controller.close()
        await until(lambda: not node.agent.link.connected)
        await controller.open()
        ack = await controller.heard("ack")
        assert (ack["revision"], ack["digest"]) == (1, controller.spec.digest)


async def test_a_node_that_is_turned_away_says_why_and_tries_again(
    controller: Controller, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    controller.turns_away = "This node's certificate was revoked; join again."
    async with running(node):
        await until(lambda: "was revoked; join again" in caplog.text)
        assert node.agent.link.connected is False
        controller.turns_away = ""
        await controller.connected.wait()


async def test_a_key_that_others_can_read_is_not_used(
    controller: Controller, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    (node.folder / "certificate.pem").chmod(0o644)
    async with running(node):
        await until(lambda: "chmod 600 it" in caplog.text)
        assert controller.silent("hello")
        (node.folder / "certificate.pem").chmod(0o600)
        await controller.connected.wait()


async def test_a_node_that_never_joined_says_how_to(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    (node.folder / "certificate.pem").unlink()
    async with running(node):
        await until(lambda: "contivui-agent join URL TOKEN" in caplog.text)


async def test_the_next_certificate_comes_without_a_new_connection_and_serves_the_one_after(
    controller: Controller, node: Node
) -> None:
    file = node.folder / "certificate.pem"
    first, controller.more = file.read_bytes(), {"renew_s": 0.0}
    async with running(node):
        await controller.heard("hello")
        await until(lambda: file.read_bytes() != first)
        assert controller.silent("hello"), "it was renewed over the connection that stands"
        assert file.stat().st_mode & 0o777 == 0o600
        await controller.close()
        await controller.open()
        await controller.heard("hello")
    assert len(set(controller.shown)) == 2


async def test_a_question_is_answered_with_away_when_the_controller_falls_silent(
    controller: Controller, node: Node
) -> None:
    async with running(node):
        await controller.connected.wait()
        await until(lambda: node.agent.link.connected)
        with pytest.raises(Away, match=r"did not answer within 0\.1 s"):
            await node.agent.link.ask({"type": "attach"}, timeout_s=0.1)
        asked = asyncio.create_task(node.agent.link.ask({"type": "attach"}))
        await controller.heard("attach")
        await controller.heard("attach")
        await controller.close()
        with pytest.raises(Away, match="went away before it answered"):
            await asked


async def test_messages_that_make_no_sense_end_the_connection_and_it_comes_back(
    controller: Controller, node: Node
) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.heard("hello")
        assert controller._socket is not None
        await controller._socket.send("[]")
        await controller.heard("hello")


async def test_delays_double_up_to_the_longest_and_start_anew() -> None:
    backoff = Backoff()
    delays = [backoff.delay(5.0) for _ in range(8)]
    assert 0.14 <= delays[0] <= 0.2
    assert all(0.7 * longest <= delay <= longest for delay, longest in zip(delays[5:], [5.0] * 3, strict=True))
    assert 14.0 < Backoff.delay(backoff, 30.0) <= 30.0
    backoff.reset()
    assert backoff.delay(5.0) <= 0.2
