"""The forms text may have in a spec item: names, MACs, addresses, prefixes and the peers of matches."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from core.ipam import Span, span
from core.spec import MatchItem

#: A decoder returns the text it is given or raises ValueError with a sentence.
Form = Callable[[object], str]


def _matching(pattern: str, what: str) -> Form:
    fits = re.compile(pattern, re.ASCII).fullmatch

    def decode(value: object) -> str:
        if not isinstance(value, str) or not fits(value):
            raise ValueError(f"expected {what}, not {value!r}.")
        return value

    return decode


def _canonical(parse: Callable[[str], object], what: str, plain: str = "") -> Form:
    """Text that `parse` takes and prints the same way: the kernel prints it so too, and texts are compared.

    What matches `plain` is known to be such text without asking `parse`, which is slow.
    """
    surely = re.compile(plain, re.ASCII).fullmatch

    def decode(value: object) -> str:
        try:
            if isinstance(value, str) and value and surely(value):
                return value
            # A zone ("fe80::1%eth0") would let any text through.
            if isinstance(value, str) and "%" not in value and str(parse(value)) == value:
                return value
        except ValueError:
            pass
        raise ValueError(f"expected {what}, not {value!r}.")

    return decode


def _span_of(version: int) -> Callable[[str], Span]:
    def parse(text: str) -> Span:
        parsed = span(text)
        if parsed.version != version:
            raise ValueError(text)
        return parsed

    return parse


def check_peer(item: MatchItem) -> None:
    """Raise ValueError when the peer or the own addresses of a match are not of its layer's kind: no field can tell
    that alone."""
    _PEERS[item.layer.kind](item.peer)
    if item.layer.own:
        _PEERS[f"net{item.layer.own}"](item.own)
    if bool(item.own) != bool(item.layer.own) or {item.layer.kind, f"net{item.layer.own}"} == {"net4", "net6"}:
        raise ValueError(f"own addresses {item.own!r} do not go with a layer {item.layer.kind}, {item.layer.own}.")


# One "::" between groups that are not 0, six of them at most: the ordinary address, with no other way to write it.
_GROUP = "[1-9a-f][0-9a-f]{0,3}"
_PLAIN6 = rf"(?!(.*:){{7}}){_GROUP}(:{_GROUP})*::{_GROUP}(:{_GROUP})*"
_BYTE = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# Ten times as fast as ipaddress, and there is one in nearly every item.
_PLAIN4 = rf"{_BYTE}(\.{_BYTE}){{3}}"
_ADDRESS4 = _matching(_PLAIN4, "an IPv4 address such as 20.1.1.2")
_ADDRESS6 = _canonical(IPv6Address, "an IPv6 address such as fd00::2", _PLAIN6)
_PREFIX4 = _canonical(IPv4Network, "an IPv4 prefix such as 20.1.1.0/24")
_PREFIX6 = _canonical(IPv6Network, "an IPv6 prefix such as fd00::/64")
#: What text fields hold, by name. A text field that is not here cannot travel, so that none is forgotten.
FORMS: dict[str, Form] = {
    "name": _matching(r"[A-Za-z0-9._-]{1,64}", "a name of letters, digits, dashes and dots"),
    "mac": _matching(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", "a MAC address such as 02:02:14:01:01:02"),
    "ip4": _ADDRESS4,
    "gateway4": _ADDRESS4,
    "vtep": _ADDRESS4,
    "ip6": _ADDRESS6,
    "gateway6": _ADDRESS6,
    "subnet4": _PREFIX4,
    "subnet6": _PREFIX6,
    "peer": _matching(r"[0-9a-f.:/-]{1,80}", "a group id, a prefix or a range of addresses"),
    "own": _matching(r"[0-9a-f.:/-]{1,80}", "a prefix or a range of addresses"),
}
_GROUP_ID = _matching(r"[1-9][0-9]{0,18}", "a group id")
#: What the peer of a match is, by the kind of its layer.
_PEERS: dict[str, Form] = {
    "group": _GROUP_ID,
    "net4": _canonical(_span_of(4), "an IPv4 prefix or range such as 10.0.0.0/8 or 20.1.1.5-20.1.1.9", f"{_PLAIN4}/32"),
    "net6": _canonical(_span_of(6), "an IPv6 prefix or range such as fd00::/8 or fd00::2-fd00::9", f"{_PLAIN6}/128"),
}
