"""Two or more namespaces joined by plain veth pairs to one bridge: what probes are tried on, without any agent."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.model import ICMPV6
from lab import namespace, sandbox
from lab.probe import Probe, run


def shell(*argv: str, at: Path | None = None) -> str:
    inside = ["nsenter", f"--net={at}"] if at else []
    return subprocess.run([*inside, *argv], check=True, capture_output=True, text=True).stdout


def drop(at: Path, *conditions: str) -> None:
    """Let nothing in that meets one of the conditions."""
    chain = ["add table inet t", "add chain inet t c { type filter hook input priority 0; }"]
    shell("nft", "; ".join([*chain, *(f"add rule inet t c {condition} drop" for condition in conditions)]), at=at)


@dataclass(frozen=True)
class Wire:
    """Two namespaces, a and b, with 10.9.0.1 and 10.9.0.2, fd09::1 and fd09::2."""

    a: Path
    b: Path
    a4: str = "10.9.0.1"
    b4: str = "10.9.0.2"
    a6: str = "fd09::1"
    b6: str = "fd09::2"


def wait_for_neighbours(made: Wire) -> None:
    """A link that just came up forwards IPv6 a moment later."""
    for _ in range(20):
        if asyncio.run(run([Probe(made.a, made.b, made.b6, ICMPV6)], timeout_s=0.3)) == ["answered"]:
            return
    raise AssertionError("The plain wire carries no IPv6.")


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    if not sandbox.inside():
        pytest.skip("works on kernel objects: run it as python -m lab.sandbox -- pytest …")
    made = Wire(Path("/run/lab-test/a"), Path("/run/lab-test/b"))
    namespace.create(made.a)
    namespace.create(made.b)
    try:
        shell("ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1", "netns", str(made.b), at=made.a)
        for place, device, ip4, ip6 in ((made.a, "w0", made.a4, made.a6), (made.b, "w1", made.b4, made.b6)):
            shell("ip", "address", "add", f"{ip4}/24", "dev", device, at=place)
            shell("ip", "address", "add", f"{ip6}/64", "dev", device, "nodad", at=place)
            shell("ip", "link", "set", device, "up", at=place)
        wait_for_neighbours(made)
        yield made
    finally:
        namespace.remove(made.a)
        namespace.remove(made.b)
