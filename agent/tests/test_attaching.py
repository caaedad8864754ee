"""Containers come and go through the local socket; the controller is told, and asked first."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from agent.kernel.interface import Attachment
from agent.tests.stage import FACTS, Controller, Message, Node, blue, endpoint, network, running, tenant, until
from core.plan import Op
from core.render import render
from core.spec import Item

pytestmark = pytest.mark.asyncio

NAMES = {"tenant": "blue", "network": "front", "group": "web"}


class Placing:
    """Answers attach requests and, as the real controller does, sends the spec with the endpoint a moment later."""

    def __init__(self, controller: Controller, *, spec_follows: bool = True) -> None:
        self.controller = controller
        self.spec_follows = spec_follows
        self.tasks: list[asyncio.Task[None]] = []
        controller.place = self.place

    def place(self, message: Message) -> Message:
        number = int(message["name"].rpartition("-")[2])
        if self.spec_follows and f"7/endpoint/{number}" not in self.controller.spec.items:
            self.tasks.append(asyncio.create_task(self._add(endpoint(number))))
        return {"ok": True, "endpoint": {"id": number, "name": message["name"], "tenant": 7, "network": 7}}

    async def _add(self, new: Item) -> None:
        await self.controller.tell([*(self.controller.spec.items.values() or blue()), new])


async def attach(node: Node, name: str = "web-1", **more: Any) -> Message:
    more.setdefault("netns", node.container("c-" + name))
    return await node.ask(verb="attach", name=name, **NAMES, **more)


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
        assert node.agent.waiting == {}


async def test_of_two_containers_for_one_endpoint_one_is_told_so(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        answers = await asyncio.gather(*(attach(node, netns=node.container(name)) for name in ("one", "two")))
        assert sorted(answer["ok"] for answer in answers) == [False, True]
        assert "plugged in elsewhere" in next(answer["error"] for answer in answers if not answer["ok"])
        assert node.kernel.attached(7) == {1}


async def test_detach_takes_the_port_away_and_tells_the_controller(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        assert (await node.ask(verb="detach", endpoint=1))["ok"]
        assert node.kernel.attached(7) == set()
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [], FACTS)
        assert (await controller.heard("detach"))["endpoint"] == 1
        assert (await node.ask(verb="detach", endpoint=1))["ok"]
        await until(lambda: node.agent.plugs.departed == [])


async def test_an_endpoint_the_spec_drops_loses_its_veth(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        await controller.settle(blue())
        assert node.kernel.attached(7) == set()
        assert node.agent.plugs.endpoints == []
        assert controller.silent("detach")


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


async def test_what_was_detached_meanwhile_is_told_when_the_controller_is_back(
    controller: Controller, node: Node
) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        await controller.close()
        await until(lambda: not node.agent.link.connected)
        await node.ask(verb="detach", endpoint=1)
    again = Node(node.folder, node.kernel.machine)
    assert node.kernel.attached(7) == set()
    await controller.open()
    async with running(again):
        assert (await controller.heard("detach"))["endpoint"] == 1
        await until(lambda: again.agent.plugs.departed == [])


async def depart(controller: Controller, node: Node, *numbers: int) -> None:
    """Detach them while the controller takes its time over the first."""
    controller.quick.clear()
    for number in numbers:
        assert (await node.ask(verb="detach", endpoint=number))["ok"]
    assert (await controller.heard("detach"))["endpoint"] == numbers[0]
    assert node.agent.plugs.departed == list(numbers)


async def test_an_endpoint_that_is_attached_again_is_not_told_to_have_left(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        for number in (1, 2, 3):
            assert (await attach(node, f"web-{number}"))["ok"]
        await depart(controller, node, 1, 2, 3)
        again = asyncio.create_task(attach(node, "web-2"))
        await asyncio.sleep(0.1)  # Behind the first detach, the controller has not come to it.
        controller.places_in_s = 0.1
        controller.quick.set()
        assert (await again)["ok"]
        assert (await controller.heard("detach"))["endpoint"] == 3, "not 2: the controller would unplug it"
        await until(lambda: node.agent.plugs.departed == [])
        assert controller.silent("detach")
        assert node.kernel.attached(7) == {2}


async def test_nor_is_one_whose_spec_is_awaited(controller: Controller, node: Node) -> None:
    placing = Placing(controller)
    async with running(node):
        await controller.connected.wait()
        for number in (1, 2, 3):
            assert (await attach(node, f"web-{number}"))["ok"]
        await depart(controller, node, 1, 2)
        await controller.tell(blue(endpoint(3)))
        await until(lambda: len(node.agent.sections[7]) == 3)
        placing.spec_follows = False
        again = asyncio.create_task(attach(node, "web-2"))
        await asyncio.sleep(0.1)
        controller.quick.set()
        await until(lambda: 2 in node.agent.waiting)
        assert (await node.ask(verb="detach", endpoint=3))["ok"]
        assert (await controller.heard("detach"))["endpoint"] == 3
        await controller.tell(blue(endpoint(2)))
        assert (await again)["ok"]
        assert node.agent.plugs.departed == []
        assert controller.silent("detach")


async def two_attached(controller: Controller, node: Node) -> None:
    await controller.connected.wait()
    for name in ("web-1", "web-2"):
        assert (await attach(node, name))["ok"]


async def drop_and_name_again(controller: Controller, node: Node) -> None:
    """The spec that a detach of 2 led to, and then the one that placing it again did."""
    await controller.tell(blue(endpoint(1)))
    await until(lambda: node.kernel.attached(7) == {1})
    await controller.tell(blue(endpoint(1), endpoint(2)))
    await until(lambda: f"7/endpoint/{2}" in node.agent.applied.items)


async def test_what_is_attached_again_before_its_detach_is_in_the_spec_stays_attached(
    controller: Controller, node: Node
) -> None:
    Placing(controller)
    async with running(node):
        await two_attached(controller, node)
        assert (await node.ask(verb="detach", endpoint=2))["ok"]
        await controller.heard("detach")
        assert (await attach(node, "web-2"))["ok"], "the spec still names it"
        await drop_and_name_again(controller, node)
        assert node.kernel.attached(7) == {1, 2}


async def test_what_was_detached_stays_detached_when_the_spec_names_it_again(
    controller: Controller, node: Node
) -> None:
    Placing(controller)
    async with running(node):
        await two_attached(controller, node)
        await controller.tell(blue(endpoint(1)))
        await until(lambda: node.kernel.attached(7) == {1})
        assert (await node.ask(verb="detach", endpoint=2))["ok"]
        await drop_and_name_again(controller, node)
        assert node.kernel.attached(7) == {1}


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
        assert node.agent.plugs.endpoints == []
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
        assert "has the container ended?" in answer["error"]
        assert node.kernel.attached(7) == set()
        assert node.agent.plugs.endpoints == []
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
        ({"verb": "attach", "netns": "/", "name": "", "tenant": ""}, "Give at least tenant and name"),
        ({"verb": "detach"}, "endpoint"),
    ],
)
async def test_a_request_that_makes_no_sense_gets_a_sentence(
    controller: Controller, node: Node, message: Message, error: str
) -> None:
    async with running(node):
        answer = await node.ask(**message)
        assert answer["ok"] is False
        assert error in answer["error"]
