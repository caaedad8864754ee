"""What somebody does to a tenant's namespace with the usual commands is seen by observe, and undone by plan."""

from __future__ import annotations

import select
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from agent.kernel.real import Kernel
from agent.tests.kernel.cases import TENANT, intent
from agent.tests.kernel.conftest import REAL, Bench, real_bench
from core.plan import describe
from core.state import KernelObject, Key
from lab import namespace

pytestmark = [pytest.mark.kernel, REAL]

#: Command in the tenant's namespace, and the words by which the difference is told.
TAMPERINGS = (
    ("nft flush ruleset", "table inet contiv was missing"),
    ("nft flush table inet contiv", "chain inet forward differed"),
    ("nft delete table bridge contiv", "table bridge contiv was missing"),
    ("nft flush chain inet contiv deny", "chain inet deny differed"),
    ("nft insert rule inet contiv forward accept", "chain inet forward differed"),
    ("nft add rule inet contiv judge drop", "chain inet judge differed"),
    ("nft 'chain inet contiv forward { policy accept; }'", "chain inet forward differed: hook"),
    ("nft delete element inet contiv group4 { 20.1.1.13 }", "element inet group4 20.1.1.13 was missing"),
    ("nft add element inet contiv group4 { 20.1.1.99 : 1 }", "element inet group4 20.1.1.99 was there though nothing"),
    ("nft flush set inet contiv in_2_p10_allow_group_0", "element inet in_2_p10_allow_group_0"),
    ("nft delete element bridge contiv own_mac { ep11 . 02:02:14:01:01:0b }", "element bridge own_mac"),
    ("nft add chain inet contiv extra '{ type filter hook forward priority -10; policy drop; }'", "chain inet extra"),
    (
        "nft 'add set inet contiv mine { type ipv4_addr . inet_service; elements = { 1.2.3.4 . 22 }; }'",
        "set inet mine was there though nothing",
    ),
    (
        "nft 'add set inet contiv mine { type ipv4_addr . inet_service; flags interval; "
        "elements = { 1.2.3.4 . 22, 1.2.3.0/24 . 80-90 }; }'",
        "element inet mine 1.2.3.4 . 22 was there though nothing",
    ),
    (
        "nft 'add set inet contiv mine { type inet_service; flags interval; elements = { 22, 80-90 }; }'",
        "set inet mine was there though nothing",
    ),
    (
        "nft 'add set inet contiv mine { type ipv4_addr . inet_service; flags dynamic, timeout; timeout 1h; "
        "elements = { 1.2.3.4 . 22, 1.2.3.4 . 23 timeout 5m }; }'",
        "element inet mine 1.2.3.4 . 23 was there though nothing",
    ),
    (
        "nft 'add set inet contiv mine { typeof iifname . ip saddr . meta l4proto . th dport; "
        'elements = { "a" . 1.2.3.4 . tcp . 22 }; }\'',
        "set inet mine was there though nothing",
    ),
    (
        "nft 'add chain inet contiv extra; add map inet contiv mine { type ipv4_addr . inet_service : verdict; "
        "elements = { 1.2.3.4 . 22 : jump extra, 1.2.3.4 . 23 : drop }; }'",
        "chain inet extra was there though nothing",
    ),
    (
        "nft 'add map inet contiv mine { type ipv4_addr : ipv4_addr . inet_service; "
        "elements = { 1.2.3.4 : 5.6.7.8 . 22 }; }'",
        "set inet mine was there though nothing",
    ),
    (
        "nft 'add map inet contiv mine { type inet_service : verdict; flags interval; "
        "elements = { 22-23 : drop }; }; add rule inet contiv judge th dport vmap @mine'",
        "chain inet judge differed",
    ),
    (
        "nft 'add set inet contiv mine { type ipv4_addr; flags dynamic; }; "
        "add rule inet contiv judge update @mine { ip saddr limit rate 9/second }'",
        "set inet mine was there though nothing",
    ),
    ("nft add table ip stranger", "table ip stranger was there though nothing"),
    ("bridge fdb del 02:02:14:01:01:0d dev vx1 master", "bridge FDB entry vx1"),
    ("bridge fdb del 02:02:14:01:01:0d dev vx1 self", "VXLAN FDB entry vx1"),
    ("bridge fdb replace 02:02:14:01:01:0d dev vx1 dst 192.0.2.99 self permanent", "vtep was 192.0.2.99"),
    ("bridge fdb add 02:02:14:01:01:77 dev ep11 master static", "was there though nothing"),
    ("bridge fdb add 02:02:14:01:01:78 dev br1 self local", "was there though nothing"),
    ("bridge fdb append 00:00:00:00:00:00 dev vx1 dst 192.0.2.9 self permanent", "was there though nothing"),
    ("ip neigh del 20.1.1.13 dev br1", "neighbour br1 20.1.1.13 was missing"),
    ("ip neigh replace 20.1.1.13 lladdr 02:00:00:00:00:66 dev br1 nud permanent", "mac was 02:00:00:00:00:66"),
    ("ip route del 20.1.1.0/24", "route 20.1.1.0/24 br1"),
    ("ip route add 20.1.1.13/32 dev br2", "route 20.1.1.13"),
    ("ip route add blackhole 20.1.2.0/25", "route 20.1.2.0/25"),
    ("ip addr del 20.1.1.254/24 dev br1", "address br1 20.1.1.254/24 was missing"),
    ("ip addr del fd01::ff/64 dev br1", "address br1 fd01::ff/64 was missing"),
    ("ip addr add 20.9.9.9/32 dev br1", "address br1 20.9.9.9/32 was there though nothing"),
    ("ip link set br1 down", "up was False"),
    ("ip link set ep11 down", "up was False"),
    ("ip link set ep11 nomaster", "port ep11"),
    ("ip link set vx1 down", "up was False"),
    ("ip link del vx1", "vxlan vx1 was missing"),
    ("ip link del br2", "bridge br2 was missing"),
    ("ip link set br1 type bridge nf_call_iptables 0", "netfilter was False"),
    ("ip link set br1 address 02:00:00:00:00:77", "mac was 02:00:00:00:00:77"),
    ("ip link set br1 mtu 1300", "mtu was 1300"),
    ("ip link set ep11 type bridge_slave learning on", "learning was True"),
    ("ip link set vx1 type bridge_slave flood on", "flood was True"),
    ("ip link add stranger type bridge", "bridge stranger was there"),
    ("tc qdisc del dev ep15 root", "rate limit ep15 was missing"),
    ("tc qdisc replace dev ep15 root tbf rate 1gbit burst 100000 limit 100000", "rate_bps was 1000000000"),
    ("tc qdisc replace dev ep11 root tbf rate 1mbit burst 10000 limit 10000", "rate limit ep11 was there"),
    ("tc qdisc del dev ep15 ingress", "redirect ep15 was missing"),
    ("tc filter del dev ep15 parent ffff:", "redirect ep15 differed"),
    ("ip link set fb15 down", "ifb fb15"),
    ("ip link del fb15", "ifb fb15 was missing"),
    ("sysctl -qw net.ipv4.ip_forward=0", "value was 0, not 1"),
    ("sysctl -qw net.netfilter.nf_conntrack_tcp_loose=1", "value was 1, not 0"),
)


