"""What is said of ways and what the kernel does agree: networks with gateways and without, of one prefix and nested,
in both families, over two nodes, where every rule there is lets everything pass."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from core import ids
from core.model import ICMP, ICMPV6, TCP, Endpoint, Flow, Network, Node, TenantIntent
from core.reach import Judge
from lab import sandbox
from lab.probe import Probe, run

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not sandbox.inside(), reason="runs in a sandbox only: python -m lab.sandbox -- pytest …"),
]

#: With and without gateways, a prefix twice and one inside another; of those that meet one alone has a gateway, as
#: networks.snapshot reads them.
NETWORKS = (
    Network(1, "app", "vxlan", 101, "10.9.0.0/24", "10.9.0.254", "fd01::/64", None),
    Network(2, "nogw", "vxlan", 102, "10.8.0.0/24", None, "fd02::/64", "fd02::ff"),
    Network(3, "db", "vxlan", 103, "10.7.0.0/24", "10.7.0.254", "fd03::/64", "fd03::ff"),
    Network(4, "twin", "vxlan", 104, "10.9.0.0/24", None),
    Network(5, "nested", "vxlan", 105, "10.7.0.128/25", None, "fd03::8000:0:0:0/65", None),
)


def intent(nodes: tuple[Node, ...]) -> TenantIntent:
    """Two endpoints in each network, one on each node."""
    endpoints = []
    for number in range(2 * len(NETWORKS)):
        network, ip6 = NETWORKS[number // 2], None
        ip4 = f"{(network.subnet4 or '').rpartition('.')[0]}.{130 + number}"
        if network.subnet6:
            ip6 = f"{network.subnet6.partition('::')[0]}::{'8000:0:0:' if network.id == 5 else ''}{10 + number}"
        mac, node = ids.endpoint_mac(ip4), nodes[number % 2].id
        endpoints.append(Endpoint(number + 1, f"e{number + 1}", network.id, mac, None, node, ip4, ip6))
    return TenantIntent(1, "ways", 1, "allow", NETWORKS, (), tuple(endpoints), nodes=nodes)


def test_nothing_passes_where_there_is_no_way_and_all_does_where_there_is(tmp_path: Path) -> None:
    """In a sandbox of its own: a sandbox holds one fabric, and other tests may have theirs in this one."""
    command = sandbox.command([sys.executable, "-m", __name__, str(tmp_path)])
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def main(folder: Path) -> None:
    """Ends with 0 when all is as it is said, else names what is not."""
    from lab.bare import BareFabric

    bare = BareFabric(2, folder)
    wanted = intent(bare.nodes)
    bare.realize(wanted)
    asked = [(one, other, flow) for one, other in permutations(wanted.endpoints, 2) for flow in flows(one, other)]
    probes = [probe(bare.containers, *one) for one in asked]
    outcomes = asyncio.run(run(probes, timeout_s=0.6))
    bare.close()
    judge, told, wrong = Judge(wanted), set(), []
    for (_, _, flow), how in zip(asked, outcomes, strict=True):
        answer = judge.answer(flow)
        told.add((answer.action, ":" in flow.source))
        if answer.decision.action != "allow" or (how == "answered") != (answer.action == "allow"):
            wrong.append(f"{flow}: {how}, but {answer.no_way or 'there is a way'}")
    if len(told) < 4:
        wrong.append(f"Not both answers in both families, so this shows little: {told}")
    sys.exit("\n".join(wrong) or 0)


def flows(one: Endpoint, other: Endpoint) -> list[Flow]:
    found = [Flow(one.ip4 or "", other.ip4 or "", protocol, None, at) for protocol, at in ((ICMP, None), (TCP, 80))]
    if one.ip6 and other.ip6:
        found += [Flow(one.ip6, other.ip6, protocol, None, at) for protocol, at in ((ICMPV6, None), (TCP, 80))]
    return found


def probe(containers: dict[int, Path], source: Endpoint, destination: Endpoint, flow: Flow) -> Probe:
    ends = containers[source.id], containers[destination.id]
    return Probe(*ends, flow.destination, flow.protocol, flow.destination_port)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
