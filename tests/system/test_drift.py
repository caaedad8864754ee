"""Somebody works on a tenant's namespace on a node with the usual commands: found, healed, and in the record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from bench.installation import Installation, installation
from lab import sandbox
from tests.system.watch import Flows, until

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not sandbox.inside(), reason="starts a lab, which needs the sandbox: make test"),
]

#: Seconds, as promised: from the tampering until it is found, and until it is healed.
FOUND_S, HEALED_S = 10.0, 15.0

#: What is done, with the names of the place: its bridge, tunnel, one port and address here, one address elsewhere.
TAMPERINGS = (
    "nft flush ruleset",
    "nft flush table inet contiv",
    "nft delete table bridge contiv",
    "nft flush chain inet contiv judge",
    "nft insert rule inet contiv forward accept",
    "nft add rule inet contiv forward drop",
    "nft add table ip stranger",
    "nft delete element inet contiv group4 { {far} }",
    "bridge fdb del {far_mac} dev {tunnel} master",
    "bridge fdb del {far_mac} dev {tunnel} self",
    "bridge fdb replace {far_mac} dev {tunnel} dst 192.0.2.99 self permanent",
    "ip neigh del {far} dev {bridge}",
    "ip neigh replace {far} lladdr 02:00:00:00:00:66 dev {bridge} nud permanent",
    "ip route del {subnet}",
    "ip route add blackhole {far}/32",
    "ip addr del {gateway}/24 dev {bridge}",
    "ip addr add 20.9.9.9/32 dev {bridge}",
    "ip link set {bridge} down",
    "ip link set {port} down",
    "ip link set {port} nomaster",
    "ip link del {tunnel}",
    "ip link del {port}",
    "ip link set {bridge} type bridge nf_call_iptables 0",
    "tc qdisc del dev {client} root",
    "tc qdisc del dev {client} ingress",
    "sysctl -qw net.ipv4.ip_forward=0",
)


@dataclass(frozen=True)
class Place:
    """One tenant on one node, and the names of things in it."""

    running: Installation
    node: str
    tenant: int
    names: dict[str, str]

    def tamper(self, command: str) -> None:
        words = command.split() if "{ {" not in command else _braced(command)
        spoken = [word.format(**self.names) for word in words]
        done = self.running.lab("tamper", node=self.node, tenant=self.tenant, command=spoken)
        assert done["code"] == 0, done["output"]

    def recorded(self, after: int) -> list[dict[str, Any]]:
        """Entries of the record about drift here that are newer than the entry `after`."""
        rows = self.running.api("GET", "audit/?verb=drift.heal&ordering=-id&limit=20")["results"]
        return [row for row in rows if row["id"] > after and row["object_name"] == self.node]

    def newest(self) -> int:
        return max((row["id"] for row in self.running.api("GET", "audit/?ordering=-id&limit=1")["results"]), default=0)


def _braced(command: str) -> list[str]:
    """nft takes a set of elements as one word."""
    words, _, inner = command.partition(" { {")
    return [*words.split(), "{{ {" + inner.removesuffix(" }") + " }}"]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with installation(nodes=3) as running:
        containers = [c for c in running.lab("status")["containers"] if c["tenant"] == "blue"]
        client = next(c for c in containers if c["group"] == "client")
        near = next(c for c in containers if c["node"] == client["node"] and c is not client)
        far = next(c for c in containers if c["node"] != client["node"])
        network = running.named("networks", "blue", client["network"])
        names = {
            "bridge": f"br{network['id']}",
            "tunnel": f"vx{network['id']}",
            "subnet": network["subnet4"],
            "gateway": network["gateway4"],
            "port": f"ep{near['endpoint']}",
            "client": f"ep{client['endpoint']}",
            "far": far["ip4"],
            "far_mac": far["mac"],
        }
        tenant = running.api("GET", "tenants/?name=blue")["results"][0]["id"]
        yield Place(running, client["node"], tenant, names)


@pytest.mark.parametrize("command", TAMPERINGS)
def test_it_is_found_healed_and_recorded(place: Place, command: str) -> None:
    before = place.newest()
    place.tamper(command)
    done_at = time.time()
    entries = until(lambda: place.recorded(before), "it is in the record as healed", HEALED_S)
    assert all(entry["after"]["healed"] for entry in entries)
    assert entries[0]["before"]["difference"]
    assert entries[0]["actor"] == place.node
    assert datetime.fromisoformat(entries[-1]["at"]).timestamp() - done_at <= FOUND_S
    flows = Flows(place.running)
    flows.ask()
    assert (flows.lost, flows.passed) == ([], [])
