"""Address arithmetic, IPv4 and IPv6 alike: subnets, gateways, who is next, and the ranges a rule speaks of.

Text goes in and canonical text comes out, so equal addresses are equal text. Refusals are AddressError.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import chain

from core.intervals import Interval

Address = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network

BITS = {4: 32, 6: 128}
_EXAMPLE = {4: "20.1.1.0/24", 6: "fd00:20:1::/64"}
_EXAMPLE_HOST = {4: "20.1.1.2", 6: "fd00:20:1::2"}
#: Lengths a subnet may have: at least two addresses (RFC 3021, RFC 6164), at most what one network could ever need.
_LENGTHS = {4: (8, 31), 6: (16, 127)}
#: What is never routed, or means something else than one interface, and so can be no network of endpoints.
_SPECIAL = {
    "0.0.0.0/8": "unspecified",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "224.0.0.0/3": "multicast and reserved",
    "::/96": "unspecified",
    "::ffff:0:0/96": "mapped IPv4",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}


class AddressError(ValueError):
    """An address, prefix, range or tag that cannot be; the sentence says what would be right."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The addresses `first`..`last` of a family (4 or 6), both included, as numbers."""

    version: int
    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def __str__(self) -> str:
        """As a prefix where it is one, else as "first-last"."""
        size = self.last - self.first + 1
        if size & (size - 1) == 0 and self.first % size == 0:
            return f"{text_of(self.version, self.first)}/{BITS[self.version] - size.bit_length() + 1}"
        return f"{text_of(self.version, self.first)}-{text_of(self.version, self.last)}"


def address(text: str, version: int | None = None) -> str:
    """One address in canonical form; of the family `version` if that is given."""
    return str(_address(text, version))


def number(text: str) -> int:
    """An address as a number, for comparing and sorting."""
    return int(_address(text))


def text_of(version: int, value: int) -> str:
    """The reverse of `number`."""
    return str(IPv4Address(value) if version == 4 else IPv6Address(value))


def family(text: str) -> int:
    """4 or 6: the family of an address, prefix or range."""
    return span(text).version


def prefix(text: str, version: int | None = None) -> str:
    """A prefix in canonical form. Bits after the prefix are refused, naming the prefix that was probably meant."""
    return str(_prefix(text, version))


def prefix_around(text: str, length: str, version: int) -> str:
    """The prefix of this length ("24") that the address lies in, in canonical form."""
    found = _address(text, version)
    if not (length.isascii() and length.isdigit() and len(length) <= 3 and int(length) <= BITS[version]):
        raise AddressError(
            f"“{length}” is no length of a prefix. Write a number up to {BITS[version]}, for example 24."
        )
    around = IPv4Network if version == 4 else IPv6Network
    return str(around((int(found), int(length)), strict=False))


def subnet(text: str, version: int | None = None) -> str:
    """A prefix that can be the subnet of a network: canonical, of a sensible size, and of ordinary unicast."""
    parsed = _prefix(text, version)
    shortest, longest = _LENGTHS[parsed.version]
    if not shortest <= parsed.prefixlen <= longest:
        raise AddressError(
            f"A subnet of IPv{parsed.version} is /{shortest} to /{longest}, for example {_EXAMPLE[parsed.version]}."
        )
    for special, what in _SPECIAL.items():
        if overlaps(str(parsed), special):
            example = _EXAMPLE[parsed.version]
            raise AddressError(f"{parsed} lies in the {what} range {special}. Choose another, for example {example}.")
    return str(parsed)


def bases_around(subnet: str) -> list[int]:
    """The first addresses of all the prefixes that hold this one, itself among them, each once."""
    net = _prefix(subnet)
    first, bits = int(net.network_address), BITS[net.version]
    return sorted({first >> rest << rest for rest in range(bits - net.prefixlen, bits + 1)})


def usable(subnet: str) -> Span:
    """The addresses an interface may have: not network and broadcast address (IPv4 up to /30), not the
    subnet-router anycast address (IPv6 up to /126)."""
    net = _prefix(subnet)
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.num_addresses > 2:
        first += 1
        last -= net.version == 4
    return Span(net.version, first, last)


