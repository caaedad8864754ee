"""What outlives the process: the spec, the plugs, and what is in the kernel."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from agent.cache import JOURNAL_BYTES, SpecCache
from agent.kernel.interface import Attachment
from agent.plugs import Plug, PlugStore
from agent.sweep import PERIOD_S
from agent.tests.stage import FACTS, Controller, Node, Placing, attach, blue, endpoint, remote, running, until
from core.plan import Op
from core.render import render
from core.spec import Item, NodeSpec, SpecDelta, by_key
from core.state import Namespace
from core.wire import apply_delta, delta_between, whole


def grown(spec: NodeSpec, items: list[Item]) -> tuple[SpecDelta, NodeSpec]:
    delta = delta_between(spec, by_key(items), spec.revision + 1)
    return delta, apply_delta(spec, delta)


def noted(folder: Path, steps: int = 5) -> list[NodeSpec]:
    """A cache that was written in `steps` steps; the specs after each."""
    cache, spec, specs = SpecCache(folder), NodeSpec(), []
    cache.load()
    for number in range(1, steps + 1):
        delta, spec = grown(spec, blue(*(endpoint(n) for n in range(1, number + 1))))
        cache.note([delta], spec)
        specs.append(spec)
    return specs


def test_an_empty_folder_holds_no_spec(tmp_path: Path) -> None:
    assert SpecCache(tmp_path).load() is None


def test_the_last_spec_noted_is_the_one_loaded(tmp_path: Path) -> None:
    assert SpecCache(tmp_path).load() is None
    assert noted(tmp_path)[-1] == SpecCache(tmp_path).load()


def test_noting_goes_on_after_a_restart(tmp_path: Path) -> None:
    last = noted(tmp_path)[-1]
    cache = SpecCache(tmp_path)
    cache.load()
    delta, spec = grown(last, blue())
    cache.note([delta], spec)
    assert SpecCache(tmp_path).load() == spec


def test_killed_at_any_byte_of_the_journal_an_earlier_spec_is_there_and_can_be_continued(tmp_path: Path) -> None:
    specs = noted(tmp_path)
    journal = tmp_path / "spec.journal"
    content = journal.read_bytes()
    seen = set()
    for length in range(len(content)):
        journal.write_bytes(content[:length])
        cache = SpecCache(tmp_path)
        spec = cache.load()
        assert spec in specs
        seen.add(spec.revision)
        delta, after = grown(spec, blue(remote(99)))
        cache.note([delta], after)
        assert SpecCache(tmp_path).load() == after
    assert seen == {1, 2, 3, 4}


def test_killed_between_the_whole_spec_and_its_journal_the_old_journal_is_not_believed(tmp_path: Path) -> None:
    noted(tmp_path)
    old = (tmp_path / "spec.journal").read_bytes()
    other = apply_delta(NodeSpec(), whole(grown(NodeSpec(), blue(remote(50)))[1]))
    cache = SpecCache(tmp_path)
    cache.load()
    cache.note([whole(other)], other)
    (tmp_path / "spec.journal").write_bytes(old)
    assert SpecCache(tmp_path).load() == other


def test_an_altered_line_ends_the_journal_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    specs = noted(tmp_path)
    journal = tmp_path / "spec.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"20.1.1.3", b"20.1.1.4")
    journal.write_bytes(b"".join(lines))
    assert SpecCache(tmp_path).load() == specs[1]
    assert "cut after revision 2: a line is torn or altered" in caplog.text


def test_what_could_not_be_noted_is_made_good_by_what_is_noted_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes half a line, or none, and has room again: what follows must not stand on what is missing."""

    def full(handle: int) -> None:
        os.ftruncate(handle, os.fstat(handle).st_size - 10)
        raise OSError(errno.ENOSPC, "No space left on device")

    last = noted(tmp_path)[-1]
    cache = SpecCache(tmp_path)
    cache.load()
    delta, lost = grown(last, blue(remote(50)))
    with monkeypatch.context() as disk, pytest.raises(OSError, match="No space"):
        disk.setattr("agent.cache.os.fdatasync", full)
        cache.note([delta], lost)
    assert SpecCache(tmp_path).load() == last
    for number in (51, 52):
        delta, lost = grown(lost, blue(remote(number)))
        cache.note([delta], lost)
    assert SpecCache(tmp_path).load() == lost


