"""What a change of the record altered, as lines a person reads: field, before, after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What every row has and nobody asks for.
SKIPPED = frozenset({"id", "tenant_id", "record"})
#: What the line's heading says already.
OWN = frozenset({"name", "policy_id"})
#: How a rule names its peer inside; `peer_name` says it in words.
PEER = frozenset({"peer", "peer_group_id", "peer_network_id", "peer_addresses"})


@dataclass(frozen=True, slots=True)
class Line:
    """`before` or `after` None: the field came or went."""

    field: str
    before: str | None
    after: str | None


def difference(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    names: Mapping[tuple[str, int], str] | None = None,
) -> list[Line]:
    """The fields that differ, in the order of the object; of a new or deleted object those that say something. `names`
    are what the ids in its columns are called."""
    old, new = _flat(before or {}, names or {}), _flat(after or {}, names or {})
    fields = [*new, *(field for field in old if field not in new)]
    return [Line(f, old.get(f), new.get(f)) for f in fields if old.get(f) != new.get(f)]


def _flat(values: Mapping[str, Any], names: Mapping[tuple[str, int], str]) -> dict[str, str]:
    """Each field in words; lists of things one by one, so that a change of one rule is one line. Empty is left out."""
    lines: dict[str, str] = {}
    hidden = _hidden(values)
    for field, value in values.items():
        if field in hidden or value in (None, "", [], {}):
            continue
        if _are_names(value):
            lines[field] = ", ".join(sorted(one["name"] for one in value))
        elif _are_things(value):
            lines |= {f"{field.removesuffix('s')} {one.get('name') or one['id']}": _words(one) for one in value}
        else:
            called = names.get((field, value)) if isinstance(value, int) else None
            lines[field.removesuffix("_id")] = called or _word(value)
    return lines


def _hidden(values: Mapping[str, Any]) -> frozenset[str]:
    return SKIPPED | PEER if "peer_name" in values else SKIPPED


def _are_things(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "id" in one for one in value)


def _are_names(value: Any) -> bool:
    return _are_things(value) and all(one.keys() == {"id", "name"} for one in value)


def _words(thing: Mapping[str, Any]) -> str:
    """A thing inside a list in one line: its telling fields."""
    hidden = _hidden(thing) | OWN
    said = {k: v for k, v in thing.items() if k not in hidden and v not in (None, "", [], {})}
    return (
        ", ".join(f"{key.removesuffix('_id').replace('_name', '')} {_word(value)}" for key, value in said.items())
        or "yes"
    )


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_word(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(map(_word, value))
    return str(value)
