"""What the intent in the database lets one expect of the lab's containers, as questions for packets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from core.model import ICMP, ICMPV6, TCP, UDP, BandwidthProfile, Endpoint, Flow, TenantIntent
from core.reach import Judge

#: Ports tried where the rules name none.
WELL_KNOWN_PORTS = (80, 5432, 443, 22)
UDP_PORT = 53
FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True)
class Seat:
    """A plugged container (`key` is the lab's name of it) and the endpoint it is."""

    key: str
    tenant: str
    endpoint: Endpoint

    def address(self, family: int) -> str | None:
        return self.endpoint.ip4 if family == 4 else self.endpoint.ip6


@dataclass(frozen=True, slots=True)
class Question:
    """Does this flow pass? `kind` is the column it belongs to."""

    kind: str
    source: Seat
    destination: Seat
    family: int
    protocol: int
    port: int | None
    passes: bool

    @property
    def across(self) -> bool:
        """Whether it is between tenants."""
        return self.source.tenant != self.destination.tenant

    @property
    def address(self) -> str:
        return self.destination.address(self.family) or ""

    def probe(self) -> dict[str, object]:
        """As the lab wants to be asked."""
        ends = {"source": self.source.key, "destination": self.destination.key}
        return {**ends, "address": self.address, "protocol": self.protocol, "port": self.port}


@dataclass(frozen=True, slots=True)
class Limit:
    """One direction of one endpoint's bandwidth profile, and a peer and port over which it can be measured."""

    profile: BandwidthProfile
    endpoint: Seat
    source: Seat
    destination: Seat
    family: int
    port: int
    rate_bps: int


class Tenant:
    """The questions about one tenant: `seats` are its plugged containers."""

    def __init__(self, intent: TenantIntent, seats: Sequence[Seat]) -> None:
        self.intent = intent
        self.seats = [seat for seat in seats if seat.endpoint.node_id is not None]
        self._judge = Judge(intent)
        self._ports = candidate_ports(intent)

    def questions(self) -> Iterator[Question]:
        """Every ordered pair × family × icmp, an allowed and a denied TCP port where there is one, udp. Nothing is
        expected to pass between two where there is no way, whatever rules say."""
        for (source, destination), family in product(permutations(self.seats, 2), FAMILIES):
            if source.address(family) and destination.address(family):
                yield from self._of_pair(source, destination, family)

    def _of_pair(self, source: Seat, destination: Seat, family: int) -> Iterator[Question]:
        yield self._ask("icmp", source, destination, family, ICMP if family == 4 else ICMPV6, None)
        tcp = [self._ask("tcp", source, destination, family, TCP, port) for port in self._ports]
        for passes, kind in ((True, "tcp allowed"), (False, "tcp denied")):
            if found := next((q for q in tcp if q.passes is passes), None):
                yield Question(kind, source, destination, family, TCP, found.port, passes)
        yield self._ask("udp", source, destination, family, UDP, UDP_PORT)

    def _ask(
        self, kind: str, source: Seat, destination: Seat, family: int, protocol: int, port: int | None
    ) -> Question:
        flow = Flow(source.address(family) or "", destination.address(family) or "", protocol, None, port)
        passes = self._judge.answer(flow).action == "allow"
        return Question(kind, source, destination, family, protocol, port, passes)

    def limits(self) -> Iterator[Limit]:
        """Both directions of one endpoint of each profile, towards the peer with the highest limit of its own."""
        for profile in self.intent.profiles:
            for endpoint in [seat for seat in self.seats if self.profile_of(seat) == profile][:1]:
                for outgoing in (True, False):
                    if limit := self._limit(profile, endpoint, outgoing):
                        yield limit

    def profile_of(self, seat: Seat) -> BandwidthProfile | None:
        groups = {group.id: group.profile_id for group in self.intent.groups}
        profiles = {profile.id: profile for profile in self.intent.profiles}
        return profiles.get(groups.get(seat.endpoint.group_id or 0) or 0)

    def _limit(self, profile: BandwidthProfile, endpoint: Seat, outgoing: bool) -> Limit | None:
        """None when no TCP flow of that direction is let through."""
        peers = sorted((s for s in self.seats if s is not endpoint), key=self._own_rate, reverse=True)
        for peer, family, port in product(peers, FAMILIES, self._ports):
            source, destination = (endpoint, peer) if outgoing else (peer, endpoint)
            if not (source.address(family) and destination.address(family)):
                continue
            if self._ask("rate", source, destination, family, TCP, port).passes:
                rate_bps = int(min(profile.rate_bps, self._own_rate(peer)))
                return Limit(profile, endpoint, source, destination, family, port, rate_bps)
        return None

    def _own_rate(self, seat: Seat) -> float:
        profile = self.profile_of(seat)
        return profile.rate_bps if profile else float("inf")


def candidate_ports(intent: TenantIntent) -> tuple[int, ...]:
    """Ports at the edges of what rules name, just outside of it, and some well-known ones."""
    named = [ports for policy in intent.policies for rule in policy.rules for ports in rule.ports]
    edges = [port for ports in named for port in (ports.first, ports.last, ports.first - 1, ports.last + 1)]
    return tuple(dict.fromkeys(port for port in (*edges, *WELL_KNOWN_PORTS) if 1 <= port <= 65535))


def across(tenants: Iterable[Tenant]) -> Iterator[Question]:
    """Every pair of containers of different tenants: nothing gets through, also where addresses are the same."""
    for one, other in permutations(tenants, 2):
        for source, destination, family in product(one.seats, other.seats, FAMILIES):
            if source.address(family) and destination.address(family):
                yield from _strangers(source, destination, family)


def _strangers(source: Seat, destination: Seat, family: int) -> Iterator[Question]:
    icmp = ICMP if family == 4 else ICMPV6
    for kind, protocol, port in (
        ("icmp", icmp, None),
        ("tcp denied", TCP, WELL_KNOWN_PORTS[0]),
        ("udp", UDP, UDP_PORT),
    ):
        yield Question(kind, source, destination, family, protocol, port, passes=False)
