"""nft ops as one transaction's text, and nft's own listing as objects. Pure.

A transaction first lets go (rules of chains that change, elements, chains, sets), then makes (tables, sets, chains,
rules, elements): in this order nothing refers to what is not there, and a set may be made anew under its old name.
A set that goes takes its elements along, so they are not named: it may be somebody else's, of any type and any flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from core.pipeline import EPOCH_CHAINS, is_layer_set
from core.plan import Op
from core.ruleset import Chain, Element, Hook, Set, Table, mark_of
from core.state import KernelObject, Key

Thing = TypeVar("Thing", Table, Set, Chain, Element)
Json = Any
#: Family and name.
SetName = tuple[str, str]

NFT_KINDS = (Table, Set, Chain, Element)


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of the text and the op it is there for, so that a complaint about a line names the op."""

    text: str
    op: Op


def is_nft(op: Op) -> bool:
    return isinstance(op.subject, NFT_KINDS)


def by_epoch(ops: Iterable[Op]) -> tuple[list[Op], list[Op]]:
    """All other ops, and those that bring a new epoch into chains that are there already."""
    others: list[Op] = []
    epoch: list[Op] = []
    for op in ops:
        turns = op.action == "update" and isinstance(op.new, Chain) and op.new.name in EPOCH_CHAINS
        (epoch if turns else others).append(op)
    return others, epoch


# --- writing ---------------------------------------------------------------------------------------------------------


def transaction(ops: Iterable[Op]) -> list[Statement]:
    ops = list(ops)
    gone, made = _Phase(ops, old=True), _Phase(ops, old=False)
    return [
        *gone.each(Chain, lambda chain: f"flush chain {_name(chain)}"),
        *gone.elements("delete", unless_in=gone.sets),
        # Its elements may lead to a chain that goes, which the kernel keeps as long as one does.
        *gone.each(Set, lambda thing: f"flush map {_name(thing)}", unless=lambda op: not _is_map(op.old)),
        *gone.each(Chain, lambda chain: f"delete chain {_name(chain)}", unless=_stays),
        *gone.each(Set, lambda thing: f"delete set {_name(thing)}"),
        *gone.each(Table, lambda table: f"delete table {table.family} {table.name}"),
        *made.each(Table, lambda table: f"add table {table.family} {table.name}"),
        *made.each(Set, _set_text),
        *made.each(Chain, _chain_text),
        # A chain that is there though it was held to be missing must not have its rules twice.
        *made.each(Chain, lambda chain: f"flush chain {_name(chain)}", unless=lambda op: op.old is not None),
        *made.rules(),
        *made.elements("add"),
    ]


class _Phase:
    """One side of a transaction: what goes (`old`) or what comes. An update is both."""

    def __init__(self, ops: list[Op], *, old: bool) -> None:
        self.pairs = [(op, thing) for op in ops if (thing := op.old if old else op.new) is not None]

    def each(self, kind: type[Thing], text: Any, unless: Any = None) -> Iterator[Statement]:
        for op, thing in self.pairs:
            if isinstance(thing, kind) and not (unless and unless(op)):
                yield Statement(text(thing), op)

    @property
    def sets(self) -> frozenset[SetName]:
        return frozenset((thing.family, thing.name) for _, thing in self.pairs if isinstance(thing, Set))

    def rules(self) -> Iterator[Statement]:
        for op, thing in self.pairs:
            if isinstance(thing, Chain):
                for mark, rule in zip(thing.marks, thing.rules, strict=True):
                    yield Statement(f'add rule {_name(thing)} {rule} comment "{mark}"', op)

    def elements(self, verb: str, unless_in: frozenset[SetName] = frozenset()) -> Iterator[Statement]:
        """Many elements of a set in one command, each on a line of its own."""
        elements = [(op, thing) for op, thing in self.pairs if isinstance(thing, Element)]
        mine = [(op, thing) for op, thing in elements if (thing.family, thing.set) not in unless_in]
        mine.sort(key=lambda pair: (pair[1].family, pair[1].set))
        for (family, name), run in groupby(mine, key=lambda pair: (pair[1].family, pair[1].set)):
            lines = [Statement(_element_text(thing, verb), op) for op, thing in run]
            first, last = lines[0], lines[-1]
            lines[0] = replace(first, text=f"{verb} element {family} contiv {name} {{ {first.text}")
            lines[-1] = replace(lines[-1], text=lines[-1].text.rstrip(",") + " }")
            assert last.op is lines[-1].op
            yield from lines


