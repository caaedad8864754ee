"""What one namespace of the fake kernel holds, and what the kernel would do by itself when something in it changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface

from agent.kernel.fake_rules import Judge, overlap, references
from agent.kernel.interface import ApplyError, Attachment, Counters
from core import ids
from core.plan import Op
from core.render import IP6_METRIC, SYSCTLS
from core.state import (
    Address,
    Bridge,
    BridgeFdb,
    Chain,
    Element,
    ForeignQdisc,
    Ifb,
    KernelObject,
    Key,
    Membership,
    Neighbour,
    Port,
    Redirect,
    Route,
    Set,
    Sysctl,
    Table,
    Tbf,
    Vlan,
    Vxlan,
    VxlanFdb,
)
from core.state import Namespace as NamespaceObject

Objects = dict[Key, KernelObject]
#: What hangs on a device and goes with it.
HANGING = (Address, Route, Neighbour, BridgeFdb, VxlanFdb, Tbf, ForeignQdisc, Redirect)


def _defaults() -> Objects:
    """A new namespace: the kernel's own settings, nothing else."""
    values = dict.fromkeys(SYSCTLS, "0") | {"net.netfilter.nf_conntrack_tcp_loose": "1"}
    made: list[KernelObject] = [NamespaceObject(), *(Sysctl(name, value) for name, value in values.items())]
    return {thing.key: thing for thing in made}


@dataclass(slots=True)
class Connection:
    """A conntrack entry: who began, and the epoch it was judged under."""

    original: tuple[object, ...]
    mark: int = 0


@dataclass(slots=True)
class Namespace:
    objects: Objects = field(default_factory=_defaults)
    veths: dict[int, Attachment] = field(default_factory=dict)
    connections: dict[tuple[object, ...], Connection] = field(default_factory=dict)
    traffic: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)
    hits: dict[int, int] = field(default_factory=dict)
    passed: dict[tuple[str, str], int] = field(default_factory=dict)

    def seen(self) -> Objects:
        return dict(self.objects)

    def judge(self) -> Judge:
        """By the rules as they stand; what it counts is counted here."""
        return Judge(self.objects, self.hits, self.passed)

    def counters(self) -> Counters:
        packets = {rule: (count, count * 100) for rule, count in self.hits.items()}
        traffic = {endpoint: self.traffic.get(endpoint, (0, 0, 0, 0)) for endpoint in self.veths}
        denied, spoofed = self.passed.get(("inet", "deny"), 0), self.passed.get(("bridge", "spoofed"), 0)
        return Counters(packets, traffic, denied, spoofed)

    # --- veths --------------------------------------------------------------------------------------------------------

    def plug(self, attachment: Attachment) -> None:
        if self.veths.get(attachment.endpoint) != attachment:
            self.unplug(attachment.endpoint)
            self.veths[attachment.endpoint] = attachment

    def unplug(self, endpoint: int) -> None:
        self.veths.pop(endpoint, None)
        self._drop_device(ids.port(endpoint))

    # --- devices and what hangs on them -------------------------------------------------------------------------------

    def carry_out(self, op: Op) -> None:
        """One op that is not nft's. Raises ApplyError where the kernel would refuse."""
        if op.new is None:
            assert op.old is not None
            self._delete(op.old)
        else:
            self._check(op, op.new)
            self._put(op.new)

    def _delete(self, old: KernelObject) -> None:
        if old.key[0] == "link" and not isinstance(old, Port):
            return self._drop_device(old.key[1])
        self.objects.pop(old.key, None)
        if isinstance(old, Address):
            self._drop_routes(old)
        if isinstance(old, Port):
            self._drop_hanging(old.name, (BridgeFdb,))
        return None

    def _put(self, new: KernelObject) -> None:
        old = self.objects.get(new.key)
        if new.key[0] == "link" and old is not None and _identity(old) != _identity(new):
            self._drop_device(new.key[1])
        self.objects[new.key] = new
        if isinstance(new, Address):
            self._connect(new)

    def _check(self, op: Op, new: KernelObject) -> None:
        for device in _devices(new):
            if device not in self._names():
                raise ApplyError(
                    f"The {new.kind} {' '.join(new.key[1:])} was refused: Cannot find device {device}.", op
                )
        member = getattr(new, "member", None)
        if isinstance(member, Membership) and not isinstance(self._link(member.bridge), Bridge):
            raise ApplyError(f"The {new.kind} {new.key[1]} was refused: {member.bridge} is no bridge.", op)
        if isinstance(new, BridgeFdb) and not self._bridge_of(new.device):
            raise ApplyError(f"The entry for {new.mac} was refused: {new.device} is in no bridge.", op)
        if isinstance(new, VxlanFdb) and not isinstance(self._link(new.device), Vxlan):
            raise ApplyError(f"The entry for {new.mac} was refused: {new.device} is no tunnel.", op)

    def _names(self) -> set[str]:
        return {key[1] for key in self.objects if key[0] == "link"} | {ids.port(endpoint) for endpoint in self.veths}

    def _link(self, name: str) -> KernelObject | None:
        return self.objects.get(("link", name))

    def _bridge_of(self, name: str) -> str:
        return getattr(getattr(self._link(name), "member", None), "bridge", "")

    def _connect(self, new: Address) -> None:
        """The kernel makes the route to an address's own segment."""
        interface = ip_interface(new.address)
        if interface.network.prefixlen < interface.max_prefixlen:
            source, metric = (str(interface.ip), 0) if interface.version == 4 else ("", IP6_METRIC)
            route = Route(str(interface.network), new.device, metric, source)
            self.objects.setdefault(route.key, route)

    def _drop_routes(self, old: Address) -> None:
        prefix = str(ip_interface(old.address).network)
        for key in [key for key in self.objects if key[:3] == ("route", prefix, old.device)]:
            del self.objects[key]

    def _drop_device(self, name: str) -> None:
        self.objects.pop(("link", name), None)
        self._drop_hanging(name, HANGING)
        for key, thing in list(self.objects.items()):
            if isinstance(thing, Port | Vxlan | Vlan) and thing.member.bridge == name:
                self.objects[key] = replace(thing, member=Membership(""))
                self._drop_hanging(thing.name, (BridgeFdb,))

    def _drop_hanging(self, name: str, kinds: tuple[type, ...]) -> None:
        for key, thing in list(self.objects.items()):
            if isinstance(thing, kinds) and getattr(thing, "device", "") == name:
                del self.objects[key]

    # --- nft ----------------------------------------------------------------------------------------------------------

    def transact(self, ops: Iterable[Op]) -> None:
        """All of it or, with ApplyError, nothing."""
        after = dict(self.objects)
        for op in ops:
            _alter(after, op)
        for op in ops:
            _check_nft(after, op)
        for thing in after.values():
            _check_references(after, thing)
        self.objects = after


