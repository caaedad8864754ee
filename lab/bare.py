"""Nodes with bare kernels: no agent, no controller. Who needs the dataplane alone (tests, measurements) hands it an
intent and gets containers to send packets between.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agent.kernel.interface import Attachment
from agent.kernel.real import Kernel
from core.compile import compile_tenant
from core.diff import diff
from core.model import Endpoint, Node, TenantIntent
from core.plan import Op, plan
from core.render import VXLAN_OVERHEAD, NodeFacts, render
from core.spec import Item
from core.state import KernelObject, Key
from lab import fabric, namespace


@dataclass(slots=True)
class Machine:
    """One node: its kernel, and what was applied to it last, by tenant."""

    node: Node
    kernel: Kernel
    facts: NodeFacts
    applied: dict[int, dict[Key, KernelObject]] = field(default_factory=dict)


class BareFabric:
    """`count` nodes on an underlay of their own. Made inside a sandbox, which also takes it down."""

    def __init__(self, count: int, folder: Path, mtu: int = 1500) -> None:
        described = fabric.nodes(count, folder)
        fabric.build(described, mtu)
        self.machines = {
            number: Machine(
                Node(number, node.name, node.vtep),
                Kernel(node.tenants, fabric.UPLINK, node.netns),
                NodeFacts(node.vtep, fabric.UPLINK, mtu),
            )
            for number, node in enumerate(described, 1)
        }
        self.containers: dict[int, Path] = {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(machine.node for machine in self.machines.values())

    def realize(self, intent: TenantIntent, only: Container[int] | None = None) -> dict[int, int]:
        """Make the intent true, its endpoints (those whose ids are in `only`) plugged in. Answers the number of ops by
        node."""
        compiled = compile_tenant(intent)
        wanted = [e for e in intent.endpoints if only is None or e.id in only]
        return {
            number: self._bring(machine, intent, compiled.get(number, ()), wanted)
            for number, machine in self.machines.items()
        }

    def _bring(self, machine: Machine, intent: TenantIntent, items: Iterable[Item], wanted: list[Endpoint]) -> int:
        """Policy first, then ports: as the agent does it."""
        items = tuple(items)
        here = [e for e in wanted if e.node_id == machine.node.id]
        plugged = [e for e in here if e.id in self.containers]
        ops = self._apply(machine, intent.id, items, [e.id for e in plugged])
        for endpoint in here:
            if endpoint.id not in self.containers:
                self._plug(machine, intent, endpoint)
        if len(plugged) < len(here):
            ops += self._apply(machine, intent.id, items, [e.id for e in here])
        return ops

    def _apply(self, machine: Machine, tenant: int, items: Iterable[Item], attached: list[int]) -> int:
        ops = self.plan(machine, tenant, items, attached)
        machine.kernel.apply(tenant, ops)
        machine.applied[tenant] = render(items, attached, machine.facts)
        return len(ops)

    @staticmethod
    def plan(machine: Machine, tenant: int, items: Iterable[Item], attached: list[int]) -> tuple[Op, ...]:
        return plan(diff(render(items, attached, machine.facts), machine.applied.get(tenant, {})))

    def _plug(self, machine: Machine, intent: TenantIntent, endpoint: Endpoint) -> None:
        path = fabric.RUN / "containers" / f"{intent.name}-{endpoint.name}"
        namespace.create(path)
        network = next(n for n in intent.networks if n.id == endpoint.network_id)
        machine.kernel.attach(
            intent.id,
            Attachment(
                endpoint=endpoint.id,
                netns=str(path),
                mac=endpoint.mac,
                ip4=_with_length(endpoint.ip4, network.subnet4),
                gateway4=network.gateway4,
                ip6=_with_length(endpoint.ip6, network.subnet6),
                gateway6=network.gateway6,
                mtu=machine.facts.mtu - VXLAN_OVERHEAD,
            ),
        )
        self.containers[endpoint.id] = path

    def close(self) -> None:
        for machine in self.machines.values():
            machine.kernel.close()


def _with_length(address: str | None, subnet: str | None) -> str | None:
    return f"{address}/{subnet.rpartition('/')[2]}" if address and subnet else None
