"""What this kernel and its tools can do: each ability is tried in a namespace of its own, never read off a version."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from agent.kernel import libnftables, tools
from agent.kernel.interface import ApplyError, Feature
from agent.kernel.namespace import isolate
from agent.kernel.nflog import SocketLog
from agent.kernel.observe import sysctl_path


@dataclass(frozen=True, slots=True)
class Trial:
    """`attempt` raises ApplyError or OSError where the ability is missing; `remedy` says what would bring it."""

    name: str
    remedy: str
    attempt: Callable[[], None]


def features() -> list[Feature]:
    """Takes a tenth of a second. A missing tool is a missing feature of its own; what stands on it is not tried."""
    missing = [
        Feature(tool, False, f"The program {tool} is missing: install the package {package}.")
        for tool, package in tools.PACKAGES.items()
        if not shutil.which(tool)
    ]
    # A thread's namespace ends with the thread, and everything tried in it.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return missing or pool.submit(_try_all).result()


def _try_all() -> list[Feature]:
    try:
        isolate()
    except OSError as error:
        return [Feature("namespaces", False, f"No network namespace can be made: {error.strerror}. Run it as root.")]
    return [Feature("namespaces", True), *(_try(trial) for trial in TRIALS)]


def _try(trial: Trial) -> Feature:
    try:
        trial.attempt()
    except (ApplyError, OSError) as error:
        return Feature(trial.name, False, f"{str(error).rstrip('.')}. {trial.remedy}")
    return Feature(trial.name, True)


def _batch(tool: str, *commands: str) -> Callable[[], None]:
    def attempt() -> None:
        done = tools.run([tool, "-batch", "-"], "".join(f"{command}\n" for command in commands))
        if done.returncode:
            words = " ".join(text for _, text in tools.complaints(done.stderr, done.returncode))
            raise ApplyError(f"{tools.meaning(words)}.")

    return attempt


def _nft(text: str) -> Callable[[], None]:
    def attempt() -> None:
        done, _, complaint = libnftables.run(text)
        if not done:
            raise ApplyError(complaint.strip().splitlines()[0] if complaint.strip() else "nft refused it.")

    return attempt


def _log() -> None:
    _nft("table inet trial_log { chain c { log group 100; }; }")()
    SocketLog(0).close()


def _setting(name: str) -> Callable[[], None]:
    def attempt() -> None:
        sysctl_path(name).write_text("0")

    return attempt


INTERVALS = "type ipv4_addr . inet_proto . inet_service; flags interval; counter;"
TRIALS = (
    Trial("bridge", "Load the module bridge.", _batch("ip", "link add trialbr type bridge mcast_snooping 0")),
    Trial(
        "br_netfilter",
        "Load the module br_netfilter: without it, policy does not see what passes within a network.",
        _batch("ip", "link add trialnf type bridge nf_call_iptables 1 nf_call_ip6tables 1"),
    ),
    Trial("vxlan", "Load the module vxlan.", _batch("ip", "link add trialvx type vxlan id 1 dstport 4789 nolearning")),
    Trial(
        "8021q",
        "Load the module 8021q, or use VXLAN networks only.",
        _batch("ip", "link add trialup type ifb", "link add link trialup name trialvl type vlan id 2"),
    ),
    Trial("veth", "Load the module veth.", _batch("ip", "link add trialve type veth peer name trialvp")),
    Trial("ifb", "Load the module ifb: what endpoints send is not limited.", _batch("ip", "link add trialfb type ifb")),
    Trial(
        "tbf",
        "Load the module sch_tbf: bandwidth is not limited.",
        _batch("tc", "qdisc replace dev trialfb root tbf rate 1000000bit burst 10000 limit 10000"),
    ),
    Trial(
        "redirect",
        "Load the modules sch_ingress, cls_u32 and act_mirred: what endpoints send is not limited.",
        _batch(
            "tc",
            "qdisc add dev trialve ingress",
            "filter add dev trialve parent ffff: protocol all prio 1 u32 match u32 0 0 "
            "action mirred egress redirect dev trialfb",
        ),
    ),
    Trial(
        "nftables",
        "Load the module nf_tables.",
        _nft("table inet trial { chain c { type filter hook forward priority 0; policy drop; }; }"),
    ),
    Trial(
        "nft interval sets",
        "Rules need concatenated intervals with counters: Linux 5.10 and nft 0.9.8 or later.",
        _nft(f"table inet trial_set {{ set s {{ {INTERVALS} }}; }}"),
    ),
    Trial(
        "conntrack",
        "Load the modules nf_conntrack and nft_ct.",
        _nft("table inet trial_ct { chain c { ct state established ct mark 1 accept; }; }"),
    ),
    Trial(
        "nft bridge",
        "Load the module nft_meta_bridge: endpoints can use addresses that are not theirs.",
        _nft("table bridge trial { chain c { type filter hook prerouting priority -300; iifname x drop; }; }"),
    ),
    Trial("conntrack settings", "Load the module nf_conntrack.", _setting("net.netfilter.nf_conntrack_tcp_loose")),
    Trial("nflog", "Load the module nfnetlink_log: denied connections are counted, not shown.", _log),
)