def _identity(thing: KernelObject) -> tuple[object, ...]:
    """What a device is given at its making only."""
    return (thing.kind, getattr(thing, "vni", 0), getattr(thing, "tag", 0))


def _devices(new: KernelObject) -> list[str]:
    """The devices that must be there for an object to be made."""
    match new:
        case Redirect():
            return [new.device, new.to]
        case Port():
            return [new.name]
        case Bridge() | Vxlan() | Vlan() | Ifb():
            return []
        case _:
            return [device] if (device := getattr(new, "device", "")) else []


def _alter(after: Objects, op: Op) -> None:
    if op.new is not None:
        after[op.new.key] = op.new
        return
    assert op.old is not None
    after.pop(op.old.key, None)
    if isinstance(op.old, Table):
        for key in [key for key in after if key[0] in ("chain", "set", "element") and key[1] == op.old.family]:
            del after[key]
    if isinstance(op.old, Set):
        for key in [key for key in after if key[:3] == ("element", op.old.family, op.old.name)]:
            del after[key]


def _check_nft(after: Objects, op: Op) -> None:
    new = op.new
    if isinstance(new, Set | Chain) and not any(key[:2] == ("table", new.family) for key in after):
        raise ApplyError(f"The {new.kind} {new.name} was refused: No such file or directory.", op)
    if isinstance(new, Element) and ("set", new.family, new.set) not in after:
        raise ApplyError(f"The element {new.match} was refused: there is no set {new.set}.", op)

    if isinstance(new, Element) and op.old is None:
        _check_disjoint(after, new, op)


def _check_disjoint(after: Objects, new: Element, op: Op) -> None:
    """An interval set holds no two elements that some packet would meet both of."""
    home = after[("set", new.family, new.set)]
    if not (isinstance(home, Set) and home.interval):
        return
    for key, other in after.items():
        if key[:3] == new.key[:3] and key != new.key and isinstance(other, Element) and overlap(new.match, other.match):
            raise ApplyError(f"The element {new.match} was refused: it overlaps {other.match}: File exists.", op)


def _check_references(after: Objects, thing: KernelObject) -> None:
    """What rules and elements lead to must be there, also when it is what they lead to that goes."""
    if isinstance(thing, Chain):
        wanted = list(references(thing.rules))
    elif isinstance(thing, Element):
        wanted = list(references((thing.data,)))
    else:
        return
    for kind, name in wanted:
        if (kind, thing.key[1], name) not in after:
            raise ApplyError(f"The {thing.kind} {' '.join(thing.key[1:])} was refused: there is no {kind} {name}.")
