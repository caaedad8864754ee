"""What policy costs: the same path over VXLAN with a thousand rules and ten thousand members, and with none.

Both tenants stand on the same two nodes and are measured in turn, so that a machine that is slower for a while is so
for both; the figure is the median of the ratios.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.connections import per_second
from bench.figures import Figure
from bench.ground import crowd, pair
from core.model import TenantIntent
from lab.bare import BareFabric
from lab.rate import Stream
from lab.rate import measure as measure_stream

RULES, MEMBERS = 1_000, 10_000
ROUNDS = 5
SECONDS = 2.0


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bare = BareFabric(2, Path(folder))
        free, ruled = pair(bare.nodes, 1, "free"), crowd(bare.nodes, 2, rules=RULES, members=MEMBERS)
        (network,) = ruled.networks
        ruled = replace(ruled, networks=(replace(network, tag=network.tag + 1),))
        places = {tenant.name: realized(bare, tenant) for tenant in (free, ruled)}
        for what, unit, work, promised in (
            ("throughput", "Gbit/s", gigabits, 95.0),
            ("new connections", "/s", connections, 85.0),
        ):
            yield from compared(what, unit, places, work, promised)
        bare.close()


def realized(bare: BareFabric, tenant: TenantIntent) -> tuple[Path, Path]:
    """Plug in the two endpoints that are measured; the others are members elsewhere."""
    bare.containers.clear()
    bare.realize(tenant, only={1, 2})
    return bare.containers[1], bare.containers[2]


def compared(
    what: str,
    unit: str,
    places: dict[str, tuple[Path, Path]],
    work: Callable[[Path, Path], float],
    promised: float,
) -> Iterator[Figure]:
    rounds = [{name: work(*pair) for name, pair in places.items()} for _ in range(ROUNDS)]
    for name in places:
        yield Figure(f"{what}, {name}", statistics.median(r[name] for r in rounds), unit)
    ratio = statistics.median(r["crowd"] / r["free"] * 100 for r in rounds)
    yield Figure(f"{what}, {RULES} rules and {MEMBERS} members to none", ratio, "%", "at least", promised)


def gigabits(source: Path, destination: Path) -> float:
    return asyncio.run(measure_stream(Stream(source, destination, "20.0.0.2", 5001, SECONDS))).bps / 1e9


def connections(source: Path, destination: Path) -> float:
    return per_second(source, destination, "20.0.0.2", 5002, SECONDS)
