"""Rules between the row a person edits and the value the core decides with: made canonical, checked, converted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from core import ipam
from core import rules as core_rules
from core.model import Peer, PortRange
from core.model import Rule as RuleValue
from networks.models import EndpointGroup, Network
from policies.missing import check_kept, check_missing, settle_missing
from policies.models import Rule, RulePeer
from tenants.checks import FieldErrors, owned
from tenants.models import Tenant

#: The fields a kind of peer is said with. Those of the other kinds must be empty.
PEER_FIELD = {
    RulePeer.GROUP: "peer_group",
    RulePeer.NETWORK: "peer_network",
    RulePeer.ADDRESS: "peer_addresses",
}
NOTHING = Peer("nothing")
#: Lowest and highest address (with its family), lowest and highest protocol, lowest and highest port.
Bounds = tuple[tuple[int, int], tuple[int, int], int, int, int, int]
Named = EndpointGroup | Network
#: Answers what a field names as it stands, when it is the tenant's; else raises an error at the field.
Finder = Callable[[str, Any, Tenant], Any]


def read_at_once(table: Iterable[Rule], tenant: Tenant) -> Finder:
    """As `owned`, for the peers of a whole table: one question for each kind of them, however many there are."""
    wanted: dict[type[Named], set[int]] = defaultdict(set)
    for peer in (peer for row in table for peer in (row.peer_group, row.peer_network) if peer is not None):
        wanted[type(peer)].add(peer.pk)
    rows = (row for kind, keys in wanted.items() for row in kind.objects.filter(tenant=tenant, pk__in=keys))
    read = {(type(row), row.pk): row for row in rows}

    def found(field: str, peer: Named, tenant: Tenant) -> Named:
        row: Named | None = read.get((type(peer), peer.pk))
        if row is None:
            return owned(field, peer, tenant)
        row.tenant = tenant
        return row

    return found


def check(
    row: Rule,
    others: Iterable[Rule],
    old: Rule | None = None,
    *,
    may_miss: bool = False,
    find: Finder = owned,
) -> None:
    """Make the row canonical, or raise ValidationError by field. `others` are the rules of its policy it must make a
    difference to. What `old`, the rule as it stood, misses it may go on missing; anything else only where it
    `may_miss`. `find` answers what its peer is, or refuses it."""
    errors = FieldErrors()
    row.protocol = _canonical("protocol", row.protocol, core_rules.protocol, errors)
    row.ports = _canonical("ports", row.ports, lambda text: core_rules.ports_text(core_rules.ports(text)), errors)
    errors.fields_of(row, exclude=[field for field in ("protocol", "ports") if field in errors.found])
    if not errors.found.keys() & {"protocol", "ports"}:
        _check_ports(row, errors)
    settle_missing(row, old)
    _check_peer(row, errors, find)
    if row.own_addresses:
        row.own_addresses = _canonical("own_addresses", row.own_addresses, _addresses, errors)
    if not may_miss:
        check_kept(row, old, errors)
    check_missing(row, errors)
    errors.settle()
    if row.missing:
        return
    if says := core_rules.without_effect(as_value(row), map(as_value, others)):
        errors.add("action", says, "without_effect")
    errors.settle()


def idle(table: Sequence[Rule]) -> dict[int, str]:
    """Rules of one table that can never decide anything, given the others: position → why.

    Comparing each with each is dear, so first the bounds: only a rule whose bounds hold those of another covers it.
    """
    values = [as_value(row, position) for position, row in enumerate(table)]
    bounded = [(_bounds(value), value) for value in values]
    alike: dict[tuple[object, ...], list[tuple[Bounds, RuleValue]]] = defaultdict(list)
    for bounds, value in bounded:
        alike[_peer_key(value)].append((bounds, value))
    found = {}
    for position, (bounds, value) in enumerate(bounded):
        if table[position].missing:
            continue
        anyone = alike[value.direction, "any", None] if value.peer.kind != "any" else []
        near = [other for outer, other in (*alike[_peer_key(value)], *anyone) if _holds(outer, bounds)]
        if says := core_rules.without_effect(value, near):
            found[position] = re.sub(r"rule -(\d+)", r"line \1", says)
    return found


def as_value(row: Rule, position: int = 0) -> RuleValue:
    """A checked row as the core's value. One not saved yet has its line in the table, negative, for an id."""
    return rule_value(
        row.pk or -(position + 1),
        row.direction,
        row.priority,
        row.action,
        row.protocol,
        row.ports,
        row.peer,
        row.peer_group_id,
        row.peer_network_id,
        row.peer_addresses,
        row.own_addresses,
        row.missing,
    )


