"""The packet pipeline of a tenant's namespace as data: nft tables, their fixed chains, and the chains made from rules.

    bridge  prerouting ─▶ from_endpoint ─▶ spoofed                 an endpoint uses its own addresses only
    inet    forward ─▶ current (judged under this epoch: accept)
                    ─▶ judge ─▶ out_<group> ─▶ in_<group> ─▶ stamp  each chain: one look-up per layer, then default
                    ─▶ judge_reply ─▶ the same with source and destination exchanged
    inet    input                                                  the gateway answers echo, nothing else

docs/design.md, "Isolation", says why. What changes with a tenant's default or epoch stands in chains of its own
(current, stamp, default), so that such a change touches three short chains and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from core.ids import TABLE
from core.model import Action
from core.ruleset import Chain, Element, Hook, Set, Table, chain
from core.spec import ChainItem, Layer, MatchItem
from core.state import KernelObject

#: Group of the kernel's packet log that denied packets are sampled to; every namespace has its own 65536 of them.
LOG_GROUP = 100
#: Denied packets logged per tenant and second, and how many may come at once; the rest is counted only.
LOG_RATE, LOG_BURST = 50, 100
#: As much of a denied packet as holds an IPv6 header, some extension headers and the ports.
LOG_BYTES = 128

ND = "{ nd-neighbor-solicit, nd-neighbor-advert }"
#: What a layer's peer is compared with, for the first packet's direction and for the other.
PEER = {"group": "meta mark", "net4": "ip {side}", "net6": "ip6 {side}"}
PEER_TYPE = {"group": "mark", "net4": "ipv4_addr", "net6": "ipv6_addr"}
#: The own side's address stands before it where a layer is narrowed.
OWN = {0: "", 4: "ip {side} . ", 6: "ip6 {side} . "}
OWN_TYPE = {0: "", 4: "ipv4_addr . ", 6: "ipv6_addr . "}
FAMILIES = (("ip", "4", "ipv4_addr"), ("ip6", "6", "ipv6_addr"))


def base(tenant: int) -> Iterator[KernelObject]:
    """What every tenant's namespace has, whatever its networks and rules are."""
    yield Table("inet", TABLE)
    yield Table("bridge", TABLE)
    yield from _sets()
    yield chain("inet", "forward", FORWARD, Hook("filter", "forward", 0, "drop"))
    yield chain("inet", "input", INPUT, Hook("filter", "input", 0, "drop"))
    yield chain("inet", "judge", _judge("saddr", "daddr", ""))
    yield chain("inet", "judge_reply", _judge("daddr", "saddr", "_reply"))
    yield chain("inet", "deny", _deny(tenant))
    yield chain(
        "bridge", "prerouting", ('iifname "ep*" goto from_endpoint',), Hook("filter", "prerouting", -300, "accept")
    )
    yield chain("bridge", "from_endpoint", FROM_ENDPOINT)
    yield chain("bridge", "spoofed", ("counter drop",))


def _sets() -> Iterator[Set]:
    for _, digit, address in FAMILIES:
        yield Set("inet", f"group{digit}", address, "mark")
        yield Set("inet", f"dscp{digit}", address, "verdict")
        for name in ("egress", "ingress"):
            yield Set("inet", f"{name}{digit}", address, "verdict")
            yield Set("inet", f"{name}{digit}_reply", address, "verdict")
        yield Set("bridge", f"own{digit}", f"ifname . {address}")
    yield Set("inet", "broadcast4", "ipv4_addr")
    yield Set("bridge", "own_mac", "ifname . ether_addr")
    yield Set("bridge", "own6_target", "ifname . integer")


FORWARD = (
    "ip saddr vmap @dscp4",
    "ip6 saddr vmap @dscp6",
    # Address requests stay on their segment: one that was routed has lost a hop.
    f"ip6 hoplimit 255 icmpv6 type {ND} accept",
    "ip daddr { 224.0.0.0/4, 255.255.255.255 } drop",
    "ip daddr @broadcast4 drop",
    "ip6 daddr ff00::/8 drop",
    # Options can ask for another way than the one that is judged.
    "ip hdrlength != 5 drop",
    "ct state established,related jump current",
    "ct state related,invalid,untracked drop",
    # Who began is known where there are ports or echo numbers. Between two addresses that speak any other protocol
    # each packet stands for itself, or a connection that is denied by now would hold up the other way for ever.
    "ct direction reply meta l4proto { icmp, tcp, udp, ipv6-icmp } goto judge_reply",
    "goto judge",
)

INPUT = (
    f"ip6 hoplimit 255 icmpv6 type {ND} accept",
    "icmp type echo-request accept",
    "icmpv6 type echo-request accept",
)

FROM_ENDPOINT = (
    "iifname . ether saddr != @own_mac goto spoofed",
    "ether type arp arp operation request arp saddr ip 0.0.0.0 iifname . arp saddr ether @own_mac accept",
    "ether type arp iifname . arp saddr ip @own4 iifname . arp saddr ether @own_mac accept",
    "ether type arp goto spoofed",
    "icmpv6 type { nd-router-advert, nd-redirect } goto spoofed",
    # An answer about addresses tells of the endpoint's own, or of the link-local one that its MAC gives it.
    "icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @own6_target goto spoofed",
    f"ip6 hoplimit 255 icmpv6 type {ND} iifname . ip6 saddr @own6 accept",
    f"ip6 hoplimit 255 icmpv6 type {ND} ip6 saddr {{ ::, fe80::/10 }} accept",
    # Only unicast passes. A container's kernel speaks multicast of itself, which is no attempt to deceive.
    "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 drop",
    "ether type ip iifname . ip saddr @own4 accept",
    "ether type ip6 iifname . ip6 saddr @own6 accept",
    "goto spoofed",
)


