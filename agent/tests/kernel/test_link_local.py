"""Containers' kernels ask for each other's link-local addresses of their own accord; that is no attempt to deceive.
To claim the one of another container is."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from agent.kernel.introduce import announcement
from agent.tests.kernel.cases import TENANT, intent
from agent.tests.kernel.conftest import REAL, Bench, real_bench
from core.render import link_local
from lab import namespace

pytestmark = [pytest.mark.kernel, REAL]

ONE, OTHER = 11, 12
IFA_F_TENTATIVE = 0x40
ETH_P_IPV6, SOLICITATION, ADVERTISEMENT, SOURCE_ADDRESS = 0x86DD, 135, 136, 1


@pytest.fixture(scope="module")
def node() -> Iterator[Bench]:
    for bench in real_bench():
        bench.realize(intent())
        yield bench


def mac(number: int) -> str:
    return f"02:02:14:01:01:{number:02x}"


def fe80(number: int) -> str:
    return str(IPv6Address(link_local(mac(number))))


def spoofed(node: Bench) -> int:
    return node.kernel.counters(TENANT).spoofed


def wire(node: Bench, endpoint: int) -> socket.socket:
    def opened() -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6))
        raw.bind(("eth0", ETH_P_IPV6))
        raw.settimeout(2)
        return raw

    return namespace.run_in(Path(node.places[endpoint]), opened)


def said(node: Bench, endpoint: int, frame: bytes) -> None:
    with wire(node, endpoint) as raw:
        raw.send(frame)
    time.sleep(0.05)


def binary(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))


def question(asker: int, asked: int) -> bytes:
    """A neighbour solicitation from one link-local address for another, to its owner alone, as a kernel probes."""
    source, target = IPv6Address(fe80(asker)).packed, IPv6Address(fe80(asked)).packed
    body = struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + target + bytes([SOURCE_ADDRESS, 1]) + binary(mac(asker))
    pseudo = source + target + struct.pack("!II", len(body), socket.IPPROTO_ICMPV6) + body
    total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
    total = (total & 0xFFFF) + (total >> 16)
    checked = body[:2] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + body[4:]
    head = struct.pack("!IHBB", 6 << 28, len(body), socket.IPPROTO_ICMPV6, 255) + source + target
    return binary(mac(asked)) + binary(mac(asker)) + struct.pack("!H", ETH_P_IPV6) + head + checked


def answered(raw: socket.socket, target: str) -> bool:
    """Whether an advertisement of the target comes in."""
    with suppress(TimeoutError):
        while frame := raw.recv(200):
            if frame[54] == ADVERTISEMENT and frame[62:78] == IPv6Address(target).packed:
                return True
    return False


def has_own(container: str, address: int) -> bool:
    """Whether the container's kernel uses the address: it is there, and not looked for at others any more."""
    table = namespace.run_in(Path(container), lambda: Path("/proc/thread-self/net/if_inet6").read_text())
    flags = [int(line.split()[4], 16) for line in table.splitlines() if line.startswith(f"{address:032x} ")]
    return bool(flags) and not flags[0] & IFA_F_TENTATIVE


def test_a_container_that_is_asked_for_its_link_local_address_answers_and_is_not_counted(node: Bench) -> None:
    deadline = time.monotonic() + 5
    while not has_own(node.places[OTHER], link_local(mac(OTHER))):
        assert time.monotonic() < deadline, "the kernel gave itself another address than is expected"
        time.sleep(0.1)
    before = spoofed(node)
    with wire(node, ONE) as raw:
        raw.send(question(ONE, OTHER))
        assert answered(raw, fe80(OTHER))
    assert spoofed(node) == before


def test_what_a_container_says_of_its_own_link_local_address_is_not_counted(node: Bench) -> None:
    before = spoofed(node)
    said(node, ONE, announcement(fe80(ONE), mac(ONE)))
    assert spoofed(node) == before


@pytest.mark.parametrize("address", [fe80(OTHER), "fe80::1", "fd01::c"])
def test_who_claims_the_address_of_another_is_dropped_and_counted(node: Bench, address: str) -> None:
    before = spoofed(node)
    with wire(node, OTHER) as raw:
        raw.settimeout(0.3)
        said(node, ONE, announcement(address, mac(ONE)))
        assert not answered(raw, address)
    assert spoofed(node) == before + 1


def test_a_link_local_address_opens_no_way_around_the_policy(node: Bench) -> None:
    """Only address requests: data under such an address, which no rule knows, passes as little as before."""
    before = spoofed(node)
    data = question(ONE, OTHER)
    said(node, ONE, data[:54] + b"\x80" + data[55:])  # An echo request in its place.
    assert spoofed(node) == before + 1
