"""A real agent process over the machine's own kernel, killed again and again under traffic."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from agent.kernel.real import Kernel
from agent.lines import ask
from agent.tests.stage import Controller, Message, let_join
from core.compile import compile_tenant
from core.model import Endpoint, EndpointGroup, Network, Node, Peer, Policy, PortRange, Rule, TenantIntent
from core.render import NodeFacts, render
from lab import namespace

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio]

ROOT = Path(__file__).resolve().parents[2]
FACTS = NodeFacts("192.0.2.1", "up0", 1500)
ALLOWED, DENIED = 5001, 5002
KILLS = int(os.environ.get("AGENT_KILLS", "20"))


def intent(generation: int = 1, guests: int = 0) -> TenantIntent:
    """Two endpoints here, one of which denies a port, and some guests on another node that come and go."""
    node, other = Node(1, "node-1", FACTS.vtep), Node(2, "node-2", "192.0.2.2")
    deny = Rule(1, "in", 10, "deny", Peer("any"), 17, (PortRange(DENIED, DENIED),))
    return TenantIntent(
        id=7,
        name="blue",
        generation=generation,
        default="allow",
        networks=(Network(7, "front", "vxlan", 107, "20.1.1.0/24", "20.1.1.254"),),
        groups=(EndpointGroup(1, "web", 7), EndpointGroup(2, "db", 7)),
        endpoints=(
            Endpoint(1, "web-1", 7, "02:02:14:01:01:01", 1, 1, "20.1.1.1"),
            Endpoint(2, "db-1", 7, "02:02:14:01:01:02", 2, 1, "20.1.1.2"),
            *(
                Endpoint(n, f"guest-{n}", 7, f"02:02:14:01:01:{n:02x}", 1, 2, f"20.1.1.{n}")
                for n in range(10, 10 + guests)
            ),
        ),
        policies=(Policy(1, "db", (2,), (deny,)),),
        nodes=(node, other),
    )


@dataclass
class Traffic:
    """Numbered packets from one container to the other, on an allowed and on a denied port, until stopped."""

    source: Path
    destination: Path
    pace_s: float = 0.005
    sent: int = 0
    answered: set[int] = field(default_factory=set)
    forbidden: list[bytes] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Traffic:
        self._server = self._bound(ALLOWED)
        self._closed = self._bound(DENIED)
        self._client = namespace.socket_in(self.source, socket.AF_INET, socket.SOCK_DGRAM)
        for one in (self._server, self._closed, self._client):
            one.settimeout(0.1)
        self._threads = [threading.Thread(target=work) for work in (self._echo, self._trap, self._send, self._listen)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for one in (self._server, self._closed, self._client):
            one.close()

    def _bound(self, port: int) -> socket.socket:
        made = namespace.socket_in(self.destination, socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("20.1.1.2", port))
        return made

    def _send(self) -> None:
        while not self._over.is_set():
            for port in (ALLOWED, DENIED):
                # A denied packet is dropped behind the sender's back, or refused to its face: both are fine.
                with contextlib.suppress(PermissionError):
                    self._client.sendto(str(self.sent).encode(), ("20.1.1.2", port))
            self.sent += 1
            time.sleep(self.pace_s)
        time.sleep(0.2)

    def _receive(self, at: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
        """What arrives, until a while after the sender has stopped."""
        while not self._over.is_set() or self._threads[2].is_alive():
            with contextlib.suppress(TimeoutError):
                yield at.recvfrom(100)

    def _echo(self) -> None:
        for packet, sender in self._receive(self._server):
            self._server.sendto(packet, sender)

    def _listen(self) -> None:
        for packet, _ in self._receive(self._client):
            self.answered.add(int(packet))

    def _trap(self) -> None:
        self.forbidden += [packet for packet, _ in self._receive(self._closed)]


@dataclass
class Process:
    """`python -m agent` on a node of its own: a namespace with a device that carries the underlay's address."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "agent.sock"

    def start(self) -> None:
        let_join(self.folder)
        self.socket.unlink(missing_ok=True)
        settings = {
            "controller": f"unix:{self.folder}/controller.sock",
            "vtep": FACTS.vtep,
            "state": self.folder,
            "netns": self.folder / "netns",
            "node-netns": self.folder / "node",
        }
        command = [sys.executable, "-m", "agent", *(f"--{name}={value}" for name, value in settings.items())]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stderr=log)

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=10)

    async def status(self) -> Message:
        with contextlib.suppress(OSError):
            return (await ask(self.socket, {"verb": "status"}))["status"]  # type: ignore[no-any-return]
        return {}

    async def settled(self, revision: int) -> Message:
        """Its status once it is connected and has applied `revision`."""
        async with asyncio.timeout(15):
            while (status := await self.status()).get("applied") != revision or not status["connected"]:
                await asyncio.sleep(0.02)
        return status


