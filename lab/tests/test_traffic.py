from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from core.model import TCP
from lab import fabric, traffic
from lab.containers import Container, Socket
from lab.ears import Ears
from lab.probe import Probe
from lab.tests.conftest import Wire, shell
from lab.traffic import Traffic, transfer

pytestmark = pytest.mark.asyncio


class Plugged:
    """A container that is plugged in, as far as the source of traffic looks at it."""

    def __init__(self, tenant: str, name: str, ip4: str) -> None:
        self.container = Container(name, tenant, "net", "group", "node-1")
        self.addresses = {"ip4": ip4}


def plugged(*names: str) -> list[Socket]:
    made = [Plugged(*name.split("/"), ip4=f"20.1.1.{n}") for n, name in enumerate(names, 1)]
    return cast(list[Socket], made)


async def test_flows_stay_inside_a_tenant_and_are_few() -> None:
    containers = plugged("blue/a", "blue/b", "blue/c", "green/a", "green/b")
    source = Traffic(lambda: containers, Ears())
    for _ in range(50):
        flows = source.choose()
        assert len(flows) == traffic.FLOWS_PER_ROUND
        for flow in flows:
            assert flow.source.name.split(".")[0] == flow.destination.name.split(".")[0]
            assert flow.source != flow.destination


async def test_without_two_containers_there_is_no_traffic_and_no_error() -> None:
    for containers in (plugged(), plugged("blue/a", "green/a")):
        source = Traffic(lambda containers=containers: containers, Ears())
        assert source.choose() == []
        await source.round()


async def test_it_is_quiet_while_somebody_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "ROUND_S", 0.01)
    rounds = []

    class Counting(Traffic):
        async def round(self) -> None:
            rounds.append(1)

    source = Counting(list, Ears())
    keeping = asyncio.create_task(source.keep())
    async with source.quiet:
        await asyncio.sleep(0.1)
        assert rounds == []
    await asyncio.sleep(0.1)
    assert rounds
    keeping.cancel()


@pytest.mark.kernel
async def test_a_transfer_carries_what_it_is_told(wire: Wire) -> None:
    ears = Ears()
    flow = Probe(wire.a, wire.b, wire.b4, TCP, 5432)
    async with ears.at(flow.places):
        before = received(wire.b)
        await transfer(flow, 40_000)
        await asyncio.sleep(0.1)
    assert 40_000 < received(wire.b) - before < 50_000


def received(place: Path) -> int:
    return int(shell("cat", "/proc/self/net/dev", at=place).split("w1:")[1].split()[0])


async def test_a_container_has_a_namespace_named_after_tenant_and_name() -> None:
    assert Container("web-1", "blue", "net", "web", "node-1").netns == fabric.RUN / "containers" / "blue.web-1"
