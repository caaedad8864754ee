"""Does an endpoint get the rate it was granted, both ways, and how much later do its packets come?"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.figures import Figure, Promise
from bench.ground import pair
from core.model import BandwidthProfile, EndpointGroup, TenantIntent
from lab.bare import BareFabric
from lab.rate import Stream
from lab.rate import measure as measure_stream

RATES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
TOLERANCE = 0.05
DELAY_MS = 50.0
#: Rates from which the added delay is promised.
DELAY_FROM_BPS = 10_000_000


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bare = BareFabric(2, Path(folder))
        intent = pair(bare.nodes)
        bare.realize(intent)
        for rate_bps in RATES:
            bare.realize(limited(intent, rate_bps))
            yield from one(bare, intent, rate_bps)
        bare.close()


def limited(intent: TenantIntent, rate_bps: int) -> TenantIntent:
    """The first of the two endpoints under a limit."""
    profile = BandwidthProfile(1, "limit", rate_bps, 0)
    group = EndpointGroup(1, "limited", 1, profile.id)
    first, *others = intent.endpoints
    return replace(
        intent,
        generation=intent.generation + rate_bps,
        groups=(group,),
        profiles=(profile,),
        endpoints=(replace(first, group_id=group.id), *others),
    )


def one(bare: BareFabric, intent: TenantIntent, rate_bps: int) -> Iterator[Figure]:
    limited_one, other = intent.endpoints
    for way, source, destination in (("sent", limited_one, other), ("received", other, limited_one)):
        seconds = 6.0 if rate_bps < DELAY_FROM_BPS else 3.0
        stream = Stream(
            bare.containers[source.id], bare.containers[destination.id], destination.ip4 or "", 5001, seconds
        )
        rate = asyncio.run(measure_stream(stream))
        name = f"{rate_bps / 1e6:g} Mbit/s granted, {way}"
        off = abs(rate.bps / rate_bps - 1) * 100
        yield Figure(f"{name}: off by", off, "%", "at most", TOLERANCE * 100, f"{rate.bps / 1e6:.3f} Mbit/s")
        if rate.added_ms is not None:
            promised: Promise | None = "at most" if rate_bps >= DELAY_FROM_BPS else None
            yield Figure(f"{name}: added delay", rate.added_ms, "ms", promised, DELAY_MS)
