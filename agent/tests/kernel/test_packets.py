"""Real packets through two nodes that the agent's kernel alone has set up: what passes, what does not, what is cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent.tests.kernel.cases import FACTS, TENANT, desired, here, intent, with_rules
from agent.tests.kernel.conftest import REAL, Bench, bench_on, ip, new_node
from core.compile import compile_tenant
from core.diff import diff
from core.model import ICMP, ICMPV6, TCP, UDP, Peer, PortRange, Rule, TenantIntent
from core.plan import plan
from core.render import render
from lab import namespace
from lab.probe import How, Probe, run

pytestmark = [pytest.mark.kernel, REAL]

ONLY_5432 = (
    Rule(104, "in", 10, "allow", Peer("group", 1), TCP, (PortRange(5432, 5432),)),
    Rule(102, "in", 1, "deny", Peer("any")),
)
ETHERNET_IP4 = b"\x08\x00"


@dataclass
class Pair:
    """Two nodes, each with its kernel, a cable between their uplinks."""

    benches: dict[int, Bench]

    def realize(self, tenant: TenantIntent) -> None:
        for bench in self.benches.values():
            bench.realize(tenant)

    def container(self, endpoint: int) -> Path:
        return next(Path(b.places[endpoint]) for b in self.benches.values() if endpoint in b.places)

    def probe(self, source: int, address: str, protocol: int, port: int | None = None) -> Probe:
        number = int(address.rpartition(".")[2]) if "." in address else int(address.rpartition(":")[2], 16)
        return Probe(self.container(source), self.container(number), address, protocol, port)

    def ask(self, *probes: Probe) -> list[How]:
        return asyncio.run(run(probes, timeout_s=0.8))


@pytest.fixture(scope="module")
def cable() -> Iterator[Pair]:
    one, two = new_node(), new_node()
    namespace.run_in(one, lambda: ip(f"link add up0 type veth peer name up0 netns {two}\n"))
    for number, node in ((1, one), (2, two)):
        lines = f"addr add 192.0.2.{number}/24 dev up0\nlink set up0 up\n"
        namespace.run_in(node, lambda lines=lines: ip(lines))  # type: ignore[misc]
    with contextlib.ExitStack() as stack:
        benches = {
            number: stack.enter_context(contextlib.contextmanager(bench_on)(node, number))
            for number, node in ((1, one), (2, two))
        }
        yield Pair(benches)


@pytest.fixture
def pair(cable: Pair) -> Pair:
    cable.realize(intent())
    return cable


def test_what_is_allowed_is_answered_in_a_network_over_nodes_and_between_networks(pair: Pair) -> None:
    asked = [
        pair.probe(11, "20.1.1.12", TCP, 5432),
        pair.probe(11, "20.1.1.14", TCP, 5433),
        pair.probe(11, "fd01::e", TCP, 5432),
        pair.probe(11, "20.1.1.14", ICMP),
        pair.probe(11, "fd01::e", ICMPV6),
        pair.probe(15, "20.1.2.16", UDP, 53),
        pair.probe(15, "20.1.1.11", TCP, 80),
        pair.probe(15, "20.1.1.13", TCP, 80),
        pair.probe(15, "fd01::d", UDP, 80),
        pair.probe(15, "20.1.1.13", ICMP),
        pair.probe(13, "fd02::f", ICMPV6),
    ]
    assert pair.ask(*asked) == ["answered"] * len(asked)


def test_what_is_denied_is_silent(pair: Pair) -> None:
    asked = [
        pair.probe(11, "20.1.1.12", TCP, 80),
        pair.probe(11, "20.1.1.14", UDP, 5432),
        pair.probe(11, "fd01::e", TCP, 80),
        pair.probe(15, "20.1.1.14", TCP, 5432),
        pair.probe(15, "20.1.1.12", ICMP),
        pair.probe(16, "fd01::c", ICMPV6),
    ]
    assert set(pair.ask(*asked)) == {"silence"}


def test_the_gateway_answers_echoes_and_nothing_else(pair: Pair) -> None:
    container = pair.container(11)
    for command in ("20.1.1.254", "fd01::ff"):
        assert echoed(container, command)
    with socket_of(container, socket.SOCK_STREAM) as client:
        client.settimeout(0.4)
        with pytest.raises(TimeoutError):
            client.connect(("20.1.1.254", 22))


def test_a_new_rule_cuts_a_running_connection_and_keeps_the_other(pair: Pair) -> None:
    with conversation(pair, 11, 14, 5432) as kept, conversation(pair, 11, 14, 5433) as cut:
        assert kept() and cut()
        pair.realize(with_rules(intent(), *ONLY_5432))
        assert kept()
        assert not cut()
        assert not cut()
        pair.realize(intent())
        assert cut() and kept()


def test_a_connection_that_is_allowed_outlives_any_number_of_changes(pair: Pair) -> None:
    """Also with the agent's process exchanged in between."""
    with conversation(pair, 11, 14, 5432) as talk:
        for _ in range(5):
            for rules in (ONLY_5432, ONLY_5432[:1]):
                pair.realize(with_rules(intent(), *rules))
                assert talk()
            for bench in pair.benches.values():
                bench.kernel = bench.again()


