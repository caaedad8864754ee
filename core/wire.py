"""The spec as it travels: JSON values out, validated items in, and the digest that finds a lost delta.

What is decoded here ends up in commands that run as root, so nothing passes whose type, range or form is not known
to be right: an address is an address in canonical form, a name holds no blank, quote or newline.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from core import diff
from core.fields import Field, fields_of
from core.forms import check_peer
from core.spec import ITEM_TYPES, Item, MatchItem, NodeSpec, SpecDelta

WIRE_VERSION = 1
#: The digest of no items at all.
EMPTY_DIGEST = "0" * 64
_MODULUS = 1 << 256
_DELTA_FIELDS = frozenset({"v", "base", "revision", "digest", "upsert", "delete"})
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_FIELDS: dict[str, tuple[Field, ...]] = {kind: fields_of(cls) for kind, cls in ITEM_TYPES.items()}
_BY_NAME = {kind: {field.name: field for field in fields} for kind, fields in _FIELDS.items()}
_REQUIRED = {kind: frozenset(f.name for f in fields if f.required) for kind, fields in _FIELDS.items()}


class WireError(ValueError):
    """What was received is not a spec or a delta of one, or does not follow on what is here. Says where and why."""


def encode_items(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Items as JSON values, fields at their default left out."""
    return [_encode(item) for item in items]


def decode_items(values: object, path: str = "items") -> tuple[Item, ...]:
    """The reverse of encode_items. Raises WireError naming the place of what is wrong ("upsert[3].ip4: …")."""
    if not isinstance(values, list):
        raise WireError(f"{path}: expected a list of items, not {_shape(values)}.")
    items = tuple(_decode(value, path, index) for index, value in enumerate(values))
    if len({item.key for item in items}) != len(items):
        raise WireError(f"{path}: an item comes twice; each key may come once.")
    return items


def encode_delta(delta: SpecDelta) -> dict[str, Any]:
    return {
        "v": WIRE_VERSION,
        "base": delta.base,
        "revision": delta.revision,
        "digest": delta.digest,
        "upsert": encode_items(delta.upsert),
        "delete": list(delta.delete),
    }


def decode_delta(value: object) -> SpecDelta:
    """The reverse of encode_delta. Raises WireError; another version is refused before anything else is read."""
    if not isinstance(value, dict):
        raise WireError(f"delta: expected an object, not {_shape(value)}.")
    if value.get("v") != WIRE_VERSION or isinstance(value["v"], bool):
        raise WireError(f"delta.v: version {WIRE_VERSION} is spoken here, not {value.get('v')!r}.")
    if value.keys() != _DELTA_FIELDS:
        raise WireError(f"delta: expected the fields {', '.join(sorted(_DELTA_FIELDS))}.")
    return SpecDelta(
        base=None if value["base"] is None else _revision(value["base"], "base"),
        revision=_revision(value["revision"], "revision"),
        digest=_digest_text(value["digest"]),
        upsert=decode_items(value["upsert"], "delta.upsert"),
        delete=_keys(value["delete"]),
    )


def digest(items: Iterable[Item]) -> str:
    """64 hex digits that stand for the items, whatever their order: the sum of their SHA-256 modulo 2²⁵⁶."""
    return f"{sum(map(_number, items)) % _MODULUS:064x}"


def step_digest(old_digest: str, removed_items: Iterable[Item], added_items: Iterable[Item]) -> str:
    """The digest after a step, from that before it; an updated item is removed as it was and added as it is."""
    moved = sum(map(_number, added_items)) - sum(map(_number, removed_items))
    return f"{(int(old_digest or '0', 16) + moved) % _MODULUS:064x}"


def delta_between(old: NodeSpec, new_items: Mapping[str, Item], revision: int) -> SpecDelta:
    """The step from `old` to `new_items` at `revision`."""
    step = diff.diff(new_items, old.items)
    new = [pair[1] for pair in step.update.values()]
    return SpecDelta(
        base=old.revision,
        revision=revision,
        digest=step_digest(
            old.digest,
            [*step.delete.values(), *(pair[0] for pair in step.update.values())],
            [*step.create.values(), *new],
        ),
        upsert=(*step.create.values(), *new),
        delete=tuple(step.delete),
    )


def whole(spec: NodeSpec) -> SpecDelta:
    """The step from anything to `spec`, for a node whose revision is not known."""
    return SpecDelta(base=None, revision=spec.revision, digest=spec.digest, upsert=tuple(spec.items.values()))


def apply_delta(spec: NodeSpec, delta: SpecDelta) -> NodeSpec:
    """The spec after the step. Raises WireError when the delta builds on another revision or leads elsewhere."""
    if delta.base is not None and delta.base != spec.revision:
        raise WireError(f"Unknown base: the delta builds on revision {delta.base}, here is {spec.revision}.")
    items = {} if delta.base is None else dict(spec.items)
    before = EMPTY_DIGEST if delta.base is None else spec.digest
    removed = [items.pop(key) for key in delta.delete if key in items]
    removed += [items[item.key] for item in delta.upsert if item.key in items]
    items.update((item.key, item) for item in delta.upsert)
    after = step_digest(before, removed, delta.upsert)
    if after != delta.digest:
        raise WireError(f"The digest differs: revision {delta.revision} should be {delta.digest}, it became {after}.")
    return NodeSpec(revision=delta.revision, digest=after, items=items)


def _encode(item: Item) -> dict[str, Any]:
    value: dict[str, Any] = {"kind": item.kind}
    for field in _FIELDS[item.kind]:
        content = getattr(item, field.name)
        if content != field.default:
            value[field.name] = field.encode(content) if field.encode else content
    return value


def _decode(value: object, path: str, index: int) -> Item:
    if not isinstance(value, dict):
        raise WireError(f"{path}[{index}]: expected an object, not {_shape(value)}.")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in ITEM_TYPES:
        raise WireError(f"{path}[{index}].kind: {kind!r} is unknown; known are {', '.join(ITEM_TYPES)}.")
    missing = _REQUIRED[kind] - value.keys()
    if missing:
        raise WireError(f"{path}[{index}]: the {kind} lacks {', '.join(sorted(missing))}.")
    arguments: dict[str, Any] = {}
    fields = _BY_NAME[kind]
    for name, content in value.items():
        if name != "kind":
            try:
                arguments[name] = fields[name].decode(content)
            except KeyError:
                raise WireError(f"{path}[{index}].{name}: a {kind} has no such field.") from None
            except ValueError as error:
                raise WireError(f"{path}[{index}].{name}: {error}") from None
    item = cast(Item, ITEM_TYPES[kind](**arguments))
    if isinstance(item, MatchItem):
        _check_peer(item, f"{path}[{index}]")
    return item


def _check_peer(item: MatchItem, path: str) -> None:
    try:
        check_peer(item)
    except ValueError as error:
        raise WireError(f"{path}.peer: {error}") from None


def _number(item: Item) -> int:
    return int.from_bytes(hashlib.sha256(_canonical(_encode(item)).encode()).digest(), "big")


def _revision(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WireError(f"delta.{name}: expected a number of 0 or more, not {value!r}.")
    return value


def _digest_text(value: object) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise WireError("delta.digest: expected 64 hexadecimal digits.")
    return value


def _keys(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(key, str) and "/" in key for key in value):
        raise WireError("delta.delete: expected a list of item keys such as 7/endpoint/55.")
    return tuple(cast(Sequence[str], value))


def _shape(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
