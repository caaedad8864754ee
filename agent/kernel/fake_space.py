"""A tenant's namespace in memory: objects that come, go and depend on each other as the kernel's do.

What stands on a device goes with it; what needs something that is not there is refused, with the kernel's own reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_interface

from agent.kernel.interface import ApplyError, Attachment
from agent.kernel.intervals import overlap
from core import ids
from core.plan import Op
from core.render import IP6_METRIC
from core.ruleset import Chain, Element, NftObject, Set, Table
from core.state import (
    Address,
    Bridge,
    BridgeFdb,
    ForeignLink,
    ForeignQdisc,
    Ifb,
    KernelObject,
    Key,
    Link,
    Membership,
    Namespace,
    Neighbour,
    Port,
    Redirect,
    Route,
    Sysctl,
    Tbf,
    Vlan,
    Vxlan,
    VxlanFdb,
    by_key,
)

OnDevice = Address | Route | Neighbour | BridgeFdb | VxlanFdb | Tbf | ForeignQdisc | Redirect
Member = Port | Vxlan | Vlan

#: What a namespace is born with.
BIRTH = {
    "net.ipv4.ip_forward": "0",
    "net.ipv6.conf.all.forwarding": "0",
    "net.ipv6.conf.default.forwarding": "0",
    "net.ipv6.conf.default.addr_gen_mode": "0",
    "net.ipv6.conf.all.accept_ra": "1",
    "net.ipv6.conf.default.accept_ra": "1",
    "net.ipv6.conf.all.accept_redirects": "1",
    "net.ipv6.conf.default.accept_redirects": "1",
    "net.ipv4.conf.all.accept_redirects": "1",
    "net.ipv4.conf.default.accept_redirects": "1",
    "net.ipv4.conf.all.send_redirects": "1",
    "net.ipv4.conf.default.send_redirects": "1",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.netfilter.nf_conntrack_tcp_loose": "1",
}

#: (protocol, source, source port, destination, destination port) of a connection's first packet.
Connection = tuple[int, str, int, str, int]


@dataclass(slots=True)
class Space:
    """`hits` counts by element, `traffic` by endpoint as `interface.Counters` does; `connections` are the marks of
    what conntrack knows. All of it goes when the namespace goes."""

    objects: dict[Key, KernelObject] = field(
        default_factory=lambda: by_key([Namespace(), *(Sysctl(name, value) for name, value in BIRTH.items())])
    )
    veths: dict[int, Attachment] = field(default_factory=dict)
    connections: dict[Connection, int] = field(default_factory=dict)
    hits: dict[Key, tuple[int, int]] = field(default_factory=dict)
    traffic: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)
    denied: int = 0
    spoofed: int = 0

    # --- one object after the other -----------------------------------------------------------------------------------

    def put(self, thing: KernelObject) -> None:
        """Make the object, or make the one of its key into it. Raises ApplyError for what the kernel would refuse."""
        if problem := self._problem(thing):
            raise ApplyError(problem)
        if isinstance(thing, Link):
            self._put_link(thing)
        elif isinstance(thing, Address):
            self._put_address(thing)
        else:
            self.objects[thing.key] = thing

    def remove(self, key: Key) -> None:
        """Remove the object and what cannot be without it. Absent is fine."""
        thing = self.objects.get(key)
        match thing:
            case None:
                return
            case Port():
                # The veth stays, down and in no bridge.
                self._leave_bridge(thing.name)
                del self.objects[key]
            case Bridge() | Vxlan() | Vlan() | Ifb() | ForeignLink():
                self.destroy(thing.name)
            case Address():
                del self.objects[key]
                self.objects.pop(_connected(thing).key, None)
            case Table() | Set() | Chain() | Element():
                self._drop_nft(thing)
            case _:
                del self.objects[key]

    def destroy(self, device: str) -> None:
        """The device is gone, and with it what stood on it."""
        gone = self.objects.pop(("link", device), None)
        endpoint = ids.endpoint_of_port(device)
        if endpoint is not None:
            self.veths.pop(endpoint, None)
            self.traffic.pop(endpoint, None)
        self._drop(thing for thing in self._on(device))
        if isinstance(gone, Bridge):
            for port in [port for port in self.members() if port.member.bridge == device]:
                self._leave_bridge(port.name)
                self.objects[port.key] = replace(port, member=Membership(""))

    def members(self) -> Iterator[Member]:
        return (thing for thing in self.objects.values() if isinstance(thing, Member))

    def link(self, name: str) -> KernelObject | None:
        return self.objects.get(("link", name))

    def _problem(self, thing: KernelObject) -> str:
        match thing:
            case Port() if ids.endpoint_of_port(thing.name) not in self.veths:
                return f"The port {thing.name} was refused: Cannot find device “{thing.name}”."
            case Port() | Vxlan() | Vlan() if thing.member.bridge and not self._is_bridge(thing.member.bridge):
                return f"The device {thing.name} was refused: there is no bridge {thing.member.bridge}."
            case Redirect() if not self._exists(thing.to):
                return f"The redirect of {thing.device} was refused: Cannot find device “{thing.to}”."
            case VxlanFdb() if not isinstance(self.link(thing.device), Vxlan):
                return f"The FDB entry {thing.mac} was refused: {thing.device} is no tunnel."
            case BridgeFdb() if not self._in_bridge(thing.device):
                return f"The FDB entry {thing.mac} was refused: {thing.device} is in no bridge."
            case Address() | Route() | Neighbour() | Tbf() | ForeignQdisc() | Redirect():
                known = self._exists(thing.device)
                return "" if known else f"The {thing.kind} was refused: Cannot find device “{thing.device}”."
        return ""

    def _exists(self, device: str) -> bool:
        return ("link", device) in self.objects or ids.endpoint_of_port(device) in self.veths

    def _is_bridge(self, device: str) -> bool:
        return isinstance(self.link(device), Bridge)

    def _in_bridge(self, device: str) -> bool:
        link = self.link(device)
        return self._is_bridge(link.member.bridge) if isinstance(link, Member) else isinstance(link, Bridge)

    def _put_link(self, new: Link) -> None:
        old = self.objects.get(new.key)
        if old is not None and _identity(old) != _identity(new):
            self.destroy(new.name)
        elif isinstance(old, Member) and isinstance(new, Member) and old.member.bridge != new.member.bridge:
            self._leave_bridge(new.name)
        self.objects[new.key] = new
        if isinstance(new, Bridge):
            self._route_by(new)

    def _route_by(self, bridge: Bridge) -> None:
        """A bridge that is up has the routes of its addresses; one that goes down loses them, its neighbours and its
        IPv6 addresses."""
        mine = list(self._on(bridge.name))
        if bridge.up:
            for address in mine:
                if isinstance(address, Address):
                    self.objects.setdefault(_connected(address).key, _connected(address))
        else:
            self._drop(t for t in mine if isinstance(t, Route | Neighbour) or (isinstance(t, Address) and _six(t)))

    def _put_address(self, new: Address) -> None:
        self.objects[new.key] = new
        route, interface = _connected(new), ip_interface(new.address)
        link = self.link(new.device)
        if isinstance(link, Bridge) and link.up and interface.network.prefixlen < interface.max_prefixlen:
            self.objects.setdefault(route.key, route)

    def _leave_bridge(self, device: str) -> None:
        self._drop(thing for thing in self._on(device) if isinstance(thing, BridgeFdb))

    def _on(self, device: str) -> Iterator[KernelObject]:
        for thing in self.objects.values():
            if isinstance(thing, OnDevice) and thing.device == device:
                yield thing

    def _drop(self, things: Iterable[KernelObject]) -> None:
        for thing in list(things):
            del self.objects[thing.key]

    # --- nft: one transaction -----------------------------------------------------------------------------------------

    def transact(self, ops: Sequence[Op]) -> None:
        """All ops, or none and ApplyError."""
        before, hits = dict(self.objects), dict(self.hits)
        for op in ops:
            if op.old is not None:
                self._let_go(op)
        for kind in (Table, Set, Chain, Element):
            for op in ops:
                if isinstance(op.new, kind):
                    self._make(op.new)
        if problem := self._broken() or self._crowded([op.new for op in ops if isinstance(op.new, Element)]):
            self.objects, self.hits = before, hits
            thing, reason = problem
            raise ApplyError(reason, next((op for op in ops if op.subject.key == thing.key), None))

    def _let_go(self, op: Op) -> None:
        thing = self.objects.get(op.subject.key)
        if isinstance(thing, NftObject) and op.new != thing:
            self._drop_nft(thing)

    def _make(self, thing: NftObject) -> None:
        if self.objects.get(thing.key) != thing:
            self.objects[thing.key] = thing

    def _drop_nft(self, thing: NftObject) -> None:
        del self.objects[thing.key]
        self.hits.pop(thing.key, None)
        if isinstance(thing, Table):
            self._drop_all(t for t in self._nft() if not isinstance(t, Table) and t.family == thing.family)
        elif isinstance(thing, Chain):
            # Its counters go with its rules.
            self.denied = 0 if thing.name == "deny" else self.denied
            self.spoofed = 0 if thing.name == "spoofed" else self.spoofed
        elif isinstance(thing, Set):
            self._drop_all(
                t for t in self._nft() if isinstance(t, Element) and (t.family, t.set) == (thing.family, thing.name)
            )

    def _drop_all(self, things: Iterable[NftObject]) -> None:
        for thing in list(things):
            del self.objects[thing.key]
            self.hits.pop(thing.key, None)

    def _nft(self) -> Iterator[NftObject]:
        return (thing for thing in self.objects.values() if isinstance(thing, NftObject))

    def _broken(self) -> tuple[NftObject, str] | None:
        """The first nft object that needs something that is not there, and what."""
        for thing in self._nft():
            for key in _needs(thing):
                if key not in self.objects:
                    return thing, f"The {thing.kind} {thing.key[-1]} was refused: there is no {' '.join(key)}."
        return None

    def _crowded(self, fresh: Sequence[Element]) -> tuple[NftObject, str] | None:
        """The first of these elements that shares a packet with another one of its interval set."""
        for thing in fresh:
            home = self.objects.get(("set", thing.family, thing.set))
            for other in self._nft() if isinstance(home, Set) and home.interval else ():
                mine = isinstance(other, Element) and other.key[:3] == thing.key[:3] and other.key != thing.key
                if mine and isinstance(other, Element) and overlap(thing.match, other.match):
                    return thing, f"The element {thing.match} was refused: it overlaps {other.match}: File exists."
        return None


def _needs(thing: NftObject) -> Iterator[Key]:
    if isinstance(thing, Table):
        return
    yield ("table", thing.family, ids.TABLE)
    if isinstance(thing, Element):
        yield ("set", thing.family, thing.set)
    sets, chains = references(_words(thing))
    yield from (("set", thing.family, name) for name in sets)
    yield from (("chain", thing.family, name) for name in chains)


def _words(thing: NftObject) -> tuple[str, ...]:
    if isinstance(thing, Chain):
        return thing.rules
    return (thing.data,) if isinstance(thing, Element) else ()


@lru_cache(maxsize=4096)
def references(rules: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sets and the chains that rules name. “@th,64,128” is a piece of the packet, not a set."""
    text = "\n".join(rules)
    return tuple(re.findall(r"@(\w+)\b(?!,)", text)), tuple(re.findall(r"\b(?:jump|goto) (\w+)", text))


def _identity(thing: KernelObject) -> tuple[object, ...]:
    """What of a device is given at its making only."""
    return (thing.kind, *(getattr(thing, part, None) for part in ("vni", "port", "tag", "type")))


def _connected(address: Address) -> Route:
    """The route that the kernel makes with an address."""
    interface = ip_interface(address.address)
    if interface.version == 4:
        return Route(str(interface.network), address.device, source=str(interface.ip))
    return Route(str(interface.network), address.device, IP6_METRIC)


def _six(address: Address) -> bool:
    return ":" in address.address