def test_an_endpoint_that_pretends_is_dropped_and_counted(pair: Pair) -> None:
    bench = pair.benches[2]
    before = bench.kernel.counters(TENANT).spoofed
    own, other = "02:02:14:01:01:0d", "02:02:14:01:01:0e"
    with listening(pair.container(11), 7000) as ear:
        for mac, address, arrives in ((own, "20.1.1.13", True), (own, "20.1.1.14", False), (other, "20.1.1.13", False)):
            send_frame(pair.container(13), datagram(mac, "02:02:14:01:01:0b", address, "20.1.1.11", 7000))
            assert heard(ear) is arrives
    assert bench.kernel.counters(TENANT).spoofed == before + 2


def test_a_false_address_answer_is_dropped(pair: Pair) -> None:
    """An endpoint that says of another one's address that it is its own would get its packets."""
    bench = pair.benches[2]
    before = bench.kernel.counters(TENANT).spoofed
    send_frame(pair.container(13), address_answer("02:02:14:01:01:0d", "20.1.1.14"))
    assert bench.kernel.counters(TENANT).spoofed == before + 1


def test_a_packet_with_options_or_to_everybody_does_not_pass(pair: Pair) -> None:
    mac, there = "02:02:14:01:01:0d", "02:02:14:01:01:0b"
    with listening(pair.container(11), 7001) as ear:
        send_frame(
            pair.container(13), datagram(mac, there, "20.1.1.13", "20.1.1.11", 7001, options=b"\x01\x01\x01\x00")
        )
        assert not heard(ear)
        send_frame(pair.container(13), datagram(mac, there, "20.1.1.13", "20.1.1.255", 7001))
        send_frame(pair.container(13), datagram(mac, "ff:ff:ff:ff:ff:ff", "20.1.1.13", "255.255.255.255", 7001))
        assert not heard(ear)


def test_hits_are_counted_by_rule_on_one_node_only(pair: Pair) -> None:
    before = [b.kernel.counters(TENANT).rules.get(101, (0, 0))[0] for b in pair.benches.values()]
    with conversation(pair, 11, 14, 5432) as talk:
        assert talk() and talk()
    after = [b.kernel.counters(TENANT).rules.get(101, (0, 0))[0] for b in pair.benches.values()]
    assert [now - then for now, then in zip(after, before, strict=True)] == [0, 1]


def test_traffic_is_counted_as_the_endpoint_sees_it(pair: Pair) -> None:
    before = pair.benches[1].kernel.counters(TENANT).endpoints[11]
    pair.ask(*[pair.probe(11, "20.1.1.14", TCP, 5432)] * 3)
    after = pair.benches[1].kernel.counters(TENANT).endpoints[11]
    assert all(now > then for now, then in zip(after, before, strict=True))


@pytest.mark.parametrize(("address", "source"), [("20.1.1.14", "20.1.1.11"), ("fd01::e", "fd01::b")])
def test_a_denied_packet_is_sampled_with_its_addresses_and_ports(pair: Pair, address: str, source: str) -> None:
    bench = pair.benches[2]
    log = bench.kernel.denied_log(TENANT)
    before = bench.kernel.counters(TENANT).denied
    pair.ask(pair.probe(11, address, TCP, 81))
    found = log.read()
    log.close()
    assert {(d.tenant, d.source, d.destination, d.protocol, d.destination_port) for d in found} == {
        (TENANT, source, address, TCP, 81)
    }
    assert bench.kernel.counters(TENANT).denied > before


