"""The kernel as the agent knows it. Each promise below is kept by `real.Kernel` and by `fake.Kernel` alike.

Everything is scoped by tenant: a tenant's namespace on this node holds all of its objects, and only ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.plan import Op
from core.state import KernelObject


class ApplyError(Exception):
    """An op the kernel refused. `op` is the first that failed (None: the tool itself did), `reason` one sentence."""

    def __init__(self, reason: str, op: Op | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.op = op


@dataclass(frozen=True, slots=True)
class Feature:
    """One ability of this kernel, probed, never guessed from a version. `why` says what is missing and what to do."""

    name: str
    present: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a container is plugged in: `netns` is a path to its network namespace, `ifname` the device made in it.

    Addresses carry their prefix length ("20.1.1.2/24"); gateways are plain addresses; `mtu` in bytes.
    """

    endpoint: int
    netns: str
    mac: str
    ifname: str = "eth0"
    ip4: str | None = None
    gateway4: str | None = None
    ip6: str | None = None
    gateway6: str | None = None
    mtu: int = 1450


@dataclass(frozen=True, slots=True)
class Counters:
    """`rules`: (packets, bytes) of connections judged, by rule id. `endpoints`: (rx_bytes, tx_bytes, rx_packets,
    tx_packets) by endpoint id, seen from the endpoint. `denied`: packets dropped by policy. `spoofed`: packets
    dropped because they did not carry the endpoint's own addresses."""

    rules: Mapping[int, tuple[int, int]]
    endpoints: Mapping[int, tuple[int, int, int, int]]
    denied: int = 0
    spoofed: int = 0


@dataclass(frozen=True, slots=True)
class Denied:
    """One sampled packet that policy dropped."""

    tenant: int
    source: str
    destination: str
    protocol: int
    source_port: int | None
    destination_port: int | None


class Watch(Protocol):
    """Wakes an event loop when something in a tenant's namespace changed; what changed is for observe to say."""

    def fileno(self) -> int:
        """Readable while there is something to drain."""

    def drain(self) -> bool:
        """Forget what is waiting; true when there was something. Never blocks."""

    def close(self) -> None:
        """Let go of the namespace: while a watch is open, the namespace lives."""


class DeniedLog(Protocol):
    """Samples of what policy dropped in a tenant's namespace, bounded by the kernel's own rate limit."""

    def fileno(self) -> int:
        """Readable while there is something to read."""

    def read(self) -> list[Denied]:
        """What is waiting; packets that cannot be understood are left out. Never blocks."""

    def close(self) -> None:
        """Let go of the namespace: while a log is open, the namespace lives."""


def nothing() -> None:
    """Who has nothing else to do meanwhile."""


class Kernel(Protocol):
    def features(self) -> Sequence[Feature]:
        """What this kernel and its tools can do. Asked once at start; takes well under a second."""

    def tenants(self) -> set[int]:
        """Tenants that have a namespace of ours here, whoever made it: a fresh process knows its own."""

    def observe(self, tenant: int) -> dict[tuple[str, ...], KernelObject]:
        """Every object of ours in the tenant's namespace, by key; empty when there is no namespace.
        Foreign objects of a kind we own (an extra bridge, rule, FDB entry …) are in it too: they are stale."""

    def apply(self, tenant: int, ops: Sequence[Op], in_force: Callable[[], None] = nothing) -> None:
        """Carry out ops in the order given. Idempotent: what is there already is fine, what is gone already too.
        All nft ops of one call are one transaction, but for the epoch's chains, which come last (agent.kernel.grace).
        `in_force` is called, from this thread, once whatever connects from then on is judged as the ops say; what runs
        already is only when apply returns. Raises ApplyError; nft is then as before the transaction that failed."""

    def attach(self, tenant: int, attachment: Attachment) -> None:
        """Make the endpoint's veth: host end in the tenant's namespace, down and in no bridge until a Port object
        puts it there; other end in the container with addresses and default routes. Idempotent."""

    def detach(self, tenant: int, endpoint: int) -> None:
        """Remove the endpoint's veth. Absent is fine."""

    def attached(self, tenant: int) -> set[int]:
        """Endpoints whose veth is there."""

    def counters(self, tenant: int) -> Counters:
        """Counters as they stand. Empty when there is no namespace."""

    def watch(self, tenant: int) -> Watch:
        """Be told of changes in the tenant's namespace. Raises ApplyError when there is none. Close it before the
        namespace is to go."""

    def denied_log(self, tenant: int) -> DeniedLog:
        """Read samples of denied packets of the tenant; one reader at a time. Raises ApplyError when there is no
        namespace or another reader."""

    def close(self) -> None:
        """Let go of sockets and threads; kernel state stays."""
