"""Trouble on the node itself: a disk that takes nothing, a kernel that cannot be looked into. What can be done all the
same is done, for every tenant, and what cannot be is said."""

from __future__ import annotations

import errno

import pytest

from agent.kernel.interface import ApplyError
from agent.tests.stage import (
    FACTS,
    Controller,
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
from core.render import render
from core.spec import Item

pytestmark = pytest.mark.asyncio


def green(*more: Item) -> list[Item]:
    return [tenant(8, name="green"), network(8), *more]


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("agent.plugs.write_sealed", full)


async def test_containers_come_and_go_while_the_disk_is_full(
    controller: Controller, node: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node, "web-1"))["ok"]
        full_disk(monkeypatch)
        assert (await attach(node, "web-2"))["ok"]
        assert node.kernel.observe(7) == render(blue(endpoint(1), endpoint(2)), [1, 2], FACTS)
        assert (await node.ask(verb="detach", endpoint=1))["ok"]
        assert node.kernel.attached(7) == {2}
        assert (await controller.heard("detach"))["endpoint"] == 1
        assert "cannot be kept on disk (No space left on device)" in caplog.text
        monkeypatch.undo()
        assert (await attach(node, "web-3"))["ok"]
    again = Node(node.folder, node.kernel.machine)
    again.agent.presence.plugs.load()
    assert again.agent.attached == [2, 3]


async def test_what_the_spec_drops_while_the_disk_is_full_is_unplugged_and_acknowledged(
    controller: Controller, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node))["ok"]
        full_disk(monkeypatch)
        await controller.settle(blue())
        assert (node.kernel.attached(7), node.agent.attached) == (set(), [])
        assert controller.silent("nack")


async def test_a_tenant_that_cannot_be_looked_into_holds_up_no_other_and_is_tried_again(
    controller: Controller, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.sweep.PERIOD_S", 0.5)
    attached = node.kernel.attached

    def blind(number: int) -> set[int]:
        if number == 7:
            raise ApplyError("The program ip could not list: out of memory.")
        return attached(number)

    node.kernel.attached = blind  # type: ignore[method-assign]
    async with running(node):
        await controller.connected.wait()
        ack = await controller.settle([*blue(), *green()])
        assert ack["refused"] == {"7": "The program ip could not list: out of memory."}
        assert node.kernel.observe(8) == render(green(), [], FACTS)
        node.kernel.attached = attached  # type: ignore[method-assign]
        await until(lambda: not node.agent.refused)
        assert node.kernel.observe(7) == render(blue(), [], FACTS)


async def test_ports_of_a_tenant_that_could_not_be_looked_into_at_first_are_kept(
    controller: Controller, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.sweep.PERIOD_S", 0.5)
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node))["ok"]
    (node.folder / "plugs.json").unlink()
    again = Node(node.folder, node.kernel.machine)
    attached, blind = again.kernel.attached, [True]

    def look(number: int) -> set[int]:
        if blind:
            blind.pop()
            raise ApplyError("The program ip could not list: out of memory.")
        return attached(number)

    again.kernel.attached = look  # type: ignore[method-assign]
    async with running(again):
        await until(lambda: not blind and not again.agent.refused)
        assert again.kernel.attached(7) == {1}
        assert again.agent.attached == [1]
