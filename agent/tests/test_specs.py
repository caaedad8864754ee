"""What is told becomes what is there: the first spec, deltas, what cannot be taken, what one tenant refuses."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agent.kernel.interface import ApplyError
from agent.tests.stage import FACTS, Controller, Node, blue, endpoint, network, remote, running, tenant, until
from core.plan import Op
from core.render import render
from core.spec import Item, NodeSpec
from core.state import Namespace
from core.wire import encode_delta, whole

pytestmark = pytest.mark.asyncio


def green(*more: Item) -> list[Item]:
    return [tenant(8, name="green"), network(8), *more]


async def test_the_first_spec_is_in_the_kernel_when_it_is_acknowledged(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        ack = await controller.settle(blue(endpoint(1), remote(2)))
        assert (ack["digest"], ack["refused"]) == (controller.spec.digest, {})
        assert ack["took_ms"] > 0
        assert node.kernel.observe(7) == render(controller.spec.items.values(), [], FACTS)


async def test_nothing_is_touched_before_the_first_spec(controller: Controller, node: Node) -> None:
    node.kernel.machine.spaces.clear()
    node.kernel.apply(9, [Op("create", new=Namespace())])
    node.kernel.applied.clear()
    await controller.close()
    async with running(node):
        await asyncio.sleep(0.3)
        await node.agent.sweep_stale()
        assert node.kernel.applied == []
        assert node.kernel.tenants() == {9}


async def test_what_no_spec_names_is_swept_after_the_first_one(controller: Controller, node: Node) -> None:
    node.kernel.apply(9, [Op("create", new=Namespace())])
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        await until(lambda: node.kernel.tenants() == {7})


async def test_a_delta_touches_only_what_it_names(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)) + green(endpoint(3, owner=8)))
        node.kernel.applied.clear()
        await controller.settle(blue(endpoint(1), remote(2)) + green(endpoint(3, owner=8)))
        assert [owner for owner, _ in node.kernel.applied] == [7]
        before = render(blue(endpoint(1)), [], FACTS)
        after = render(blue(endpoint(1), remote(2)), [], FACTS)
        assert {op.subject.key for op in node.ops()} == after.keys() - before.keys()


async def test_the_same_spec_again_costs_no_op(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        node.kernel.applied.clear()
        await controller.send({"type": "spec", "delta": encode_delta(whole(controller.spec))})
        assert (await controller.heard("ack"))["revision"] == 1
        assert node.ops() == []


async def test_a_delta_on_an_unknown_base_is_answered_with_the_whole(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        # A step that never arrived: the next one builds on a revision the node has not seen.
        controller.spec = replace(controller.spec, revision=41)
        await controller.tell(blue(endpoint(1)), revision=42)
        nack = await controller.heard("nack")
        assert nack["revision"] == 42
        assert "builds on revision 41" in nack["reason"]
        assert (await controller.heard("ack"))["revision"] == 42
        assert node.agent.spec == controller.spec


async def test_steps_behind_one_that_could_not_be_taken_are_not_refused_each(
    controller: Controller, node: Node
) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        controller.spec = replace(controller.spec, revision=41)
        for number in range(1, 6):
            await controller.tell(blue(*(endpoint(n) for n in range(1, number + 1))))
        await until(lambda: node.agent.applied.revision == controller.spec.revision)
        await controller.heard("nack")
        assert controller.silent("nack")


async def test_what_is_no_spec_is_refused_with_the_place_of_the_fault(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        bad = encode_delta(whole(NodeSpec(2, "0" * 64)))
        await controller.send({"type": "spec", "delta": {**bad, "upsert": [{"kind": "tunnel"}]}})
        assert "delta.upsert[0].kind: 'tunnel' is unknown" in (await controller.heard("nack"))["reason"]
        assert node.kernel.tenants() == {7}


async def test_steps_that_wait_become_one(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        node.kernel.applied.clear()
        node.kernel.machine.lock.acquire()  # The kernel is slow: whoever applies waits for us.
        try:
            await controller.tell(blue(endpoint(1)))
            await asyncio.sleep(0.1)
            for number in range(2, 30):
                await controller.tell(blue(*(endpoint(n) for n in range(1, number + 1))))
            await asyncio.sleep(0.2)
        finally:
            node.kernel.machine.lock.release()
        assert (await controller.heard("ack"))["revision"] == 2
        assert (await controller.heard("ack"))["revision"] == controller.spec.revision
        assert len(node.kernel.applied) == 2
        assert node.kernel.observe(7) == render(controller.spec.items.values(), [], FACTS)


async def test_a_refused_network_holds_up_neither_its_tenant_nor_another(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue() + green())
        vlan = replace(network(), id=9, encap="vlan")
        ack = await controller.settle([*blue(endpoint(1)), vlan, *green(endpoint(3, owner=8))])
        assert list(ack["refused"]) == ["7"]
        assert "cannot tag frames" in ack["refused"]["7"]
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [], FACTS)
        assert node.kernel.observe(8) == render(green(endpoint(3, owner=8)), [], FACTS)
        ack = await controller.settle(blue(endpoint(1)) + green(endpoint(3, owner=8)))
        assert ack["refused"] == {}


async def test_a_refused_tenant_is_tried_again_and_the_controller_hears_of_it(
    controller: Controller, node: Node
) -> None:
    async with running(node):
        await controller.connected.wait()
        ack = await controller.settle([tenant(), replace(network(), encap="vlan")])
        assert ack["refused"]
        node.kernel.vlan = True
        assert (await controller.heard("ack", within=15.0))["refused"] == {}
        assert node.kernel.observe(7) == render(controller.spec.items.values(), [], FACTS)


async def test_a_kernel_that_says_no_once_is_looked_at_and_told_again(controller: Controller, node: Node) -> None:
    said: list[Op] = []

    def once(op: Op) -> str | None:
        if said:
            return None
        said.append(op)
        return "Device or resource busy."

    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
        node.kernel.refuse = once
        ack = await controller.settle(blue(endpoint(1)))
        assert said
        assert ack["refused"] == {}
        assert node.kernel.observe(7) == render(blue(endpoint(1)), [], FACTS)


async def test_a_fault_of_the_agent_itself_refuses_one_tenant_only(controller: Controller, node: Node) -> None:
    def fault(op: Op) -> str | None:
        if op.subject.key[0] == "neighbour":
            raise ZeroDivisionError("no kernel error")
        return None

    async with running(node):
        await controller.connected.wait()
        node.kernel.refuse = fault
        ack = await controller.settle(blue(endpoint(1)) + green())
        assert list(ack["refused"]) == ["7"]
        assert "ZeroDivisionError" in ack["refused"]["7"]
        assert node.kernel.observe(8) == render(green(), [], FACTS)


async def test_a_tenant_that_left_the_node_leaves_the_kernel(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue() + green())
        await controller.settle(green())
        assert node.kernel.tenants() == {8}
        assert node.agent.tenants == [8]


async def test_counters_and_denied_packets_are_told(controller: Controller, node: Node) -> None:
    from agent.kernel.interface import Denied

    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        report = await controller.heard("report")
        while not report["tenants"]:
            report = await controller.heard("report")
        assert report["tenants"]["7"] == {"rules": {}, "endpoints": {}, "denied": 0, "spoofed": 0}
        for port in (1, 2, 3):
            node.kernel.machine.logs[7].note(Denied(7, "20.1.1.1", "20.1.1.2", 6, 40000 + port, 22))
        flows = (await controller.heard("denied"))["flows"]
        assert [(flow["source"], flow["destination_port"], flow["count"]) for flow in flows] == [("20.1.1.1", 22, 3)]


async def test_a_tenant_that_cannot_be_observed_is_refused_with_the_reason(controller: Controller, node: Node) -> None:
    def unreadable(number: int) -> dict[tuple[str, ...], object]:
        raise ApplyError(f"nft cannot list the tables of tenant {number}.")

    node.kernel.observe = unreadable  # type: ignore[method-assign, assignment]
    async with running(node):
        await controller.connected.wait()
        assert (await controller.settle(blue()))["refused"] == {"7": "nft cannot list the tables of tenant 7."}