@pytest.mark.parametrize("damage", [b"", b"{}", b"0" * 64 + b"\n{}", "größer".encode("latin-1")])
def test_a_broken_cache_is_set_aside_and_said(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    noted(tmp_path)
    (tmp_path / "spec.json").write_bytes(damage)
    assert SpecCache(tmp_path).load() is None
    assert "set aside" in caplog.text
    assert [path.read_bytes() for path in tmp_path.glob("spec.json.broken-*")] == [damage]


def test_the_journal_does_not_grow_for_ever(tmp_path: Path) -> None:
    cache, spec = SpecCache(tmp_path), NodeSpec()
    cache.load()
    largest = 0
    for number in range(1500):
        delta, spec = grown(spec, blue(endpoint(1 + number % 2), remote(100 + number % 50)))
        cache.note([delta], spec)
        journal = tmp_path / "spec.journal"
        largest = max(largest, journal.stat().st_size if journal.exists() else 0)
    assert JOURNAL_BYTES / 2 < largest <= JOURNAL_BYTES
    assert SpecCache(tmp_path).load() == spec


def test_plugs_and_departures_are_read_back(tmp_path: Path) -> None:
    store = PlugStore(tmp_path)
    store.add([Plug(7, 1, "/run/netns/a", "eth0", "4:1"), Plug(7, 2, "/run/netns/b")])
    store.remove([2], tell=True)
    again = PlugStore(tmp_path)
    again.load()
    assert again.of(7) == {1: Plug(7, 1, "/run/netns/a", "eth0", "4:1")}
    assert again.departed == [2]


def test_a_plug_that_was_foreseen_is_read_back_and_forgotten_with_its_endpoint(tmp_path: Path) -> None:
    store = PlugStore(tmp_path)
    note_first, note_second = (store.foresee(Plug(7, endpoint, "/run/netns/a")) for endpoint in (1, 2))
    note_second()
    note_first()  # Older than what is written already: it must not undo that.
    assert read_back(tmp_path) == [1, 2]
    assert store.endpoints == []
    store.add([Plug(7, 1, "/run/netns/a")])
    store.remove([2], tell=False)
    assert read_back(tmp_path) == store.endpoints == [1]


def test_an_endpoint_that_was_foreseen_again_has_not_left(tmp_path: Path) -> None:
    store = PlugStore(tmp_path)
    store.remove([1, 2], tell=True)
    store.foresee(Plug(7, 1, "/run/netns/a"))()
    again = PlugStore(tmp_path)
    again.load()
    assert (again.endpoints, again.departed) == ([1], [2])


def read_back(folder: Path) -> list[int]:
    store = PlugStore(folder)
    store.load()
    return store.endpoints


def test_broken_plugs_are_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    PlugStore(tmp_path).add([Plug(7, 1, "/run/netns/a")])
    (tmp_path / "plugs.json").write_text("[]")
    store = PlugStore(tmp_path)
    store.load()
    assert store.endpoints == []
    assert "plugs.json" in caplog.text


@pytest.mark.asyncio
async def test_without_a_controller_the_last_spec_is_enforced(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1), remote(2)))
    await controller.close()
    node.kernel.machine.spaces.clear()  # The machine was started anew.
    again = Node(node.folder, node.kernel.machine)
    async with running(again):
        assert again.kernel.observe(7) == render(blue(endpoint(1), remote(2)), [], FACTS)
        status = (await again.ask(verb="status"))["status"]
        assert (status["connected"], status["revision"], status["tenants"]) == (False, 1, {"7": "in sync"})
        assert status["problem"].startswith("The controller is away since ")


@pytest.mark.asyncio
async def test_a_restart_changes_nothing_in_the_kernel(controller: Controller, node: Node) -> None:
    controller.place = lambda message: {"ok": True, "endpoint": {"id": 1, "name": "web-1", "tenant": 7}}
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        names = {"tenant": "blue", "network": "front", "group": "web", "name": "web-1"}
        assert (await node.ask(verb="attach", netns=node.container("c1"), **names))["ok"]
    again = Node(node.folder, node.kernel.machine)
    async with running(again):
        await controller.heard("hello")
        assert (await controller.heard("hello"))["revision"] == 1
        ack = await controller.heard("ack")
        while not again.agent.link.connected:
            await asyncio.sleep(0.01)
        assert ack["revision"] == 1
        await again.agent.sweep(7)
        assert again.ops() == []
        assert again.agent.last_drift is None
        assert again.kernel.attached(7) == {1}
        assert again.agent.attached == [1]


@pytest.mark.asyncio
async def test_without_a_cache_ports_that_are_found_are_kept(controller: Controller, node: Node) -> None:
    controller.place = lambda message: {"ok": True, "endpoint": {"id": 1, "name": "web-1", "tenant": 7}}
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue(endpoint(1)))
        names = {"tenant": "blue", "network": "front", "group": "web", "name": "web-1"}
        assert (await node.ask(verb="attach", netns=node.container("c1"), **names))["ok"]
    for name in ("spec.json", "plugs.json"):
        (node.folder / name).unlink()
    again = Node(node.folder, node.kernel.machine)
    async with running(again):
        await until(lambda: again.agent.applied.revision == 1)
        assert again.ops() == []
        assert again.kernel.attached(7) == {1}


@pytest.mark.asyncio
async def test_a_container_that_took_the_place_of_another_meanwhile_is_not_plugged_in(
    controller: Controller, node: Node
) -> None:
    """After the machine was started anew: at the same path, and with no veth, stands somebody else."""
    Placing(controller)
    async with running(node):
        await controller.connected.wait()
        assert (await attach(node))["ok"]
    node.kernel.machine.spaces.clear()
    (other := node.folder / "other").touch()
    other.replace(node.container("c-web-1"))
    again = Node(node.folder, node.kernel.machine)
    made: list[Attachment] = []
    again.kernel.attach = lambda _, attachment: made.append(attachment)  # type: ignore[method-assign]
    async with running(again):
        assert (await controller.heard("detach", within=2 * PERIOD_S))["endpoint"] == 1
        assert (made, again.agent.attached) == ([], [])


@pytest.mark.asyncio
async def test_stale_tenants_go_after_the_cache_is_enforced(controller: Controller, node: Node) -> None:
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
    await controller.close()
    node.kernel.apply(9, [Op("create", new=Namespace())])
    again = Node(node.folder, node.kernel.machine)
    async with running(again):
        assert again.kernel.tenants() == {7}


@pytest.mark.asyncio
async def test_killed_before_a_step_was_applied_the_next_start_applies_it(controller: Controller, node: Node) -> None:
    """The journal has the step, the kernel has not, the controller was not answered."""
    async with running(node):
        await controller.connected.wait()
        await controller.settle(blue())
    await controller.close()
    cache = SpecCache(node.folder)
    spec = cache.load()
    assert spec is not None
    delta, after = grown(spec, blue(endpoint(1)))
    cache.note([delta], after)
    again = Node(node.folder, node.kernel.machine)
    async with running(again):
        assert again.kernel.observe(7) == render(blue(endpoint(1)), [], FACTS)
