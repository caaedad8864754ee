"""The parts of a set's element as intervals: numbers, addresses, ranges and prefixes alike."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

#: A number or an address with its family, so that addresses of two families never meet.
Numbered = tuple[int, int]


def numbered(word: str) -> Numbered:
    """A number, decimal or 0x…, or an address."""
    if "." in word or ":" in word:
        address = ip_address(word)
        return address.version, int(address)
    return 0, int(word, 0)


def bounds(part: str) -> tuple[Numbered, Numbered]:
    """First and last value of a part."""
    if "/" in part:
        prefix = ip_network(part)
        return (prefix.version, int(prefix[0])), (prefix.version, int(prefix[-1]))
    first, _, last = part.partition("-")
    return numbered(first), numbered(last or first)


def overlap(one: str, other: str) -> bool:
    """Whether some packet would meet both of two elements of an interval set."""
    for part, counterpart in zip(one.split(" . "), other.split(" . "), strict=True):
        (low, high), (first, last) = bounds(part), bounds(counterpart)
        if high < first or last < low:
            return False
    return True
