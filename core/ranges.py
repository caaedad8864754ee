"""Ranges "first-last" inside a subnet: what a network hands out, the pool of a group, what is kept aside.

Text in, canonical text out, as in core.ipam; refusals are AddressError and say what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core import ipam
from core.intervals import Cover
from core.ipam import AddressError, Span

_EXAMPLE = {4: "20.1.1.10-20.1.1.50", 6: "fd00:20:1::10-fd00:20:1::50"}
_LENGTH = {4: 24, 6: 64}


@dataclass(frozen=True, slots=True)
class Own:
    """What a network has of a family, all "" where it has none: its subnet, its gateway, and the range it hands out
    ("" for all of the subnet)."""

    subnet: str
    gateway: str
    range: str


def canonical(text: str, version: int) -> str:
    """A range as "first-last"; a single address x is the range x-x."""
    if "/" in text:
        raise AddressError(f"“{text.strip()}” is no range. Write the first and the last address: {_EXAMPLE[version]}.")
    span = ipam.span(text.strip())
    if span.version != version:
        raise AddressError(f"{text.strip()} is of IPv{span.version}. Write a range such as {_EXAMPLE[version]}.")
    return write(span)


def write(span: Span) -> str:
    """A span as the text of a range, never as a prefix."""
    return f"{ipam.text_of(span.version, span.first)}-{ipam.text_of(span.version, span.last)}"


def brief(span: Span) -> str:
    """A span as people read it: a single address alone."""
    return ipam.text_of(span.version, span.first) if span.first == span.last else write(span)


def subnet(text: str, version: int) -> tuple[str, str]:
    """A network's subnet as it is typed: its prefix and its range ("" for the whole prefix).

    "20.1.1.0/24" is ("20.1.1.0/24", ""); Contiv's form "20.1.1.10-20.1.1.50/24" names the addresses to hand out and
    the length of the prefix they lie in.
    """
    if "-" not in text:
        return ipam.subnet(text, version), ""
    ends, slash, length = text.strip().rpartition("/")
    if not slash:
        raise AddressError(f"“{text.strip()}” names no length. Write it as {_EXAMPLE[version]}/{_LENGTH[version]}.")
    first = ipam.span(canonical(ends, version)).first
    prefix = ipam.subnet(ipam.prefix_around(ipam.text_of(version, first), length, version), version)
    return prefix, inside(prefix, ends)


def inside(subnet: str, text: str) -> str:
    """A range all of whose addresses an interface in `subnet` may have, in canonical form."""
    room = ipam.usable(subnet)
    return _inside(room, text, subnet)


def pool(subnet: str, range_: str, text: str) -> str:
    """A range that lies in what the network hands out, in canonical form."""
    return _inside(room(subnet, range_), text, range_ or subnet)


def room(subnet: str, range_: str = "") -> Span:
    """The addresses a network hands out: its range, or all that an interface may have."""
    return ipam.span(range_) if range_ else ipam.usable(subnet)


def host(subnet: str, range_: str, text: str) -> str:
    """An address the network may hand out, in canonical form."""
    found = ipam.host(subnet, text)
    if range_ and ipam.number(found) not in ipam.span(range_):
        raise AddressError(f"The address {found} is outside {range_}. Choose one in that range.")
    return found


def lost(own: Own, other: str) -> str | None:
    """The broadcast address of another subnet, where it is an address of the network; None where there is none such."""
    found = ipam.broadcast(other)
    has = found is not None and (found == own.gateway or ipam.overlaps(write(room(own.subnet, own.range)), found))
    return found if has else None


def routed(prefixes: Iterable[str]) -> Iterator[bool]:
    """For each prefix whether it shares no address with one before it: a kernel routes a prefix to one bridge."""
    covers = {4: Cover(), 6: Cover()}
    for prefix in prefixes:
        span = ipam.span(prefix)
        whole = span.first, span.last
        yield covers[span.version].take(whole) == [whole]


def _inside(room: Span, text: str, where: str) -> str:
    found = canonical(text, room.version)
    span = ipam.span(found)
    if span.first not in room or span.last not in room:
        raise AddressError(f"{found} is not wholly inside {where}. Choose a range within {write(room)}.")
    return found
