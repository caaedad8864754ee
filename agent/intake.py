"""From what arrived to what is newly wanted, decided with values: many deltas become one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.spec import Item, NodeSpec, SpecDelta
from core.wire import WireError, apply_delta, decode_delta

#: A tenant's items by key.
Section = Mapping[str, Item]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A delta that could not be taken at all. `revision` is the one it was to lead to, 0 when it did not say."""

    revision: int
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """`deltas` are those that led to `spec`, none when nothing is new. After a refusal only a whole spec helps, so
    `refusal` stands until one comes."""

    spec: NodeSpec
    deltas: tuple[SpecDelta, ...] = ()
    refusal: Refusal | None = None


def take(spec: NodeSpec, values: Sequence[object], refusal: Refusal | None = None) -> Taken:
    """Follow what was received, in order, as far as it leads. `refusal` is what was refused before and still stands."""
    deltas: list[SpecDelta] = []
    for value in values:
        try:
            delta = decode_delta(value)
            if delta.base is not None and (refusal or _is_past(delta, spec)):
                continue  # It builds on what was refused, or was taken already and comes again after a reconnect.
            spec = apply_delta(spec, delta)
        except WireError as error:
            refusal = Refusal(_revision(value), str(error))
            continue
        if delta.base is None:
            deltas, refusal = [], None
        deltas.append(delta)
    return Taken(spec, tuple(deltas), refusal)


def touched(before: NodeSpec, taken: Taken) -> set[str]:
    """Keys of items that came, went or differ."""
    was, now = before.items, taken.spec.items
    if any(delta.base is None for delta in taken.deltas):
        named: Iterable[str] = was.keys() | now.keys()
    else:
        named = {key for delta in taken.deltas for key in (*delta.delete, *(item.key for item in delta.upsert))}
    return {key for key in named if was.get(key) != now.get(key)}


def sections(old: Mapping[int, Section], before: NodeSpec, after: NodeSpec, keys: Iterable[str]) -> dict[int, Section]:
    """The tenants' sections after the items under `keys` changed. What is not changed is the same object as in `old`;
    what is changed is a copy, because the old one may be being rendered in a thread right now."""
    made: dict[int, dict[str, Item]] = {}
    for key in keys:
        item = after.items.get(key) or before.items[key]
        if item.tenant not in made:
            made[item.tenant] = dict(old.get(item.tenant, {}))
        if key in after.items:
            made[item.tenant][key] = item
        else:
            made[item.tenant].pop(key, None)
    return {tenant: section for tenant, section in {**old, **made}.items() if section}


def _is_past(delta: SpecDelta, spec: NodeSpec) -> bool:
    return delta.revision < spec.revision or (delta.revision, delta.digest) == (spec.revision, spec.digest)


def _revision(value: object) -> int:
    revision = value.get("revision") if isinstance(value, dict) else None
    return revision if isinstance(revision, int) else 0
