from __future__ import annotations

from pathlib import Path

import pytest

from core.model import ICMP, TCP
from lab import fabric, namespace, sandbox
from lab.probe import Probe, run
from lab.tests.conftest import shell

#: Times a probe is sent before a link counts as dead.
TRIES = 5


def test_nodes_are_numbered_and_have_addresses_of_test_net_1(tmp_path: Path) -> None:
    assert [(n.name, n.vtep) for n in fabric.nodes(2, tmp_path)] == [("node-1", "192.0.2.1"), ("node-2", "192.0.2.2")]


@pytest.mark.parametrize("count", [-1, 251])
def test_more_nodes_than_addresses_are_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match="0 to 250 nodes"):
        fabric.nodes(count, tmp_path)


def test_outside_a_sandbox_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(sandbox.MARK, raising=False)
    with pytest.raises(RuntimeError, match="in a sandbox only"):
        fabric.build(fabric.nodes(1, tmp_path), 1500)


@pytest.mark.kernel
@pytest.mark.asyncio
async def test_nodes_reach_each_other_over_the_underlay(tmp_path: Path) -> None:
    one, two = nodes = fabric.nodes(2, tmp_path)
    fabric.build(nodes, 1600)
    try:
        probes = [Probe(one.netns, two.netns, two.vtep, protocol, port) for protocol, port in ((ICMP, None), (TCP, 80))]
        # On a busy machine a link that was just made carries nothing for a moment.
        tries = [await run(probes)]
        while tries[-1] != ["answered", "answered"] and len(tries) < TRIES:
            tries.append(await run(probes))
        assert tries[-1] == ["answered", "answered"], tries
        assert "mtu 1600" in shell("ip", "link", "show", "up0", at=one.netns)
    finally:
        shell("ip", "link", "del", fabric.UNDERLAY)
        for node in nodes:
            namespace.remove(node.netns)


@pytest.mark.kernel
def test_a_namespace_has_its_loopback_up_and_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "ns"
    namespace.create(path)
    try:
        assert "LOOPBACK,UP" in shell("ip", "link", "show", "lo", at=path)
        with pytest.raises(FileExistsError):
            namespace.create(path)
    finally:
        namespace.remove(path)
    assert not path.exists()
    namespace.remove(path)