def rule_value(
    pk: int,
    direction: str,
    priority: int,
    action: str,
    protocol: str,
    ports: str,
    peer: str,
    group: int | None,
    network: int | None,
    addresses: str,
    own: str,
    missing: Mapping[str, str],
) -> RuleValue:
    """The columns of a rule, as stored, as the core's value. One that misses something matches nothing."""
    return RuleValue(
        id=pk,
        direction="in" if direction == "in" else "out",
        priority=priority,
        action="allow" if action == "allow" else "deny",
        peer=NOTHING if missing else _peer_value(peer, group, network, addresses),
        protocol=_protocol(protocol),
        ports=_ports(ports),
        own=_ranges(own) if own else (),
    )


def named(row: Rule) -> str:
    """The peer in words: "any", a group's or network's name (also of one that is gone), the addresses."""
    if row.peer == RulePeer.ANY:
        return "any"
    said = str(getattr(row, PEER_FIELD[RulePeer(row.peer)]) or row.missing.get(row.peer, "nothing"))
    return f"{said}, {row.peer_addresses}" if row.peer == RulePeer.GROUP and row.peer_addresses else said


@lru_cache(maxsize=4096)
def _peer_value(peer: str, group: int | None, network: int | None, addresses: str) -> Peer:
    """A peer that names nothing (any more) is nothing: it must never widen to any."""
    if peer == RulePeer.ANY:
        return Peer("any")
    if peer == RulePeer.GROUP and group is not None:
        return Peer("group", group, _ranges(addresses) if addresses else ())
    if peer == RulePeer.NETWORK and network is not None:
        return Peer("network", network)
    if peer == RulePeer.ADDRESS and addresses:
        return Peer("address", ranges=_ranges(addresses))
    return NOTHING


@lru_cache(maxsize=4096)
def _ranges(text: str) -> tuple[str, ...]:
    return core_rules.addresses(text)


@lru_cache(maxsize=512)
def _protocol(text: str) -> int | None:
    return core_rules.protocol_number(text)


@lru_cache(maxsize=4096)
def _ports(text: str) -> tuple[PortRange, ...]:
    return core_rules.ports(text)


def _bounds(value: RuleValue) -> Bounds:
    """The least and the greatest of what a rule is about: addresses, protocol, ports."""
    spans = [ipam.span(text) for text in value.peer.ranges]
    lowest = min(((s.version, s.first) for s in spans), default=(0, 0))
    highest = max(((s.version, s.last) for s in spans), default=(9, 0))
    protocol = (0, 255) if value.protocol is None else (value.protocol, value.protocol)
    ports = (value.ports[0].first, value.ports[-1].last) if value.ports else (0, core_rules.LAST_PORT)
    return lowest, highest, *protocol, *ports


def _holds(outer: Bounds, inner: Bounds) -> bool:
    return (
        outer[2] <= inner[2]
        and outer[3] >= inner[3]
        and outer[4] <= inner[4]
        and outer[5] >= inner[5]
        and outer[0] <= inner[0]
        and outer[1] >= inner[1]
    )


def _peer_key(value: RuleValue) -> tuple[object, ...]:
    return value.direction, value.peer.kind, value.peer.id


def _canonical(field: str, typed: str, parse: Callable[[str], str], errors: FieldErrors) -> str:
    try:
        return parse(typed)
    except core_rules.RuleError as error:
        errors.add(field, str(error), field)
        return typed


def _check_ports(row: Rule, errors: FieldErrors) -> None:
    try:
        core_rules.check_ports(_protocol(row.protocol), _ports(row.ports))
    except core_rules.RuleError as error:
        errors.add("ports", str(error), "ports")


def _check_peer(row: Rule, errors: FieldErrors, find: Finder) -> None:
    wanted = PEER_FIELD.get(RulePeer(row.peer)) if row.peer in RulePeer.values else None
    for field in PEER_FIELD.values():
        narrows = row.peer == RulePeer.GROUP and field == "peer_addresses"
        if field != wanted and not narrows and getattr(row, field):
            errors.add(field, f"The peer is {row.peer}. Leave this empty, or choose another kind of peer.", "unwanted")
    if wanted == "peer_addresses" or (wanted == "peer_group" and row.peer_addresses):
        row.peer_addresses = _canonical("peer_addresses", row.peer_addresses, _addresses, errors)
    if wanted is not None and wanted != "peer_addresses":
        _check_named_peer(row, wanted, errors, find)


def _check_named_peer(row: Rule, field: str, errors: FieldErrors, find: Finder) -> None:
    named_peer = getattr(row, field)
    if named_peer is None and row.peer in row.missing:
        return
    if named_peer is None:
        errors.add(field, f"Choose the {row.peer} this rule is about.", "needed")
    else:
        setattr(row, field, find(field, named_peer, row.policy.tenant))


def _addresses(text: str) -> str:
    return core_rules.addresses_text(core_rules.addresses(text))
