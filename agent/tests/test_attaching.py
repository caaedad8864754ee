"""Containers come through the local socket: the controller is asked first, and who asked hears what came of it."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from agent.kernel.interface import Attachment
from agent.tests.stage import (
    FACTS,
    NAMES,
    Controller,
    Message,
    Node,
    Placing,
    attach,
    blue,
    endpoint,
    network,
    running,
    tenant,
    until,
)
from core.plan import Op
from core.render import render

pytestmark = pytest.mark.asyncio


async def test_an_endpoint_is_in_the_kernel_when_attach_answers(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        answer = await attach(node)
        assert answer["ok"], answer
        assert answer["endpoint"]["id"] == 1
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [1], FACTS)
        assert node.kernel.space(7).veths[1] == Attachment(
            1, node.container("c-web-1"), "02:02:14:01:01:01", "eth0", "20.1.1.1/24", "20.1.1.254", mtu=1450
        )
        assert controller.silent("attach") is False
        assert {k: v for k, v in (await controller.heard("attach")).items() if v} == {
            "type": "attach",
            "id": "1",
            "name": "web-1",
            **NAMES,
        }


async def test_a_second_endpoint_of_a_known_tenant_costs_one_apply(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node, "web-1"))["ok"]
        node.kernel.applied.clear()
        assert (await attach(node, "web-2"))["ok"]
        assert len(node.kernel.applied) == 1


async def test_the_veth_is_made_closed_while_the_spec_is_awaited(controller: Controller, node: Node) -> None:
    placing = Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node, "web-1"))["ok"]
        placing.spec_follows = False
        before = node.kernel.observe(7)
        asked = asyncio.create_task(attach(node, "web-2"))
        await until(lambda: node.kernel.attached(7) == {1, 2})
        assert node.kernel.observe(7) == before, "in no bridge, with no rules"
        await controller.tell(blue(endpoint(1), endpoint(2)))
        assert (await asked)["ok"]
        assert node.kernel.observe(7) == render(blue(endpoint(1), endpoint(2)), [1, 2], FACTS)


async def test_a_veth_whose_spec_never_comes_goes_again(
    controller: Controller, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.attaching.PATIENCE_S", 0.3)
    placing = Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node, "web-1"))["ok"]
        placing.spec_follows = False
        assert not (await attach(node, "web-2"))["ok"]
        assert node.kernel.attached(7) == {1}


async def test_many_attaches_at_once_all_succeed(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        answers = await asyncio.gather(*(attach(node, f"web-{n}") for n in range(1, 21)))
        assert [answer["ok"] for answer in answers] == [True] * 20
        assert node.kernel.attached(7) == set(range(1, 21))


async def test_attaching_again_changes_nothing(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        node.kernel.applied.clear()
        assert (await attach(node))["ok"]
        assert node.ops() == []


async def test_attaching_again_replaces_a_veth_that_was_taken_away(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        node.kernel.space(7).destroy("ep1")  # Nobody was woken.
        assert (await attach(node))["ok"]
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [1], FACTS)


async def test_an_endpoint_moves_to_another_container(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        other = node.container("other")
        assert (await attach(node, netns=other))["ok"]
        assert node.kernel.space(7).veths[1].netns == other
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [1], FACTS)


async def test_who_asks_twice_at_once_is_answered_twice(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        answers = await asyncio.gather(attach(node), attach(node))
        assert [answer["ok"] for answer in answers] == [True, True], answers
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [1], FACTS)
        assert node.agent.presence.awaited(1) is None


async def test_of_two_containers_for_one_endpoint_one_is_told_so(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        answers = await asyncio.gather(*(attach(node, netns=node.container(name)) for name in ("one", "two")))
        assert sorted(answer["ok"] for answer in answers) == [False, True]
        assert "plugged in elsewhere" in next(answer["error"] for answer in answers if not answer["ok"])
        assert node.kernel.attached(7) == {1}


async def test_away_from_the_controller_a_new_endpoint_is_refused_at_once(controller: Controller, node: Node) -> None:
    await controller.close()
    async with running(node):
        begun = asyncio.get_running_loop().time()
        answer = await attach(node)
        assert answer["ok"] is False
        assert answer["error"].startswith("The controller is away since ")
        assert asyncio.get_running_loop().time() - begun < 1.0


async def test_away_from_the_controller_a_known_endpoint_is_plugged_in(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        await controller.close()
        await until(lambda: not node.agent.link.connected)
        answer = await attach(node)
        assert answer["ok"], answer
        assert answer["endpoint"]["mac"] == "02:02:14:01:01:01"
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [1], FACTS)


async def test_the_controllers_refusal_is_the_answer(controller: Controller, node: Node) -> None:
    controller.place = lambda message: {"ok": False, "error": "The network front has no free address."}
    async with running(node):
        await controller.connected.wait()
        assert await attach(node) == {"ok": False, "error": "The network front has no free address."}


async def test_a_spec_that_does_not_come_ends_in_a_sentence(
    controller: Controller, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.attaching.PATIENCE_S", 0.3)
    Placing(controller, spec_follows=False)
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        answer = await attach(node)
        assert "within 0.3 s" in answer["error"]
        assert node.agent.attached == []
        assert (await controller.heard("detach"))["endpoint"] == 1


async def test_a_container_that_cannot_be_plugged_in_is_taken_back(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        path = Path(node.container("vanishing"))
        node.kernel.machine.lock.acquire()
        try:
            asked = asyncio.create_task(attach(node, netns=str(path)))
            await asyncio.sleep(0.2)
            path.unlink()
        finally:
            node.kernel.machine.lock.release()
        answer = await asked
        assert answer["ok"] is False
        assert "vanishing is gone" in answer["error"]
        assert node.kernel.attached(7) == set()
        assert node.agent.attached == []
        assert (await controller.heard("detach"))["endpoint"] == 1


async def test_a_refused_port_is_taken_back_and_the_others_stay(controller: Controller, node: Node) -> None:
    def no_second_port(op: Op) -> str | None:
        return "No buffer space available." if op.subject.key == ("link", "ep2") and op.new else None

    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node, "web-1"))["ok"]
        node.kernel.refuse = no_second_port
        answer = await attach(node, "web-2")
        assert "No buffer space" in answer["error"]
        assert node.kernel.attached(7) == {1}
        await until(lambda: node.kernel.observe(7) == render(blue(endpoint(1), endpoint(2)), [1], FACTS))


async def test_the_same_refusal_again_and_again_is_answered_without_asking_the_controller(
    controller: Controller, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each asking has the endpoint placed and released: two entries of the record."""
    monkeypatch.setattr("agent.backoff.FIRST_S", 0.5)
    asked: list[Message] = []
    placing = Placing(controller)
    controller.place = lambda message: asked.append(message) or placing.place(message)  # type: ignore[func-returns-value]
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(network(9, owner=7)))
        node.kernel.refuse = lambda op: "No buffer space." if op.new and op.new.key == ("link", "ep1") else None
        first, second, third = [await attach(node) for _ in range(3)]
        assert (first["retry_s"], second["retry_s"]) == (0, 0.5)
        assert first["error"] == second["error"] != third["error"]
        assert third["error"].startswith(first["error"]) and 0 < third["retry_s"] <= 0.5
        assert len(asked) == 2
        await asyncio.sleep(0.5)
        assert (await attach(node))["retry_s"] == 1.0, "twice as long"
        assert len(asked) == 3
        node.kernel.refuse = None
        await controller.settle(blue(network(9, encap="vlan", owner=7)))
        assert (await attach(node))["ok"], "a network was changed, which may have been in the way"
        assert len(asked) == 4


