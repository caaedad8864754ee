"""What nftables holds of a tenant's namespace, as frozen values: tables, chains, sets and their elements, in nft's own
words. The rest of the namespace is in core.state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Table:
    kind: ClassVar[str] = "table"
    family: str
    name: str

    @property
    def key(self) -> tuple[str, ...]:
        return ("table", self.family, self.name)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the kernel enters a base chain, and what becomes of a packet that falls off its end."""

    type: str
    hook: str
    priority: int
    policy: str


def mark_of(rule: str) -> str:
    """What a rule's comment says of its text: the kernel prints rules back in words of its own, comments as written."""
    return hashlib.sha256(rule.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Chain:
    """`rules` in nft's words; compared by `marks`, the comments in which each rule carries the hash of its text."""

    kind: ClassVar[str] = "chain"
    family: str
    name: str
    hook: Hook | None
    marks: tuple[str, ...]
    rules: tuple[str, ...] = field(default=(), compare=False)

    @property
    def key(self) -> tuple[str, ...]:
        return ("chain", self.family, self.name)


def chain(family: str, name: str, rules: tuple[str, ...], hook: Hook | None = None) -> Chain:
    """A chain as desired: its marks follow from its rules."""
    return Chain(family, name, hook, tuple(mark_of(rule) for rule in rules), rules)


@dataclass(frozen=True, slots=True)
class Set:
    """A set, or a map when `data` names what its elements lead to. `type` and `data` in nft's words."""

    kind: ClassVar[str] = "set"
    family: str
    name: str
    type: str
    data: str = ""
    interval: bool = False
    counter: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return ("set", self.family, self.name)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a set. `match` in the one form of `core.pipeline`; `data` where a map leads; `comment` the id of
    the rule that gets the hit."""

    kind: ClassVar[str] = "element"
    family: str
    set: str
    match: str
    data: str = ""
    comment: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        return ("element", self.family, self.set, self.match)


NftObject = Table | Chain | Set | Element
