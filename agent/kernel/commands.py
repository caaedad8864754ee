"""Ops as lines for `ip`, `bridge` and `tc` in batch mode. Pure: text in the order in which it is to be run.

Every line may be run twice: creating what is there and deleting what is gone fail in ways that `TOLERATED` knows, and
the lines after such a one set the existing object right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from core import ids
from core.plan import Op
from core.state import (
    Address,
    Bridge,
    BridgeFdb,
    ForeignLink,
    ForeignQdisc,
    Ifb,
    KernelObject,
    Membership,
    Neighbour,
    Port,
    Redirect,
    Route,
    Tbf,
    Vlan,
    Vxlan,
    VxlanFdb,
)

#: What the tools say when a line asked for what is so already, by what the line does.
TOLERATED = {
    "add": ("File exists", "Exclusivity flag on"),
    "del": (
        "Cannot find device",
        "No such file or directory",
        "No such process",
        "No such device",
        "Cannot assign requested address",
        "Cannot find specified qdisc",
        "Cannot delete qdisc with handle of zero",
        "Invalid qdisc name",
        "Address not found",
        "Parent Qdisc doesn't exists",
        "Cannot find specified filter chain",
        "Invalid handle",
        # An entry of a port that has left its bridge, and left its entries there.
        "Operation not supported",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One command. `tool` is ip, bridge or tc in the tenant's namespace, or node: ip in the node's. `does` is add,
    del or set, and says which complaints are none."""

    tool: str
    text: str
    op: Op
    does: str = "set"


@dataclass(frozen=True, slots=True)
class Where:
    """What the lines must know of the node: a path that leads to the tenant's namespace, and the underlay device."""

    namespace: str
    underlay: str


def tolerates(line: Line, complaint: str) -> bool:
    return any(text in complaint for text in TOLERATED.get(line.does, ()))


def batches(ops: Iterable[Op], where: Where) -> Iterator[list[Line]]:
    """Runs of lines of one tool."""
    for _, run in groupby(_arranged(ops, where), key=lambda line: line.tool):
        yield list(run)


def _arranged(ops: Iterable[Op], where: Where) -> Iterator[Line]:
    """Among devices that are made, all those that must go first come first, then all that the node's namespace makes,
    then the rest: three runs for all of them, not three for each."""
    for devices, stretch in groupby(ops, key=lambda op: op.action != "delete" and isinstance(op.new, Made)):
        lines = [line for op in stretch for line in _lines(op, where)]
        yield from sorted(lines, key=_stage) if devices else lines


Made = Bridge | Vxlan | Vlan | Ifb


def _stage(line: Line) -> int:
    return 0 if line.does == "del" else 1 if line.tool == "node" else 2


def _lines(op: Op, where: Where) -> Iterator[Line]:
    if op.action == "delete":
        assert op.old is not None
        written = _delete(op.old)
    else:
        assert op.new is not None
        written = _write(op.old, op.new, where)
    for tool, does, text in written:
        yield Line(tool, text, op, does)


#: Tool, what the line does, its text.
Written = Iterator[tuple[str, str, str]]


def _write(old: KernelObject | None, new: KernelObject, where: Where) -> Written:
    match new:
        case Bridge() | Vxlan() | Vlan() | Ifb():
            yield from _device(old, new, where)
        case Port():
            yield from _member(new.name, new.member, new.mtu)
        case Address():
            yield "ip", "set", f"addr replace {new.address} dev {new.device}{' nodad' if ':' in new.address else ''}"
        case Route():
            yield from _route(old, new)
        case Neighbour():
            yield "ip", "set", _neighbour(new)
        case BridgeFdb():
            yield "bridge", "set", f"fdb replace {new.mac} dev {new.device} master static"
        case VxlanFdb():
            yield "bridge", "set", f"fdb replace {new.mac} dev {new.device} dst {new.vtep} self permanent"
        case Tbf():
            shape = f"tbf rate {new.rate_bps}bit burst {new.burst_bytes} limit {new.limit_bytes}"
            yield "tc", "set", f"qdisc replace dev {new.device} root {shape}"
        case Redirect():
            yield from _redirect(old, new)
        case _:
            raise TypeError(f"A {new.kind} is not made with ip, bridge or tc.")


def _delete(old: KernelObject) -> Written:
    match old:
        case Port():
            yield "ip", "del", f"link set dev {old.name} down nomaster"
        case Bridge() | Vxlan() | Vlan() | Ifb() | ForeignLink():
            yield "ip", "del", f"link del dev {old.name}"
        case Address():
            yield "ip", "del", f"addr del {old.address} dev {old.device}"
        case Route():
            yield "ip", "del", f"route del {_route_text(old)}"
        case Neighbour():
            # `ip neigh del` of what is gone ends the whole batch without naming its line, so it is made to be there.
            yield "ip", "del", _neighbour(old)
            yield "ip", "del", f"neigh del {old.address} dev {old.device}"
        case BridgeFdb():
            vlan = f" vlan {old.vlan}" if old.vlan else ""
            # What a bridge keeps for itself is its own entry, not that of a port of it.
            side = "self" if ids.network_of_bridge(old.device) else "master"
            yield "bridge", "del", f"fdb del {old.mac} dev {old.device} {side}{vlan}"
        case VxlanFdb():
            yield "bridge", "del", f"fdb del {old.mac} dev {old.device} self"
        case Tbf() | ForeignQdisc():
            yield "tc", "del", f"qdisc del dev {old.device} root"
        case Redirect():
            yield from _no_ingress(old.device)
        case _:
            raise TypeError(f"A {old.kind} is not removed with ip, bridge or tc.")


