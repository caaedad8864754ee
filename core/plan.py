"""From a delta to ops in an order in which each may be carried out. The order is a table.

Fail closed: a port is taken out before the policy it stood under changes or goes, and put in only after its policy and
its rate are there. All nft ops stand together, because they are one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from core.diff import Delta
from core.state import KernelObject, Key, Membership

Action = Literal["create", "update", "delete"]

#: (actions, kinds) in the order of application.
ORDER: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = tuple(
    (frozenset(actions.split()), tuple(kinds.split(", ")))
    for actions, kinds in (
        ("create", "namespace"),
        ("delete", "port"),
        ("create update delete", "table, set, chain, element"),
        ("create update", "sysctl"),
        ("create update", "bridge, vxlan, vlan, ifb"),
        ("create update", "address, route, neighbour"),
        ("create update", "rate limit, redirect"),
        ("create update", "port"),
        ("create update", "bridge FDB entry, VXLAN FDB entry"),
        ("delete", "bridge FDB entry, VXLAN FDB entry"),
        ("delete", "redirect, rate limit, foreign queue"),
        ("delete", "neighbour, route, address"),
        ("delete", "ifb, vxlan, vlan, foreign device, bridge"),
        ("delete", "sysctl, namespace"),
    )
)

RANK: dict[tuple[str, str], int] = {}
for _actions, _kinds in ORDER:
    for _kind in _kinds:
        for _action in sorted(_actions):
            RANK[_action, _kind] = len(RANK)


@dataclass(frozen=True, slots=True)
class Op:
    """One step. `old` is None for create, `new` for delete."""

    action: Action
    old: KernelObject | None = None
    new: KernelObject | None = None

    @property
    def subject(self) -> KernelObject:
        """The object as it is to be, or the one that goes."""
        thing = self.new if self.new is not None else self.old
        assert thing is not None
        return thing


def plan(delta: Delta[Key, KernelObject]) -> tuple[Op, ...]:
    """The ops of a delta in order. Where the namespace itself goes, nothing in it needs a step of its own."""
    gone = delta.delete.get(("namespace",))
    if gone is not None:
        return (Op("delete", old=gone),)
    return tuple(sorted(_ops(delta), key=_rank))


def _ops(delta: Delta[Key, KernelObject]) -> Iterator[Op]:
    for new in delta.create.values():
        yield Op("create", new=new)
    for old, new in delta.update.values():
        yield Op("update", old, new)
    for old in delta.delete.values():
        yield Op("delete", old=old)


def _rank(op: Op) -> tuple[int, Key]:
    return RANK[op.action, op.subject.kind], op.subject.key


def describe(op: Op) -> str:
    """What was found, as a sentence, for an op that sets it right."""
    name = f"{op.subject.kind} {' '.join(op.subject.key[1:])}".strip()
    if op.action == "create":
        return f"The {name} was missing."
    if op.action == "delete":
        return f"The {name} was there though nothing asks for it."
    if type(op.old) is not type(op.new):
        return f"The {name} was a {op.old.kind if op.old else 'nothing'}."
    return f"The {name} differed: {', '.join(_differences(op.old, op.new))}."


def _differences(old: object, new: object) -> Iterator[str]:
    for part in fields(new):  # type: ignore[arg-type]
        was, wanted = getattr(old, part.name), getattr(new, part.name)
        if not part.compare or was == wanted:
            continue
        if isinstance(was, Membership) and isinstance(wanted, Membership):
            yield from _differences(was, wanted)
        elif part.name == "marks":
            yield f"{len(was)} rules where {len(wanted)} are wanted, or other ones"
        else:
            yield f"{part.name} was {was}, not {wanted}"
