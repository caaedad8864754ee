"""What people type in a rule, made canonical: protocol, ports, peer addresses. And rules that can do nothing.

Every refusal is a RuleError whose sentence says what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable

from core import ipam
from core.model import PORT_PROTOCOLS, PROTOCOLS, Peer, PortRange, Rule

LAST_PORT = 65535
_NAMES = {number: name for name, number in PROTOCOLS.items()}


class RuleError(ValueError):
    """A part of a rule that cannot be; the sentence says what would be right."""


def protocol(text: str) -> str:
    """The canonical text of a protocol: "any", a name where there is one, else the number."""
    return protocol_text(protocol_number(text))


def protocol_number(text: str) -> int | None:
    """The protocol's number; None for any."""
    word = text.strip().lower()
    if word in ("any", ""):
        return None
    if word in PROTOCOLS:
        return PROTOCOLS[word]
    if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255:
        return int(word)
    raise RuleError(f"“{text.strip()}” is no protocol. Write any, {', '.join(PROTOCOLS)} or a number from 0 to 255.")


def protocol_text(number: int | None) -> str:
    return "any" if number is None else _NAMES.get(number, str(number))


def ports(text: str) -> tuple[PortRange, ...]:
    """Ports from "80, 443, 8000-8100", sorted and merged; () for empty text, which is any."""
    parts = [part.strip() for part in text.split(",")]
    if parts == [""]:
        return ()
    return merge_ports(_port_range(part) for part in parts)


def ports_text(ranges: Iterable[PortRange]) -> str:
    """The canonical text of ports, which `ports` reads back."""
    return ", ".join(str(r.first) if r.first == r.last else f"{r.first}-{r.last}" for r in merge_ports(ranges))


def merge_ports(ranges: Iterable[PortRange]) -> tuple[PortRange, ...]:
    """The same ports as sorted ranges with a gap between each two."""
    merged: list[PortRange] = []
    for item in sorted(ranges, key=lambda r: (r.first, r.last)):
        if merged and item.first <= merged[-1].last + 1:
            merged[-1] = PortRange(merged[-1].first, max(merged[-1].last, item.last))
        else:
            merged.append(item)
    return tuple(merged)


def check_ports(protocol: int | None, ranges: Iterable[PortRange]) -> None:
    """Raise RuleError for ports with a protocol that has none."""
    if protocol not in PORT_PROTOCOLS and tuple(ranges):
        raise RuleError(
            f"Ports go with tcp or udp, not with {protocol_text(protocol)}. Choose one, or leave ports empty."
        )


def addresses(text: str) -> tuple[str, ...]:
    """Peer addresses from "10.0.0.0/8, 20.1.1.5-20.1.1.9, fd00::/8", sorted, those that overlap drawn together."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise RuleError("Name at least one address, prefix or range, for example 10.0.0.0/8, 20.1.1.5-20.1.1.9.")
    try:
        return tuple(map(str, ipam.merge(map(ipam.span, parts))))
    except ipam.AddressError as error:
        raise RuleError(str(error)) from None


def addresses_text(ranges: Iterable[str]) -> str:
    return ", ".join(ranges)


def without_effect(rule: Rule, others: Iterable[Rule] = ()) -> str | None:
    """Why the rule can never decide anything, as a sentence; None when it can.

    `others` are the rules of the same policy; one with the rule's own id is left out. A rule is without effect when
    it can match nothing, when a single other rule that is asked before it covers it, or when it is there already.
    """
    if rule.peer.kind == "nothing" or (rule.peer.kind == "address" and not rule.peer.ranges):
        return "The rule matches nothing: choose a peer that exists."
    if rule.own and rule.peer.ranges and not _families(rule.own) & _families(rule.peer.ranges):
        return "The rule matches nothing: its own addresses are of another family than its peer's."
    for other in others:
        if other.id == rule.id or other.direction != rule.direction:
            continue
        if _meaning(other) == _meaning(rule):
            return f"The rule is there already, with the same priority and action ({_where(other)})."
        if _asked_before(other, rule) and _covers(other, rule):
            return (
                f"The rule would never be reached: {_where(other)} decides all of it first. "
                "Give this one a higher priority, or narrow the other."
            )
    return None


def _where(rule: Rule) -> str:
    return f"rule {rule.id}, priority {rule.priority}, {rule.action}"


def _port_range(text: str) -> PortRange:
    first, dash, last = (part.strip() for part in text.partition("-"))
    low = _port(first, text)
    high = _port(last, text) if dash else low
    if high < low:
        raise RuleError(f"The ports {low}-{high} run backwards; write {high}-{low}.")
    return PortRange(low, high)


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RuleError(f"“{whole}” is no port. Write ports such as 80, 443, 8000-8100.")
    number = int(text) if len(text) <= 9 else LAST_PORT + 1
    if not 1 <= number <= LAST_PORT:
        raise RuleError(f"There is no port {text}. Ports are 1 to {LAST_PORT}.")
    return number


def _meaning(rule: Rule) -> tuple[object, ...]:
    peer = Peer(rule.peer.kind, rule.peer.id, _canonical(rule.peer.ranges))
    own = _canonical(rule.own)
    return rule.direction, rule.priority, rule.action, peer, rule.protocol, merge_ports(rule.ports), own


def _asked_before(other: Rule, rule: Rule) -> bool:
    if other.priority != rule.priority:
        return other.priority > rule.priority
    return other.action == "deny" and rule.action == "allow"


def _covers(other: Rule, rule: Rule) -> bool:
    if other.protocol is not None and other.protocol != rule.protocol:
        return False
    if other.own and not (rule.own and _covers_ranges(other.own, rule.own)):
        return False
    return _covers_ports(other.ports, rule.ports) and _covers_peer(other.peer, rule.peer)


def _covers_ports(outer: tuple[PortRange, ...], inner: tuple[PortRange, ...]) -> bool:
    merged = merge_ports(outer) or (PortRange(0, LAST_PORT),)
    wanted = inner or (PortRange(0, LAST_PORT),)
    return all(any(o.first <= i.first and i.last <= o.last for o in merged) for i in wanted)


def _covers_peer(outer: Peer, inner: Peer) -> bool:
    if outer.kind == "any":
        return True
    if outer.kind != inner.kind:
        return False
    if outer.kind == "address":
        return _covers_ranges(outer.ranges, inner.ranges)
    if outer.kind == "nothing" or outer.id != inner.id:
        return False
    return not outer.ranges or (bool(inner.ranges) and _covers_ranges(outer.ranges, inner.ranges))


def _covers_ranges(outer: Iterable[str], inner: Iterable[str]) -> bool:
    merged = ipam.merge(map(ipam.span, outer))
    return all(any(_inside(i, o) for o in merged) for i in map(ipam.span, inner))


def _inside(inner: ipam.Span, outer: ipam.Span) -> bool:
    return inner.version == outer.version and outer.first <= inner.first and inner.last <= outer.last


def _families(ranges: Iterable[str]) -> set[int]:
    return {ipam.span(text).version for text in ranges}


def _canonical(ranges: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(str, ipam.merge(map(ipam.span, ranges))))