@pytest_asyncio.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    (tmp_path / "netns").mkdir()
    for name in ("node", "c1", "c2"):
        namespace.create(tmp_path / name)
    lines = "link add up0 type bridge\nlink set up0 mtu 1500 up\naddress add 192.0.2.1/24 dev up0\n"
    inside = ["nsenter", f"--net={tmp_path / 'node'}", "ip", "-batch", "-"]
    subprocess.run(inside, input=lines, text=True, check=True)
    made = Process(tmp_path)
    made.start()
    yield made
    made.kill(signal.SIGTERM)
    kernel = Kernel(tmp_path / "netns", "up0", tmp_path / "node")
    for tenant in kernel.tenants():
        namespace.remove(tmp_path / "netns" / f"ct-{tenant}")
    kernel.close()
    for name in ("node", "c1", "c2"):
        namespace.remove(tmp_path / name)


async def plugged(controller: Controller, process: Process) -> None:
    """The tenant is here and both containers are plugged in."""
    names = {e.name: e for e in intent().endpoints}
    controller.place = lambda message: {
        "ok": True,
        "endpoint": {"id": names[message["name"]].id, "name": message["name"], "tenant": 7},
    }
    await controller.connected.wait()
    await controller.settle(compile_tenant(intent())[1])
    for name, container in (("web-1", "c1"), ("db-1", "c2")):
        wanted = {"tenant": "blue", "network": "front", "group": "", "name": name}
        netns = str(process.folder / container)
        answer = await ask(process.socket, {"verb": "attach", **wanted, "netns": netns})
        assert answer["ok"], answer


def in_the_kernel(process: Process) -> object:
    kernel = Kernel(process.folder / "netns", "up0", process.folder / "node")
    try:
        return kernel.observe(7)
    finally:
        kernel.close()


async def test_killed_under_traffic_nothing_allowed_is_lost_and_nothing_denied_passes(
    controller: Controller, process: Process
) -> None:
    chance = random.Random(5)
    await plugged(controller, process)
    with Traffic(process.folder / "c1", process.folder / "c2") as traffic:
        for number in range(1, KILLS + 1):
            # Somewhere in the middle of taking, noting, applying or answering this:
            await controller.tell(compile_tenant(intent(number, guests=chance.randrange(1, 40)))[1])
            await asyncio.sleep(chance.uniform(0.0, 0.08))
            process.kill()
            process.start()
            status = await process.settled(controller.spec.revision)
            assert status["attached"] == [1, 2]
            assert status["refused"] == {}
    assert traffic.sent > 100
    assert traffic.answered == set(range(traffic.sent))
    assert traffic.forbidden == []
    assert in_the_kernel(process) == render(controller.spec.items.values(), [1, 2], FACTS)


async def test_stopped_it_leaves_everything_enforced_and_started_it_finds_nothing_to_do(
    controller: Controller, process: Process
) -> None:
    await plugged(controller, process)
    before = in_the_kernel(process)
    assert process.kill(signal.SIGTERM) == 0
    assert in_the_kernel(process) == before
    with Traffic(process.folder / "c1", process.folder / "c2") as traffic:
        await asyncio.sleep(0.3)
    assert (len(traffic.answered), traffic.forbidden) == (traffic.sent, [])
    process.start()
    await process.settled(controller.spec.revision)
    assert in_the_kernel(process) == before
    assert controller.silent("drift")


async def test_a_container_that_ends_is_unplugged_and_a_deleted_namespace_comes_back(
    controller: Controller, process: Process
) -> None:
    await plugged(controller, process)
    namespace.remove(process.folder / "c2")
    assert (await controller.heard("detach", within=15))["endpoint"] == 2
    assert controller.silent("drift")
    namespace.remove(process.folder / "netns" / "ct-7")
    drift = await controller.heard("drift", within=15)
    assert drift["problem"] == ""
    assert drift["healed_at"] - drift["found_at"] < 5
    assert in_the_kernel(process) == render(controller.spec.items.values(), [1], FACTS)
    # What is plugged in again works: the gateway answers nothing but echo, so ask the kernel for the way there.
    made = namespace.socket_in(process.folder / "c1", socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(("20.1.1.2", ALLOWED))
    assert made.getsockname()[0] == "20.1.1.1"
    made.close()


async def test_a_connection_in_full_flow_is_cut_by_every_change_that_forbids_it(
    controller: Controller, process: Process
) -> None:
    """Each time anew: a packet that meets the change half-way must not carry its connection over into the new epoch."""
    await plugged(controller, process)
    kept, lost = [], []
    with Traffic(process.folder / "c1", process.folder / "c2", pace_s=0.0005) as traffic:
        for generation in range(2, 42):
            closed = generation % 2 == 1
            rule = replace(intent().policies[0].rules[0], ports=(PortRange(ALLOWED if closed else DENIED, DENIED),))
            changed = replace(intent(generation), policies=(Policy(1, "db", (2,), (rule,)),))
            await controller.settle(compile_tenant(changed)[1])
            await asyncio.sleep(0.05)  # What was on its way when it was acknowledged has arrived.
            before = len(traffic.answered)
            await asyncio.sleep(0.05)
            passes = len(traffic.answered) > before
            if closed and passes:
                kept.append(generation)
            if not closed and not passes:
                lost.append(generation)
    assert (kept, lost) == ([], [])
    assert traffic.forbidden == []