async def test_a_network_that_cannot_be_made_is_named_with_what_to_do(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        ack = await controller.settle(blue(network(9, encap="vlan", owner=7)))
        assert ack["refused"] == {
            "7": "The network front with the VLAN 109 cannot be made on this node: its kernel cannot tag frames. "
            "Choose VXLAN for the network, load the module 8021q on the node, or delete the network."
        }


async def test_ports_come_and_go_while_the_tenants_newest_spec_is_refused(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        Placing(controller)
        ack = await controller.settle([tenant(epoch=2), network(encap="vlan"), endpoint(1)])
        assert ack["refused"]
        assert (await attach(node))["ok"]
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [1], FACTS)
        assert (await node.ask(verb="detach", endpoint=1))["ok"]
        assert node.kernel.attached(7) == set()


async def test_the_socket_is_for_its_owner_only(controller: Controller, node: Node) -> None:
    async with running(node):
        assert stat.S_IMODE(node.config.socket.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"verb": "reboot"}, "Ask for one of attach, detach, status, not 'reboot'."),
        ({"verb": "attach", **NAMES, "name": "x", "netns": "/nowhere"}, "There is no network namespace at '/nowhere'"),
        ({"verb": "attach", **NAMES, "name": "x", "netns": "/", "ifname": "e\n"}, "'e\\n' is no name of a device"),
        ({"verb": "attach", **NAMES, "name": "x", "netns": "/", "ifname": "eth%d"}, "'eth%d' is no name of a device"),
        ({"verb": "attach", "netns": "/", "name": "", "tenant": ""}, "Give at least tenant and name"),
        ({"verb": "detach"}, "Give the number of the endpoint, not None."),
        ({"verb": "detach", "endpoint": "web-1"}, "Give the number of the endpoint, not 'web-1'."),
    ],
)
async def test_a_request_that_makes_no_sense_gets_a_sentence(
    controller: Controller, node: Node, message: Message, error: str
) -> None:
    async with running(node):
        answer = await node.ask(**message)
        assert answer["ok"] is False
        assert error in answer["error"]
