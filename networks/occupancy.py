"""What of a network's addresses is free, and who has the rest: for the API and for its page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext_lazy as _

from core import ipam, ranges, spans
from core.intervals import Interval
from core.occupancy import Part, Piece, State, drawn, parts
from core.spans import Span
from networks import spaces
from networks.allocation import counted
from networks.kept import FAMILIES, Family, area_of, never_given, of_family, pools_of, reservations_of, room_of
from networks.models import Endpoint, EndpointGroup, Network, NumberSpace
from networks.snapshot import routed_families

#: Ranges in one answer, pieces of a picture, and the width in thousandths no piece falls below.
MOST_PARTS, MOST_PIECES, LEAST_WIDTH = 500, 100, 6


TITLES: dict[State, Any] = {
    "free": _("free"),
    "pool": _("free in a pool"),
    "endpoint": _("in use"),
    "gateway": _("gateway"),
    "reserved": _("reserved"),
    "mixed": _("mixed"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses first..last in one state; `what` is an endpoint's name, a reservation's note, a pool's group."""

    first: str
    last: str
    state: State
    what: str
    count: int

    @property
    def title(self) -> str:
        return str(TITLES[self.state])

    @property
    def words(self) -> str:
        return self.first if self.count == 1 else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Occupancy:
    """One family of a network. `routed` is whether nodes route it, `next` the address from which more ranges follow
    ("" after the last)."""

    family: Family
    subnet: str
    gateway: str
    routed: bool
    first: str
    last: str
    free: int
    in_use: int
    ranges: list[Range]
    pieces: list[Piece]
    next: str

    def more_than(self, shown: int) -> bool:
        return bool(self.next) or len(self.ranges) > shown


def occupancy(network: Network, start: str = "") -> dict[Family, Occupancy]:
    """By family; each begins at its first address, but that of `start` with the range `start` lies in."""
    begun, routed = ipam.family(start) if start else 0, routed_families(network)
    return {
        family: _occupancy(network, family, ipam.number(start) if begun == family else 0, family in routed)
        for family in FAMILIES
        if of_family(network, "subnet", family)
    }


def allocated_and_available(
    network: Network, family: Family, group: EndpointGroup | None = None
) -> tuple[list[str], list[str]]:
    """What Contiv's clients are told of a network, or of a group's pool (none: two empty lists): what cannot be had any
    more and what can, each as "20.1.1.5" or "20.1.1.5-20.1.1.9", in order. Of a network, pools cannot be had, nor can
    reserved addresses and the gateway, as far as it lies in what is handed out."""
    pool = of_family(group, "pool", family) if group else ""
    if not of_family(network, "subnet", family) or (group and not pool):
        return [], []
    area, pk = (area_of(pool), group.pk) if group else (room_of(network, family), None)
    free = [span for span in _free(network, family, area[0]) if span[2] == pk]
    allocated, available = spans.rest(area, free), [(first, last) for first, last, _pool in free]
    return [_brief(family, one) for one in allocated], [_brief(family, one) for one in available]


def _brief(family: Family, area: Interval) -> str:
    return ranges.brief(ipam.Span(family, *area))


def _occupancy(network: Network, family: Family, start: int, routed: bool) -> Occupancy:
    room, gateway = room_of(network, family), of_family(network, "gateway", family)
    found = parts(
        room,
        _free(network, family, start),
        ipam.number(gateway) if gateway else None,
        [(kept.area, kept.whose) for kept in reservations_of(network, family)],
        {pool.group: pool.whose for pool in pools_of(network, family) if pool.group is not None},
        start,
    )
    shown = list(islice(found, MOST_PARTS + 1))
    more, shown = shown[MOST_PARTS:], shown[:MOST_PARTS]
    in_use = Endpoint.objects.filter(network=network, **{f"ip{family}__isnull": False}).count()
    grantable = sum(last - first + 1 for first, last, _pool in spans.count(room, never_given(network, family)))
    return Occupancy(
        family=family,
        subnet=of_family(network, "subnet", family),
        gateway=gateway,
        routed=routed,
        first=ipam.text_of(family, room[0]),
        last=ipam.text_of(family, room[1]),
        free=grantable - in_use,
        in_use=in_use,
        ranges=_named(network, family, shown),
        pieces=drawn(shown, MOST_PIECES, LEAST_WIDTH),
        next=ipam.text_of(family, more[0].first) if more else "",
    )


def _free(network: Network, family: Family, start: int) -> Iterable[Span]:
    """What is stored as free from `start` on; what follows from the other rows where nobody counted it yet."""
    space = NumberSpace.objects.filter(network=network, what=f"ip{family}").first()
    if space is not None:
        return spaces.all_spans(space, start)
    return [span for span in counted(network, family) if span[1] >= start]


def _named(network: Network, family: Family, shown: list[Part]) -> list[Range]:
    """Parts as text; an endpoint that has no neighbours gets its name. One query."""
    field = f"ip{family}"
    alone = [ipam.text_of(family, part.first) for part in shown if part.state == "endpoint" and part.count == 1]
    rows = Endpoint.objects.filter(network=network, **{f"{field}__in": alone}).values_list(field, "name")
    names: dict[str, str] = dict(rows) if alone else {}
    found = []
    for part in shown:
        first, last = (ipam.text_of(family, number) for number in (part.first, part.last))
        what = names.get(first, "") if part.state == "endpoint" and part.count == 1 else part.what
        found.append(Range(first, last, part.state, what, part.count))
    return found
