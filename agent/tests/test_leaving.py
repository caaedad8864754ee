"""Endpoints leave: detached through the local socket, or dropped by the spec. The controller is told of it, and an
endpoint that comes back at once is not lost."""

from __future__ import annotations

import asyncio

import pytest

from agent.tests.stage import FACTS, Controller, Node, Placing, attach, blue, endpoint, running, until
from core.render import render

pytestmark = pytest.mark.asyncio


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
        await until(lambda: node.agent.presence.plugs.departed == [])


async def test_an_endpoint_the_spec_drops_loses_its_veth(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        await controller.settle(blue())
        assert node.kernel.attached(7) == set()
        assert node.agent.attached == []
        assert controller.silent("detach")


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
        await until(lambda: again.agent.presence.plugs.departed == [])


async def depart(controller: Controller, node: Node, *numbers: int) -> None:
    """Detach them while the controller takes its time over the first."""
    controller.quick.clear()
    for number in numbers:
        assert (await node.ask(verb="detach", endpoint=number))["ok"]
    assert (await controller.heard("detach"))["endpoint"] == numbers[0]
    assert node.agent.presence.plugs.departed == list(numbers)


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
        await until(lambda: node.agent.presence.plugs.departed == [])
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
        await until(lambda: node.agent.presence.awaited(2))
        assert (await node.ask(verb="detach", endpoint=3))["ok"]
        assert (await controller.heard("detach"))["endpoint"] == 3
        await controller.tell(blue(endpoint(2)))
        assert (await again)["ok"]
        assert node.agent.presence.plugs.departed == []
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
