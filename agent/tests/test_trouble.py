"""Trouble on the node itself: a disk that takes nothing, a kernel that cannot be looked into. What can be done all the
same is done, for every tenant, and what cannot be is said."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace

import pytest

from agent.kernel.interface import ApplyError
from agent.sweep import PERIOD_S
from agent.tests.stage import (
    FACTS,
    Controller,
    Node,
    Placing,
    attach,
    blue,
    endpoint,
    network,
    remote,
    running,
    tenant,
    until,
)
from core.render import render
from core.ruleset import NftObject
from core.spec import Item
from core.state import Bridge

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


async def test_a_tenant_refused_since_the_start_is_guarded_as_it_stands(controller: Controller, node: Node) -> None:
    """What an earlier process left keeps its policy though the newest spec cannot be made, and nothing was held yet."""
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        assert (await controller.settle([*blue(endpoint(1)), network(9, encap="vlan", owner=7)]))["refused"]
    again = Node(node.folder, node.kernel.machine)
    async with running(again):
        await until(lambda: again.agent.link.connected)
        assert again.agent.refused
        await asyncio.sleep(0.3)
        assert controller.silent("drift"), "what cannot be made is not drift"
        policy = {key: thing for key, thing in again.kernel.observe(7).items() if isinstance(thing, NftObject)}
        again.kernel.tamper(7, delete=("table", "inet", "contiv"))
        drift = await controller.heard("drift", within=PERIOD_S / 2)
        assert drift["difference"][0].endswith("was missing.") and drift["healed_at"] and not drift["problem"]
        after = again.kernel.observe(7)
        assert {key: after.get(key) for key in policy} == policy
        assert again.agent.refused


async def test_what_was_in_the_way_of_a_tenant_refused_since_the_start_is_told_when_it_is_gone(
    controller: Controller, node: Node
) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
    again = Node(node.folder, node.kernel.machine)
    again.kernel.tamper(7, delete=("chain", "inet", "input"))
    again.kernel.refuse = lambda op: "No buffer space." if op.new and op.new.key == ("chain", "inet", "input") else None
    async with running(again):
        await until(lambda: again.agent.refused == {7: "No buffer space."})
        while not (await controller.heard("ack"))["refused"]:
            pass
        again.kernel.tamper(7, create=Bridge("br99", "02:00:00:00:00:99", 1500))
        drift = await controller.heard("drift", within=PERIOD_S / 2)
        assert (drift["healed_at"], drift["problem"]) == (None, "No buffer space.")
        again.kernel.refuse = None
        again.kernel.tamper(7, create=Bridge("br98", "02:00:00:00:00:98", 1500))
        assert (await controller.heard("drift", within=PERIOD_S / 2))["healed_at"]
        while (await controller.heard("ack"))["refused"]:
            pass
        assert again.kernel.observe(7) == render(blue(), [], FACTS)


async def test_a_network_that_cannot_be_made_holds_up_nothing_else_of_its_tenant(
    controller: Controller, node: Node
) -> None:
    Placing(controller)
    tagged = [network(number, encap="vlan", owner=7) for number in (9, 10)]
    beyond = replace(remote(3), network=9, group=5, ip4="20.1.9.3")
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        ack = await controller.settle([tenant(epoch=2), network(), *tagged, remote(2), beyond])
        assert all(f"VLAN {tag} cannot be made" in ack["refused"]["7"] for tag in (109, 110))
        assert (await attach(node))["ok"], "in the network that is there"
        await node.agent.sweep(7)  # After what attach began has come to its end.
        expected = render([tenant(epoch=2), network(), remote(2), beyond, endpoint(1)], [1], FACTS)
        assert node.kernel.observe(7) == expected
        assert expected["element", "inet", "group4", "20.1.9.3"], "what comes from there is judged all the same"
        node.kernel.tamper(7, delete=("neighbour", "br7", "20.1.1.2"))
        assert (await controller.heard("drift", within=PERIOD_S / 2))["difference"] == [
            "The neighbour br7 20.1.1.2 was missing."
        ]
        node.kernel.vlan = True
        assert await node.agent.retry(7)
        assert node.kernel.observe(7) == render(controller.spec.items.values(), [1], FACTS)


async def test_a_network_that_is_there_in_another_form_stays_so(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        assert (await controller.settle([tenant(epoch=2), network(encap="vlan"), endpoint(1)]))["refused"]
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [], FACTS)
