"""The cables of the lab: one underlay bridge in the sandbox, per node a network namespace with its uplink `up0`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import namespace, sandbox

#: The lab's own namespaces; tenants' namespaces of a node go to /run/netns/<node>/, where its agent names them.
RUN = Path("/run/lab")
NETNS = Path("/run/netns")
UNDERLAY = "underlay0"
UPLINK = "up0"
#: TEST-NET-1 (RFC 5737): addresses that are nobody's.
VTEP = "192.0.2.{number}"
MOST_NODES = 250


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of the lab. `folder` keeps what survives a restart: certificate, agent state, log."""

    name: str
    vtep: str
    folder: Path

    @property
    def netns(self) -> Path:
        return RUN / "nodes" / self.name

    @property
    def tenants(self) -> Path:
        """Where this node's agent names the tenants' namespaces."""
        return NETNS / self.name

    @property
    def agent_socket(self) -> Path:
        return self.folder / "agent.sock"

    @property
    def join_token_file(self) -> Path:
        """What its agent joins with; gone once it has."""
        return self.folder / "join-token"


def nodes(count: int, folder: Path) -> list[Node]:
    """The lab's nodes by their numbers; the launcher registers the same names and addresses."""
    if not 0 <= count <= MOST_NODES:
        raise ValueError(f"The lab can have 0 to {MOST_NODES} nodes, not {count}.")
    return [Node(f"node-{n}", VTEP.format(number=n), folder / f"node-{n}") for n in range(1, count + 1)]


def build(machines: Iterable[Node], mtu: int) -> None:
    """Make the underlay and the nodes' namespaces. RuntimeError outside a sandbox."""
    if not sandbox.inside():
        raise RuntimeError("The lab runs in a sandbox only: python -m lab.sandbox -- python -m lab …")
    _ip([f"link add {UNDERLAY} type bridge", f"link set {UNDERLAY} up"])
    for number, node in enumerate(machines, 1):
        namespace.create(node.netns)
        node.tenants.mkdir(parents=True, exist_ok=True)
        _ip(
            [
                f"link add n{number} mtu {mtu} type veth peer name {UPLINK} netns {node.netns}",
                f"link set n{number} master {UNDERLAY} up",
            ]
        )
        uplink = [f"address add {node.vtep}/24 dev {UPLINK}", f"link set {UPLINK} mtu {mtu} up"]
        _ip(uplink, at=node.netns)


def _ip(lines: list[str], at: Path | None = None) -> None:
    inside = ["nsenter", f"--net={at}"] if at else []
    subprocess.run([*inside, "ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
