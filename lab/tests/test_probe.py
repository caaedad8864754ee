from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from core.model import ICMP, ICMPV6, TCP, UDP
from lab import namespace
from lab.probe import Probe, checksum, echo_request, run
from lab.tests.conftest import Wire, drop

pytestmark = [pytest.mark.asyncio]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def both(wire: Wire, protocol: int, port: int | None = None) -> list[Probe]:
    six = ICMPV6 if protocol == ICMP else protocol
    return [Probe(wire.a, wire.b, wire.b4, protocol, port), Probe(wire.a, wire.b, wire.b6, six, port)]


@pytest.mark.kernel
async def test_every_kind_of_probe_is_answered_over_a_plain_wire(wire: Wire) -> None:
    probes = [*both(wire, ICMP), *both(wire, TCP, 5432), *both(wire, UDP, 5353), *both(wire, 253)]
    assert await run(probes) == ["answered"] * 8


@pytest.mark.kernel
async def test_what_a_filter_drops_is_silence_and_takes_no_longer_than_told(wire: Wire) -> None:
    drop(wire.b, "tcp dport 81", "udp dport 81", "meta l4proto 253")
    probes = [*both(wire, TCP, 81), *both(wire, UDP, 81), *both(wire, 253), *both(wire, TCP, 80)]
    begun = time.monotonic()
    assert await run(probes, timeout_s=1.0) == ["silence"] * 6 + ["answered"] * 2
    assert time.monotonic() - begun < 3, "beside each other, not one after the other"


@pytest.mark.kernel
async def test_a_twin_that_answers_at_the_address_is_not_taken_for_the_destination(wire: Wire) -> None:
    elsewhere = Path("/run/lab-test/elsewhere")
    namespace.create(elsewhere)
    try:
        probes = [Probe(wire.a, elsewhere, wire.b4, ICMP)]
        answering = [Probe(wire.a, wire.b, wire.b4, TCP, 99), Probe(wire.a, elsewhere, wire.b4, TCP, 99)]
        assert await run([*probes, *answering]) == ["other", "answered", "other"]
    finally:
        namespace.remove(elsewhere)


@pytest.mark.kernel
async def test_an_address_without_a_route_is_unreachable(wire: Wire) -> None:
    assert (
        await run([Probe(wire.a, wire.b, "10.77.0.1", protocol, 80) for protocol in (ICMP, TCP, UDP)])
        == ["unreachable"] * 3
    )


@pytest.mark.kernel
async def test_a_source_port_is_used_and_free_again_at_once(wire: Wire) -> None:
    drop(wire.b, "tcp sport != 4000")
    for _ in range(3):
        assert await run([Probe(wire.a, wire.b, wire.b4, TCP, 80, 4000)]) == ["answered"]


@pytest.mark.kernel
async def test_a_thousand_probes_leave_no_socket_open(wire: Wire) -> None:
    await run(both(wire, TCP, 1000))
    before = open_files()
    outcomes = await run([Probe(wire.a, wire.b, wire.b4, TCP, 1000 + i % 50) for i in range(1000)], timeout_s=5)
    assert set(outcomes) == {"answered"}
    await asyncio.sleep(0.2)  # the answering side sees the resets a moment later
    assert open_files() <= before + 1


async def test_the_checksum_is_the_one_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(echo_request(ICMP, b"odd", 7)) == 0