def broadcast(subnet: str) -> str | None:
    """The broadcast address of an IPv4 subnet; None where there is none."""
    net = _prefix(subnet)
    return str(net.broadcast_address) if net.version == 4 and net.prefixlen <= 30 else None


def host(subnet: str, text: str, what: str = "address") -> str:
    """An address an interface in `subnet` may have, in canonical form; `what` is its name in the refusal."""
    net = _prefix(subnet)
    parsed = _address(text, net.version)
    room = usable(subnet)
    if int(parsed) not in room:
        where = "is the subnet's own address or its broadcast" if parsed in net else f"is outside {net}"
        first, last = text_of(room.version, room.first), text_of(room.version, room.last)
        raise AddressError(f"The {what} {parsed} {where}. Choose one from {first} to {last}.")
    return str(parsed)


def contains(subnet: str, text: str) -> bool:
    """Whether the address lies in the prefix. Another family never does."""
    net, parsed = _prefix(subnet), _address(text)
    return parsed.version == net.version and int(parsed) in _span(net)


def overlaps(one: str, other: str) -> bool:
    """Whether two prefixes or ranges share an address."""
    a, b = span(one), span(other)
    return a.version == b.version and a.first <= b.last and b.first <= a.last


def describe(numbers: Iterable[int], most: int = 20) -> str:
    """Numbers as text, runs drawn together: "1-4, 6"."""
    found: list[Interval] = []
    for entry in sorted(set(numbers)):
        if found and found[-1][1] == entry - 1:
            found[-1] = (found[-1][0], entry)
        else:
            found.append((entry, entry))
    return runs(found, most)


def runs(intervals: Sequence[Interval], most: int) -> str:
    """Intervals as text, "1-4, 6, 9-4094"; no more than `most`, then "…"."""
    shown = (str(low) if low == high else f"{low}-{high}" for low, high in intervals[:most])
    return ", ".join(chain(shown, ["…"] if len(intervals) > most else []))


@lru_cache(maxsize=4096)
def span(text: str) -> Span:
    """A prefix, a range "first-last" or a single address, as numbers."""
    if "/" in text:
        return _span(_prefix(text))
    low, dash, high = text.partition("-")
    if dash and not (low.strip() and high.strip()):
        raise AddressError(f"“{text.strip()}” is no range. Write one such as 20.1.1.5-20.1.1.9.")
    first = _address(low)
    last = _address(high, first.version) if dash else first
    if int(last) < int(first):
        raise AddressError(f"The range {text.strip()} runs backwards; write {last}-{first}.")
    return Span(first.version, int(first), int(last))


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same addresses as sorted spans that do not overlap. Neighbours that only touch stay as they were given."""
    merged: list[Span] = []
    for item in sorted(spans):
        before = merged[-1] if merged else None
        if before and before.version == item.version and item.first <= before.last:
            merged[-1] = Span(item.version, before.first, max(before.last, item.last))
        else:
            merged.append(item)
    return tuple(merged)


def _span(net: Prefix) -> Span:
    return Span(net.version, int(net.network_address), int(net.broadcast_address))


def _address(text: str, version: int | None = None) -> Address:
    wanted = _EXAMPLE_HOST[version or 4]
    try:
        # A zone ("fe80::1%eth0") is of one machine only and would let any text through.
        parsed = None if "%" in text else ip_address(text.strip())
    except ValueError:
        parsed = None
    if parsed is None:
        raise AddressError(f"“{text.strip()}” is no address. Write one such as {wanted}.")
    if version and parsed.version != version:
        raise AddressError(f"{parsed} is an IPv{parsed.version} address. Write an IPv{version} one such as {wanted}.")
    return parsed


def _prefix(text: str, version: int | None = None) -> Prefix:
    wanted = _EXAMPLE[version or 4]
    try:
        meant = None if "%" in text or "/" not in text else ip_network(text.strip(), strict=False)
    except ValueError:
        meant = None
    if meant is None:
        raise AddressError(f"“{text.strip()}” is no prefix. Write an address and a length such as {wanted}.")
    if version and meant.version != version:
        raise AddressError(f"{meant} is an IPv{meant.version} prefix. Write an IPv{version} one such as {wanted}.")
    if ip_address(text.strip().partition("/")[0]) != meant.network_address:
        raise AddressError(f"“{text.strip()}” has bits set after the prefix. Write {meant}.")
    return meant