def _stays(op: Op) -> bool:
    """A changed chain is emptied and filled again: a jump may lead to it. Only another hook needs another chain."""
    if not isinstance(op.old, Chain) or not isinstance(op.new, Chain):
        return False
    return _entry(op.old) == _entry(op.new)


def _entry(chain: Chain) -> tuple[object, ...] | None:
    return (chain.hook.type, chain.hook.hook, chain.hook.priority) if chain.hook else None


def _name(thing: Set | Chain) -> str:
    return f"{thing.family} contiv {thing.name}"


def _set_text(thing: Set) -> str:
    # nft has no word for the type of bytes at an offset; it takes the expression itself.
    kind = "typeof iifname . @th,64,128" if thing.type == "ifname . integer" else f"type {thing.type}"
    parts = [kind + (f" : {thing.data}" if thing.data else "")]
    parts += ["flags interval"] if thing.interval else []
    parts += ["counter"] if thing.counter else []
    return f"add {'map' if thing.data else 'set'} {_name(thing)} {{ {'; '.join(parts)}; }}"


def _chain_text(chain: Chain) -> str:
    if chain.hook is None:
        return f"add chain {_name(chain)}"
    hook = chain.hook
    return (
        f"add chain {_name(chain)} "
        f"{{ type {hook.type} hook {hook.hook} priority {hook.priority}; policy {hook.policy}; }}"
    )


def _is_map(thing: KernelObject | None) -> bool:
    return isinstance(thing, Set) and bool(thing.data)


def _element_text(thing: Element, verb: str) -> str:
    if verb == "delete":
        return f"{_written(thing)},"
    comment = f' comment "{thing.comment}"' if thing.comment else ""
    data = f" : {thing.data}" if thing.data else ""
    return f"{_written(thing)}{comment}{data},"


def _written(thing: Element) -> str:
    """A match of an interval set ends in ports. A single one is written as a range: nft 1.0.6 adds an element of three
    single values to such a set, but the kernel then finds none to delete. Any other set refuses a range. Elements are
    written of our own sets only, and of those the layers' have intervals."""
    rest, _, ports = thing.match.rpartition(" . ")
    return f"{rest} . {ports}-{ports}" if is_layer_set(thing.set) and ports.isdecimal() else thing.match


def as_found(ops: Iterable[Op], actual: Mapping[Key, KernelObject]) -> list[Op]:
    """The ops that lead to the same from what is really there: none for what is so already."""
    changed = (_from_found(op, actual.get(op.subject.key)) for op in ops)
    return [op for op in changed if op is not None]


def _from_found(op: Op, found: KernelObject | None) -> Op | None:
    if op.new is None:
        return Op("delete", old=found) if found is not None else None
    if found is None:
        return Op("create", new=op.new)
    return None if found == op.new else Op("update", found, op.new)


# --- reading ---------------------------------------------------------------------------------------------------------


def parse(listing: Json) -> Iterator[KernelObject]:
    """The objects of `nft -j -nn list ruleset`. Of tables that are not ours, the table alone."""
    rules: dict[tuple[str, str], list[Json]] = {}
    chains: list[Json] = []
    for entry in listing["nftables"]:
        (kind, body), *_ = entry.items()
        if kind == "table":
            yield Table(body["family"], body["name"])
        elif body.get("table") != "contiv":
            continue
        elif kind in ("set", "map"):
            yield from _parse_set(body)
        elif kind == "chain":
            chains.append(body)
        elif kind == "rule":
            rules.setdefault((body["family"], body["chain"]), []).append(body)
    for body in chains:
        yield _parse_chain(body, rules.get((body["family"], body["name"]), []))