def _judge(source: str, destination: str, suffix: str) -> tuple[str, ...]:
    """Outgoing rules of the source see the destination's group in the mark, incoming ones of the destination the
    source's; `source` and `destination` say where the connection's sides stand in this packet."""
    return (
        *_marked_by(destination),
        *(f"{family} {source} vmap @egress{digit}{suffix}" for family, digit, _ in FAMILIES),
        *_marked_by(source),
        *(f"{family} {destination} vmap @ingress{digit}{suffix}" for family, digit, _ in FAMILIES),
        "goto stamp",
    )


def _marked_by(side: str) -> tuple[str, ...]:
    return (
        "meta mark set 0",
        *(f"meta mark set {family} {side} map @group{digit}" for family, digit, _ in FAMILIES),
    )


def _deny(tenant: int) -> tuple[str, ...]:
    log = f'log prefix "t{tenant}" group {LOG_GROUP} snaplen {LOG_BYTES}'
    return (f"limit rate {LOG_RATE}/second burst {LOG_BURST} packets {log}", "counter drop")


#: The chains that know the epoch. They change after everything that is judged by does (agent.kernel.grace says why).
EPOCH_CHAINS = ("current", "stamp")


def epoch_chains(epoch: int, default: Action) -> Iterator[Chain]:
    """What a change of epoch or default rewrites. A packet too short to have ports matches no rule that looks at
    them: it must not pass by default, so stamping asks for ports, too (any four bytes will do)."""
    yield chain("inet", "current", (f"ct mark {epoch} accept",))
    yield chain("inet", "stamp", (f"th dport 0-65535 ct mark set {epoch} accept",))
    yield chain("inet", "default", ("goto deny",) if default == "deny" else ())


def dscp_chain(dscp: int) -> Chain:
    """Marks what some endpoints send. The rules fall through to the one after the look-up that led here."""
    return chain("inet", f"dscp_{dscp}", tuple(f"{family} dscp set {dscp}" for family, _, _ in FAMILIES))


def group_chain_name(direction: str, group: int) -> str:
    return f"{direction}_{group}"


def layer_set_name(direction: str, group: int, layer: Layer) -> str:
    narrowed = f"_own{layer.own}" if layer.own else ""
    return f"{direction}_{group}_p{layer.priority}_{layer.action}_{layer.kind}_{layer.plane}{narrowed}"


#: Names that layer_set_name makes, and no other set of ours has.
LAYER_SET = re.compile(r"(in|out)_\d+_p\d+_")


def is_layer_set(name: str) -> bool:
    """Whether a set of ours is a layer's: those have intervals and counters, the others neither."""
    return LAYER_SET.match(name) is not None


def group_chains(item: ChainItem) -> Iterator[KernelObject]:
    """The chains of a group's rules of one direction, and the sets they look into."""
    name = group_chain_name(item.direction, item.group)
    for layer in item.layers:
        yield Set(
            "inet",
            layer_set_name(item.direction, item.group, layer),
            f"{OWN_TYPE[layer.own]}{PEER_TYPE[layer.kind]} . inet_proto . inet_service",
            interval=True,
            counter=True,
        )
    for suffix, swapped in (("", False), ("_reply", True)):
        rules = (*(_look_up(item, layer, swapped) for layer in item.layers), "goto default")
        yield chain("inet", name + suffix, rules)


def _look_up(item: ChainItem, layer: Layer, swapped: bool) -> str:
    """One layer as a rule. The peer of an incoming rule is the source, of an outgoing one the destination; the port
    is always that of the connection's destination. `swapped`: the packet is an answer."""
    peer_is_source = (item.direction == "in") != swapped
    sides = ("saddr", "daddr") if peer_is_source else ("daddr", "saddr")
    peer, own = PEER[layer.kind].format(side=sides[0]), OWN[layer.own].format(side=sides[1])
    port = "th sport" if swapped else "th dport"
    verdict = "return" if layer.action == "allow" else "goto deny"
    name = layer_set_name(item.direction, item.group, layer)
    return f"{own}{peer} . meta l4proto . {port} @{name} {verdict}"


def match_element(item: MatchItem) -> Element:
    name = layer_set_name(item.direction, item.group, item.layer)
    own = f"{_as_printed(item.own)} . " if item.own else ""
    match = f"{own}{_as_printed(item.peer)} . {interval(item.protocol)} . {interval(item.ports)}"
    return Element("inet", name, match, comment=str(item.rule))


def _as_printed(span: str) -> str:
    """Addresses as nft prints them: a single one without its length."""
    return span.removesuffix("/128" if ":" in span else "/32")


def interval(bounds: Iterable[int]) -> str:
    """A closed interval as nft prints it: one number where both ends are the same."""
    first, last = bounds
    return str(first) if first == last else f"{first}-{last}"