def _device(old: KernelObject | None, new: Bridge | Vxlan | Vlan | Ifb, where: Where) -> Written:
    """Make the device if it is not there, then set it up; replace one that cannot be altered into what is wanted."""
    if old is not None and _identity(old) != _identity(new):
        yield "ip", "del", f"link del dev {new.name}"
    if old is None or _identity(old) != _identity(new):
        yield from _make(new, where)
    match new:
        case Bridge():
            yield "ip", "set", f"link set dev {new.name} up mtu {new.mtu} address {new.mac} type bridge {BRIDGE_FLAGS}"
            if isinstance(old, Bridge) and old.vlan_filtering:
                # Not asked for where it is off already: a kernel without VLAN filtering refuses to turn it off.
                yield "ip", "set", f"link set dev {new.name} type bridge vlan_filtering 0"
        case Vxlan():
            if isinstance(old, Vxlan) and old != new:
                yield "ip", "set", f"link set dev {new.name} type vxlan local {new.local} nolearning tos inherit"
            yield from _member(new.name, new.member, new.mtu)
        case Vlan():
            yield from _member(new.name, new.member, new.mtu)
        case Ifb():
            yield "ip", "set", f"link set dev {new.name} up"


BRIDGE_FLAGS = "nf_call_iptables 1 nf_call_ip6tables 1 mcast_snooping 0 stp_state 0"


def _identity(thing: KernelObject) -> tuple[object, ...]:
    """What of a device is given at its making only."""
    match thing:
        case Vxlan():
            return (thing.kind, thing.vni, thing.port)
        case Vlan():
            return (thing.kind, thing.tag)
        case _:
            return (thing.kind,)


def _make(new: Bridge | Vxlan | Vlan | Ifb, where: Where) -> Written:
    match new:
        case Bridge():
            yield "ip", "add", f"link add name {new.name} address {new.mac} mtu {new.mtu} type bridge {BRIDGE_FLAGS}"
        case Ifb():
            yield "ip", "add", f"link add name {new.name} type ifb"
        case Vxlan():
            shape = f"type vxlan id {new.vni} local {new.local} dstport {new.port} nolearning tos inherit"
            yield "node", "add", f"link add name {new.name} mtu {new.mtu} netns {where.namespace} {shape}"
        case Vlan():
            shape = f"link {where.underlay} type vlan id {new.tag}"
            yield "node", "add", f"link add name {new.name} netns {where.namespace} {shape}"


def _member(name: str, member: Membership, mtu: int) -> Written:
    """Into the bridge first, then its flags, up last: nothing passes before it is as it should be."""
    flags = {
        "learning": member.learning,
        "flood": member.flood,
        "mcast_flood": member.mcast_flood,
        "bcast_flood": member.bcast_flood,
        "neigh_suppress": member.neigh_suppress,
        "hairpin": member.hairpin,
    }
    text = " ".join(f"{flag} {'on' if value else 'off'}" for flag, value in flags.items())
    yield "ip", "set", f"link set dev {name} mtu {mtu} master {member.bridge}"
    yield "ip", "set", f"link set dev {name} up type bridge_slave {text}"


def _neighbour(thing: Neighbour) -> str:
    return f"neigh replace {thing.address} lladdr {thing.mac} dev {thing.device} nud permanent"


def _route(old: KernelObject | None, new: Route) -> Written:
    """A connected route comes with its address, so mostly it is there already; one that says otherwise is replaced."""
    if old is None:
        yield "ip", "add", f"route append {_route_text(new)} proto kernel"
    else:
        yield "ip", "set", f"route replace {_route_text(new)} proto kernel"


def _route_text(thing: Route) -> str:
    words = [thing.prefix] if thing.type == "unicast" else [thing.type, thing.prefix]
    words += ["via", thing.via] if thing.via else []
    words += ["dev", thing.device] if thing.device else []
    words += ["src", thing.source] if thing.source else []
    words += ["metric", str(thing.metric)] if thing.metric else []
    words += ["table", thing.table] if thing.table != "main" else []
    # A route with a source and no next hop is reached on its own segment.
    words += ["scope", "link"] if thing.source and not thing.via else []
    return " ".join(words)


def _redirect(old: KernelObject | None, new: Redirect) -> Written:
    if old is not None:
        yield from _no_ingress(new.device)
    yield "tc", "add", f"qdisc add dev {new.device} ingress"
    match_all = "protocol all prio 1 handle 800::800 u32 match u32 0 0"
    yield (
        "tc",
        "set",
        f"filter replace dev {new.device} parent ffff: {match_all} action mirred egress redirect dev {new.to}",
    )


def _no_ingress(device: str) -> Written:
    """Whichever of the two kinds hangs there; the other is tolerated as gone."""
    yield "tc", "del", f"qdisc del dev {device} clsact"
    yield "tc", "del", f"qdisc del dev {device} ingress"