def test_a_large_packet_fits_the_tunnel(pair: Pair) -> None:
    """1450 bytes and no more: not a fragment on the underlay, and none lost."""
    with conversation(pair, 11, 14, 5432, size=100_000) as talk:
        assert talk()


def test_what_a_limited_endpoint_sends_takes_its_time(pair: Pair) -> None:
    """1 MB at 10 Mbit/s is 0.8 s; roughly, the benchmarks measure it."""
    seconds = transfer(pair, 15, 16, "20.1.2.16", 1_000_000)
    assert 0.6 < seconds < 1.2
    assert transfer(pair, 11, 13, "20.1.1.13", 1_000_000) < 0.3


def test_a_mark_is_on_what_the_endpoint_sends(pair: Pair) -> None:
    with listening(pair.container(13), 7002) as ear, socket_of(pair.container(15), socket.SOCK_DGRAM) as client:
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        client.sendto(b"x", ("20.1.1.13", 7002))
        ear.settimeout(1)
        _, ancillary, _, _ = ear.recvmsg(100, 100)
    assert [data[0] >> 2 for _, kind, data in ancillary if kind == socket.IP_TOS] == [46]


def test_a_port_is_closed_until_its_policy_is_there(pair: Pair) -> None:
    """Unplugged and plugged in again: nothing passes before the Port is applied."""
    bench = pair.benches[2]
    bench.kernel.detach(TENANT, 13)
    bench.plug(next(one for one in here(intent(), 2) if one.id == 13))
    assert pair.ask(pair.probe(11, "20.1.1.13", TCP, 80)) != ["answered"]
    bench.reach(desired(intent(), [13, 14, 16], 2))
    assert pair.ask(pair.probe(11, "20.1.1.13", TCP, 80)) == ["answered"]


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "20.1.1.13"), (socket.AF_INET6, "fd01::d")])
def test_who_asked_for_an_endpoint_too_early_is_told_when_it_is_there(
    pair: Pair, family: socket.AddressFamily, address: str
) -> None:
    """A packet to an address nobody has yet waits in its container, which would ask again in a minute only."""
    asking = pair.container(11)
    version = "4" if family == socket.AF_INET else "6"
    waits = f"/proc/sys/net/ipv{version}/neigh/eth0/retrans_time_ms"
    namespace.run_in(asking, lambda: Path(waits).write_text("60000"))
    without = replace(intent(), endpoints=tuple(e for e in intent().endpoints if e.id != 13))
    pair.benches[1].realize(without)
    namespace.run_in(asking, lambda: ip("neigh flush dev eth0\n"))
    with (
        namespace.socket_in(pair.container(13), family, socket.SOCK_DGRAM) as ear,
        namespace.socket_in(asking, family, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind(("::" if version == "6" else "0.0.0.0", 4711))
        mouth.sendto(b"early", (address, 4711))
        time.sleep(0.1)
        pair.benches[1].realize(intent())
        ear.settimeout(5)
        assert ear.recv(100) == b"early"


def test_another_tenant_with_the_same_addresses_is_another_world(pair: Pair) -> None:
    """Tags are the tenants' own, so the same addresses meet nobody of the other."""
    green = replace(intent(), id=8, networks=tuple(replace(n, tag=n.tag + 100) for n in intent().networks))
    kernel = pair.benches[1].kernel

    wanted = render(compile_tenant(green)[1], [], FACTS[1])
    kernel.apply(8, plan(diff(wanted, kernel.observe(8))))
    assert kernel.tenants() == {TENANT, 8}
    assert diff(wanted, kernel.observe(8)).empty
    assert pair.ask(pair.probe(11, "20.1.1.14", TCP, 5432)) == ["answered"]
    kernel.apply(8, plan(diff({}, kernel.observe(8))))
    assert kernel.tenants() == {TENANT}


# --- packets ----------------------------------------------------------------------------------------------------------


def socket_of(container: Path, kind: int, family: int = socket.AF_INET, protocol: int = 0) -> socket.socket:
    return namespace.run_in(container, lambda: socket.socket(family, kind, protocol))


def echoed(container: Path, address: str) -> bool:
    """An echo request to somebody who is no container of ours, and the answer."""
    six = ":" in address
    family, protocol, kind = (socket.AF_INET6, ICMPV6, 128) if six else (socket.AF_INET, ICMP, 8)
    with socket_of(container, socket.SOCK_RAW, family, protocol) as raw:
        raw.settimeout(0.8)
        # The kernel fills in the checksum of ICMPv6; this one of ICMP is that of nothing but the kind.
        raw.sendto(struct.pack("!BBHHH", kind, 0, 0 if six else 0xFFFF - (kind << 8), 0, 0), (address, 0))
        with contextlib.suppress(TimeoutError):
            while answer := raw.recvfrom(200):
                if answer[1][0] == address and answer[0][0 if six else 20] == (129 if six else 0):
                    return True
    return False


@contextlib.contextmanager
def listening(container: Path, port: int) -> Iterator[socket.socket]:
    with socket_of(container, socket.SOCK_DGRAM) as ear:
        ear.bind(("0.0.0.0", port))
        yield ear


def heard(ear: socket.socket) -> bool:
    ear.settimeout(0.3)
    try:
        return bool(ear.recv(100))
    except TimeoutError:
        return False


@contextlib.contextmanager
def conversation(pair: Pair, source: int, destination: int, port: int, size: int = 10):  # type: ignore[no-untyped-def]
    """A TCP connection; calling it says whether `size` bytes get there and back in time."""
    address = f"20.1.1.{destination}"
    with socket_of(pair.container(destination), socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen()
        with socket_of(pair.container(source), socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect((address, port))
            there, _ = server.accept()
            with there:
                yield lambda: passes(client, there, size) and passes(there, client, size)


def passes(sender: socket.socket, receiver: socket.socket, size: int) -> bool:
    """Bytes that were lost before come again, so more than was sent may be there to read."""
    deadline = time.monotonic() + 1.5
    sender.setblocking(False)
    receiver.setblocking(False)
    sent = got = 0
    while got < size and time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            sent += sender.send(b"x" * (size - sent)) if sent < size else 0
        with contextlib.suppress(BlockingIOError):
            got += len(receiver.recv(1 << 16))
        time.sleep(0.001)
    return got >= size


def transfer(pair: Pair, source: int, destination: int, address: str, size: int) -> float:
    """Seconds that `size` bytes take."""
    with socket_of(pair.container(destination), socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, 9000))
        server.listen()
        with socket_of(pair.container(source), socket.SOCK_STREAM) as client:
            client.connect((address, 9000))
            there, _ = server.accept()
            began, got = time.monotonic(), 0
            client.setblocking(False)
            left = size
            with there:
                there.settimeout(0.01)
                while got < size and time.monotonic() < began + 5:
                    with contextlib.suppress(BlockingIOError):
                        left -= client.send(bytes(min(left, 65536))) if left else 0
                    with contextlib.suppress(TimeoutError):
                        got += len(there.recv(1 << 16))
            assert got == size
            return time.monotonic() - began


def send_frame(container: Path, frame: bytes) -> None:
    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("eth0", 0))
            raw.send(frame)

    namespace.run_in(container, send)
    time.sleep(0.02)


def binary(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def datagram(
    source_mac: str, destination_mac: str, source: str, destination: str, port: int, options: bytes = b""
) -> bytes:
    """An Ethernet frame with a UDP datagram of one byte, without a UDP checksum (IPv4 allows that)."""
    udp = struct.pack("!HHHH", 7, port, 9, 0) + b"x"
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + len(udp), 1, 0, 64, UDP, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination) + options
    return binary(destination_mac) + binary(source_mac) + ETHERNET_IP4 + with_checksum(head) + udp


def with_checksum(head: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]


def address_answer(mac: str, address: str) -> bytes:
    """An ARP reply to everybody: `address` is at `mac`."""
    said = binary(mac) + socket.inet_aton(address)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + said + said
    return b"\xff" * 6 + binary(mac) + b"\x08\x06" + body
