"""What is changed behind the agent's back is found, set right, and told; its own changes and a container's end are not
drift."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from agent.sweep import PERIOD_S, Sweeper
from agent.tests.stage import FACTS, Controller, Node, Placing, attach, blue, endpoint, network, remote, running, until
from core.plan import Op
from core.render import render
from core.state import Bridge, Namespace, Neighbour, by_key

pytestmark = pytest.mark.asyncio

NEIGHBOUR = ("neighbour", "br7", "20.1.1.2")


async def test_a_lost_object_is_set_right_and_told(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1), remote(2)))
        begun = time.time()
        node.kernel.tamper(7, delete=NEIGHBOUR)
        drift = await controller.heard("drift", within=PERIOD_S / 2)
        assert drift["tenant"] == 7
        assert drift["difference"] == ["The neighbour br7 20.1.1.2 was missing."]
        assert begun <= drift["found_at"] <= drift["healed_at"] <= time.time()
        assert drift["problem"] == ""
        assert node.kernel.observe(7) == render(controller.spec.items.values(), [], FACTS)
        assert (await node.ask(verb="status"))["status"]["last_drift"]["difference"] == drift["difference"]


async def test_a_change_nobody_announced_is_found_by_the_sweep(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        stranger = Neighbour("br7", "20.1.1.66", "02:00:00:00:00:66")
        node.kernel.space(7).put(stranger)
        drift = await controller.heard("drift", within=2 * PERIOD_S)
        assert drift["difference"] == ["The neighbour br7 20.1.1.66 was there though nothing asks for it."]
        assert stranger.key not in node.kernel.observe(7)


async def test_many_differences_are_counted_not_listed(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(*(remote(n) for n in range(1, 60))))
        node.kernel.tamper(7, delete=Namespace().key)
        difference = (await controller.heard("drift", within=2 * PERIOD_S))["difference"]
        missing = len(render(controller.spec.items.values(), [], FACTS))
        assert difference[0] == "The namespace was missing."
        assert difference[20:] == [f"And {missing - 20} more."]
        assert node.kernel.observe(7) == render(controller.spec.items.values(), [], FACTS)


async def test_own_changes_are_no_drift(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        for number in range(1, 30):
            await controller.settle(blue(*(endpoint(n) for n in range(1, number + 1))))
        await asyncio.sleep(0.5)
        assert controller.silent("drift")


async def test_a_veth_that_was_deleted_is_made_again(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        node.kernel.tamper(7, delete=("link", "ep1"))
        drift = await controller.heard("drift")
        assert drift["difference"][0] == "The veth of endpoint 1 was gone."
        assert drift["healed_at"]
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [1], FACTS)


async def test_a_namespace_that_was_deleted_is_rebuilt_with_its_ports(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node, "web-1")
        await attach(node, "web-2")
        node.kernel.tamper(7, delete=Namespace().key)
        drift = await controller.heard("drift", within=2 * PERIOD_S)
        assert drift["difference"][:2] == ["The veth of endpoint 1 was gone.", "The veth of endpoint 2 was gone."]
        assert drift["problem"] == ""
        assert node.kernel.observe(7) == render(blue(endpoint(1), endpoint(2)), [1, 2], FACTS)
        # The new namespace is watched like the old one, once the sweep that rebuilt it has ended.
        await until(lambda: 7 in node.agent.watches)
        node.kernel.tamper(7, delete=("neighbour", "br7", "20.1.1.1"))
        await controller.heard("drift", within=PERIOD_S / 2)


async def test_a_container_that_ended_is_unplugged_and_no_drift(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node, "web-1")
        await attach(node, "web-2")
        Path(node.container("c-web-1")).unlink()
        node.kernel.tamper(7, delete=("link", "ep1"))
        assert (await controller.heard("detach"))["endpoint"] == 1
        assert node.kernel.observe(7) == render(blue(endpoint(1), endpoint(2)), [2], FACTS)
        assert controller.silent("drift")
        assert node.agent.attached == [2]


async def test_another_container_at_the_same_path_does_not_inherit_the_port(controller: Controller, node: Node) -> None:
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        await attach(node)
        path = Path(node.container("c-web-1"))
        other = path.with_name("other")
        other.touch()
        other.replace(path)
        node.kernel.tamper(7, delete=("link", "ep1"))
        assert (await controller.heard("detach"))["endpoint"] == 1
        assert node.kernel.attached(7) == set()


async def test_what_cannot_be_healed_is_told_once_with_the_reason(controller: Controller, node: Node) -> None:
    def no_neighbours(op: Op) -> str | None:
        return "No space left in the neighbour table." if op.new is not None and op.new.key == NEIGHBOUR else None

    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(remote(2)))
        node.kernel.refuse = no_neighbours
        node.kernel.tamper(7, delete=NEIGHBOUR)
        drift = await controller.heard("drift")
        assert (drift["healed_at"], drift["problem"]) == (None, "No space left in the neighbour table.")
        await node.agent.sweep(7)
        assert controller.silent("drift")
        assert (node.agent.drifting, node.agent.status()["tenants"]) == ([7], {"7": "differs"})
        node.kernel.refuse = None
        assert (await controller.heard("drift", within=2 * PERIOD_S))["healed_at"]
        assert (node.agent.drifting, node.agent.status()["tenants"]) == ([], {"7": "in sync"})
        assert node.kernel.observe(7) == render(blue(remote(2)), [], FACTS)


async def test_what_somebody_keeps_undoing_is_told_as_a_problem(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(remote(2)))
        apply = node.kernel.apply

        def undone(tenant: int, ops: tuple[Op, ...], *_: object) -> None:
            apply(tenant, ops)
            node.kernel.space(7).remove(NEIGHBOUR)

        node.kernel.apply = undone  # type: ignore[method-assign, assignment]
        node.kernel.tamper(7, delete=NEIGHBOUR)
        drift = await controller.heard("drift")
        assert drift["healed_at"] is None
        assert drift["problem"].startswith("It was set right and differs again: The neighbour")


async def test_drift_found_while_the_controller_is_away_is_told_later(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(remote(2)))
        await controller.close()
        await until(lambda: not node.agent.link.connected)
        node.kernel.tamper(7, delete=NEIGHBOUR)
        await until(lambda: node.agent.last_drift is not None)
        await controller.open()
        assert (await controller.heard("drift"))["difference"] == ["The neighbour br7 20.1.1.2 was missing."]


async def test_a_refused_tenant_is_still_guarded_as_it_was(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(remote(2)))
        ack = await controller.settle([*blue(remote(2)), network(9, encap="vlan", owner=7)])
        assert ack["refused"]
        node.kernel.tamper(7, create=Bridge("br99", "02:00:00:00:00:99", 1500))
        assert (await controller.heard("drift"))["healed_at"]
        assert node.kernel.observe(7) == by_key(list(render(blue(remote(2)), [], FACTS).values()))


class Busy:
    """A tenant that never rests; a look at it takes 20 ms."""

    tenants = [7]
    refused: dict[int, str] = {}

    def __init__(self) -> None:
        self.sweeps = 0

    async def sweep(self, tenant: int) -> None:
        self.sweeps += 1
        await asyncio.sleep(0.02)

    async def sweep_stale(self) -> None:
        pass

    async def retry(self, tenant: int) -> bool:
        return True


async def test_a_namespace_that_never_rests_does_not_take_all_the_time() -> None:
    busy = Busy()
    sweeper = Sweeper(busy)
    work = asyncio.create_task(sweeper.run())
    for _ in range(100):
        sweeper.wake(7)
        await asyncio.sleep(0.015)
    work.cancel()
    assert 2 <= busy.sweeps <= 5
