"""What each field of a spec item may hold, told from its type and, by its name, its range or form."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from core.forms import FORMS
from core.spec import Layer

#: Ranges of numbers by field name; a number not named here is 0 or more.
_RANGES: dict[str, tuple[int, int]] = {
    "tenant": (1, 2**63 - 1),
    "id": (1, 2**63 - 1),
    "network": (1, 2**63 - 1),
    "rule": (1, 2**63 - 1),
    "epoch": (1, 2**31 - 1),
    "tag": (1, 2**24 - 1),
    "dscp": (0, 63),
    "priority": (1, 100),
    "protocol": (0, 255),
    "ports": (0, 65535),
}
_COUNT = (0, 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an item. `decode` turns a JSON value into the field's or raises ValueError with a sentence;
    `encode` is None where the value is JSON already."""

    name: str
    required: bool
    default: object
    decode: Callable[[object], object]
    encode: Callable[[Any], object] | None


def fields_of(cls: type) -> tuple[Field, ...]:
    """The fields of a dataclass of core.spec, in their order."""
    hints = get_type_hints(cls)
    return tuple(_field(field, hints[field.name]) for field in dataclasses.fields(cls))


def _field(field: dataclasses.Field[Any], hint: object) -> Field:
    return Field(
        name=field.name,
        required=field.default is dataclasses.MISSING,
        default=field.default,
        decode=_decoder(hint, field.name),
        encode=_encoder(hint),
    )


def _encoder(hint: object) -> Callable[[Any], object] | None:
    if hint is Layer:
        return _row
    if get_origin(hint) is tuple:
        return _rows if get_args(hint)[0] is Layer else list
    return None


def _row(layer: Layer) -> list[object]:
    """What is not narrowed is said as before there was that."""
    row = [getattr(layer, name) for name in _LAYER]
    return row if layer.own else row[:-1]


def _rows(layers: tuple[Layer, ...]) -> list[list[object]]:
    return [_row(layer) for layer in layers]


def _decoder(hint: object, name: str) -> Callable[[object], object]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Layer:
        return _layer
    if hint is int:
        return _number(*_RANGES.get(name, _COUNT))
    if hint is str:
        return FORMS[name]
    if origin is Literal:
        return _one_of(arguments) if name == "own" else _choice(arguments)
    if origin is tuple:
        return _layers if arguments[0] is Layer else _interval(*_RANGES[name])
    if origin in (Union, types.UnionType) and arguments[1] is type(None):
        return _optional(_decoder(arguments[0], name))
    raise TypeError(f"No way is known to decode the field {name} of type {hint}.")


def _number(first: int, last: int) -> Callable[[object], int]:
    def decode(value: object) -> int:
        if type(value) is not int or not first <= value <= last:
            raise ValueError(f"expected a number from {first} to {last}, not {value!r}.")
        return value

    return decode


def _choice(choices: tuple[str, ...]) -> Callable[[object], object]:
    def decode(value: object) -> object:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, not {value!r}.")
        return value

    return decode


def _one_of(numbers: tuple[int, ...]) -> Callable[[object], object]:
    def decode(value: object) -> object:
        if type(value) is not int or value not in numbers:
            raise ValueError(f"expected one of {', '.join(map(str, numbers))}, not {value!r}.")
        return value

    return decode


def _optional(inner: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else inner(value)


def _interval(first: int, last: int) -> Callable[[object], tuple[int, int]]:
    def decode(value: object) -> tuple[int, int]:
        if isinstance(value, list) and [type(end) for end in value] == [int, int]:
            low, high = value
            if first <= low <= high <= last:
                return low, high
        raise ValueError(f"expected two numbers from {first} to {last}, the lower one first, not {value!r}.")

    return decode


def _layer(value: object) -> Layer:
    try:
        if isinstance(value, list) and len(value) == len(_LAYER) - 1:
            return _layer_of(*value, 0)
        if isinstance(value, list) and len(value) == len(_LAYER) and value[-1] != 0:
            return _layer_of(*value)
    except TypeError:  # a part that is a list or an object itself
        pass
    raise ValueError(f"expected a list of priority, action, kind, plane and perhaps own, not {value!r}.")


# There are few layers and each match names one. `typed`, for True is no 1 here.
@lru_cache(maxsize=1024, typed=True)
def _layer_of(*parts: Any) -> Layer:
    arguments: list[Any] = [decode(part) for decode, part in zip(_LAYER.values(), parts, strict=True)]
    return Layer(*arguments)


def _layers(value: object) -> tuple[Layer, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list of layers, not {value!r}.")
    return tuple(map(_layer, value))


_LAYER = {name: _decoder(hint, name) for name, hint in get_type_hints(Layer).items()}
