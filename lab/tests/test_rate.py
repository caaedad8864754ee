from __future__ import annotations

import pytest

from lab.rate import Stream, measure
from lab.tests.conftest import Wire, drop, shell

pytestmark = [pytest.mark.asyncio, pytest.mark.kernel]


def limit_to_10_mbit(wire: Wire) -> None:
    limit = ("tbf", "rate", "10mbit", "burst", "15000", "limit", "45000")
    shell("tc", "qdisc", "add", "dev", "w0", "root", *limit, at=wire.a)


async def test_a_limited_wire_shows_its_limit_and_the_delay_of_its_queue(wire: Wire) -> None:
    limit_to_10_mbit(wire)
    forth = await measure(Stream(wire.a, wire.b, wire.b4, 5001))
    assert forth.bps == pytest.approx(10e6, rel=0.05)
    assert forth.payload_bps < forth.bps
    assert forth.added_ms is not None
    # Ahead of an echo is at least one frame of 1514 bytes (1.2 ms at this rate), at most the whole queue (36 ms).
    assert 1.2 < forth.added_ms < 60


async def test_the_unlimited_way_back_is_much_faster(wire: Wire) -> None:
    limit_to_10_mbit(wire)
    back = await measure(Stream(wire.b, wire.a, wire.a6, 5001, seconds=1))
    assert back.bps > 100e6


async def test_a_closed_way_is_an_error_that_names_the_port(wire: Wire) -> None:
    drop(wire.b, "tcp dport 5001")
    with pytest.raises(ConnectionError, match="port 5001"):
        await measure(Stream(wire.a, wire.b, wire.b4, 5001, seconds=1))