def tamper(bench: Bench, command: str) -> None:
    assert isinstance(bench.kernel, Kernel)
    done = namespace.run_in(
        bench.kernel.path(TENANT),
        lambda: subprocess.run(shlex.split(command), capture_output=True, text=True, check=False),
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def held() -> Iterator[tuple[Bench, dict[Key, KernelObject]]]:
    """One node for all: each tampering is healed before the next."""
    for bench in real_bench():
        yield bench, bench.realize(intent())


@pytest.mark.parametrize(("command", "told"), TAMPERINGS, ids=[command for command, _ in TAMPERINGS])
def test_it_is_seen_told_and_healed(held: tuple[Bench, dict[Key, KernelObject]], command: str, told: str) -> None:
    bench, wanted = held
    watch = bench.kernel.watch(TENANT)
    try:
        assert bench.ops(wanted) == ()
        watch.drain()
        tamper(bench, command)
        ops = bench.ops(wanted)
        sentences = [describe(op) for op in ops]
        assert any(told in sentence for sentence in sentences), sentences
        # Settings of the kernel come with no message: the periodic look finds those.
        assert command.startswith("sysctl") or select.select([watch.fileno()], [], [], 0.5)[0]
    finally:
        watch.close()
        for _ in range(2):
            bench.reach(wanted)
    assert bench.ops(wanted) == ()


def test_a_namespace_that_is_removed_is_made_again(held: tuple[Bench, dict[Key, KernelObject]]) -> None:
    """Though a thread of ours still lives in the old one, whose tunnels must not stand in the new ones' way."""
    bench, _ = held
    subprocess.run(["umount", str(bench.kernel.path(TENANT))], check=True)
    assert bench.kernel.tenants() == set()
    assert bench.kernel.observe(TENANT) == {}
    wanted = bench.realize(intent())
    assert bench.ops(wanted) == ()
