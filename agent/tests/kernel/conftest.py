"""The same tests against the fake and, in a sandbox, against the machine's own kernel.

A `Bench` is one node with a kernel, ways to plug containers in, and a second process' view of the same node.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.kernel.fake import Kernel as FakeKernel
from agent.kernel.interface import Attachment, Kernel
from agent.kernel.real import Kernel as RealKernel
from agent.tests.kernel.cases import TENANT, desired, here
from core.diff import diff
from core.model import Endpoint, TenantIntent
from core.plan import Op, plan
from core.state import KernelObject, Key
from lab import namespace, sandbox

REAL = pytest.mark.skipif(not sandbox.inside(), reason="runs in a sandbox only: python -m lab.sandbox -- pytest …")
_numbers = itertools.count(1)


@dataclass
class Bench:
    """`again` makes a kernel as a process started anew would; `container` a namespace to plug an endpoint into."""

    kernel: Kernel
    again: Callable[[], Kernel]
    container: Callable[[int], str]
    places: dict[int, str] = field(default_factory=dict)
    node: int = 1

    def plug(self, endpoint: Endpoint) -> None:
        if endpoint.id not in self.places:
            self.places[endpoint.id] = self.container(endpoint.id)
        network = endpoint.network_id
        self.kernel.attach(
            TENANT,
            Attachment(
                endpoint=endpoint.id,
                netns=self.places[endpoint.id],
                mac=endpoint.mac,
                ip4=f"{endpoint.ip4}/24",
                gateway4=f"20.1.{network}.254",
                ip6=f"{endpoint.ip6}/64" if endpoint.ip6 else None,
                gateway6=f"fd0{network}::ff" if endpoint.ip6 else None,
            ),
        )

    def realize(self, tenant: TenantIntent) -> dict[Key, KernelObject]:
        """Make a tenant true on this node with its endpoints plugged in; returns what is desired then."""
        mine = here(tenant, self.node)
        self.reach(desired(tenant, sorted(self.kernel.attached(TENANT) & {one.id for one in mine}), self.node))
        for one in mine:
            self.plug(one)
        wanted = desired(tenant, [one.id for one in mine], self.node)
        self.reach(wanted)
        return wanted

    def reach(self, wanted: dict[Key, KernelObject]) -> tuple[Op, ...]:
        ops = self.ops(wanted)
        self.kernel.apply(TENANT, ops)
        return ops

    def ops(self, wanted: dict[Key, KernelObject]) -> tuple[Op, ...]:
        """What leads from what is there to what is wanted."""
        return plan(diff(wanted, self.kernel.observe(TENANT)))


def fake_bench(tmp_path: Path) -> Iterator[Bench]:
    kernel = FakeKernel()
    yield Bench(kernel, lambda: FakeKernel(kernel.machine), lambda number: str(tmp_path))
    kernel.close()


def real_bench() -> Iterator[Bench]:
    """A node of its own per test: its namespaces end with the sandbox at the latest."""
    node = new_node()
    # A device with the node's address, of a kind that every kernel has that can carry tenants at all.
    namespace.run_in(node, lambda: ip("link add up0 type bridge\naddr add 192.0.2.1/24 dev up0\nlink set up0 up\n"))
    yield from bench_on(node, 1)


def new_node() -> Path:
    path = Path(f"/run/bench/node-{next(_numbers)}")
    namespace.create(path)
    return path


def bench_on(node: Path, number: int) -> Iterator[Bench]:
    folder = Path("/run/netns") / node.name
    made: list[RealKernel] = []

    def kernel() -> RealKernel:
        made.append(RealKernel(folder, "up0", node))
        return made[-1]

    def container(endpoint: int) -> str:
        path = node.parent / f"{node.name}-{endpoint}"
        namespace.create(path)
        return str(path)

    bench = Bench(kernel(), kernel, container, node=number)
    yield bench
    for one in made:
        for tenant in one.tenants():
            one.apply(tenant, plan(diff({}, one.observe(tenant))))
        one.close()
    for path in (node, *map(Path, bench.places.values())):
        namespace.remove(path)


def ip(text: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=text, text=True, check=True)


@pytest.fixture(params=["fake", pytest.param("real", marks=[pytest.mark.kernel, REAL])])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    yield from fake_bench(tmp_path) if request.param == "fake" else real_bench()