def _parse_chain(body: Json, rules: list[Json]) -> Chain:
    hook = Hook(body["type"], body["hook"], body["prio"], body["policy"]) if "hook" in body else None
    return Chain(body["family"], body["name"], hook, tuple(_mark(rule) for rule in rules))


def _mark(rule: Json) -> str:
    """A rule without a comment was made by somebody else: it is marked by what it says."""
    mark: str = rule.get("comment") or f"foreign {mark_of(str(rule['expr']))}"
    return mark


def _parse_set(body: Json) -> Iterator[KernelObject]:
    family, name, data = body["family"], body["name"], " . ".join(_types(body.get("map", [])))
    types = _types(body["type"])
    counter = any("counter" in statement for statement in body.get("stmt", []))
    yield Set(family, name, " . ".join(types), data, "interval" in body.get("flags", []), counter)
    for element in body.get("elem", []):
        key, leads_to = element if data else (element, None)
        value, comment, _ = _parse_key(key)
        yield Element(family, name, _match(value, types), _data(leads_to) if data else "", comment)


def _types(value: Json) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def _parse_key(key: Json) -> tuple[Json, str, tuple[int, int]]:
    """The key itself, its comment, and its counter as (packets, bytes)."""
    if not isinstance(key, dict) or "elem" not in key:
        return key, "", (0, 0)
    body = key["elem"]
    counter = body.get("counter") or {}
    return body["val"], body.get("comment", ""), (counter.get("packets", 0), counter.get("bytes", 0))


def _match(value: Json, types: list[str]) -> str:
    parts = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
    return " . ".join(_part(part, kind) for part, kind in zip(parts, types, strict=True))


def _part(part: Json, kind: str) -> str:
    if isinstance(part, dict):
        if "prefix" in part:
            return f"{part['prefix']['addr']}/{part['prefix']['len']}"
        first, last = part["range"]
        return f"{first}-{last}"
    if kind == "ifname":
        return f'"{part}"'
    if kind == "integer":
        return f"{int(part, 0) if isinstance(part, str) else part:#x}"
    return str(part)


def _data(value: Json) -> str:
    """Where a map's element leads: a number, or a verdict in nft's words."""
    if not isinstance(value, dict):
        return str(value)
    (verdict, body), *_ = value.items()
    if body is None:
        return str(verdict)
    # What a map of somebody else leads to may be anything; it is told apart, and never written.
    target = body["target"] if isinstance(body, dict) and "target" in body else body
    return f"{verdict} {target}"


# --- counting --------------------------------------------------------------------------------------------------------


def rule_hits(listing: Json) -> dict[int, tuple[int, int]]:
    """(packets, bytes) by rule id, summed over a rule's elements."""
    hits: dict[int, tuple[int, int]] = {}
    for entry in listing["nftables"]:
        for element in entry.get("set", {}).get("elem", []):
            _, comment, (packets, size) = _parse_key(element)
            if comment.isdecimal():
                before = hits.get(int(comment), (0, 0))
                hits[int(comment)] = (before[0] + packets, before[1] + size)
    return hits


def chain_drops(listing: Json, family: str, chain: str) -> int:
    """Packets counted by the rules of a chain of ours."""
    return sum(
        expression["counter"]["packets"]
        for entry in listing["nftables"]
        if _is_rule_of(entry.get("rule"), family, chain)
        for expression in entry["rule"]["expr"]
        if isinstance(expression.get("counter"), dict)
    )


def _is_rule_of(rule: Mapping[str, Json] | None, family: str, chain: str) -> bool:
    return rule is not None and (rule["table"], rule["family"], rule["chain"]) == ("contiv", family, chain)
