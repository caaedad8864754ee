"""How Go's decoder takes a JSON value into a field, and its words where it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from netmaster.refusal import Refusal
from netmaster.scanner import Number

Type = Literal["string", "int", "[]string"]
ZERO: dict[Type, Callable[[], Any]] = {"string": str, "int": int, "[]string": list}
SMALLEST, LARGEST = -(2**63), 2**63 - 1


def typed(type: Type, given: Any, place: str) -> Any:
    """A value as it is put into a field of this type. `place` is where that is, "Go struct field Tenant.tenantName"."""
    if type == "[]string":
        if not isinstance(given, list):
            raise cannot(given, place, type)
        return [typed("string", one, place) if one is not None else "" for one in given]
    if type == "string":
        if isinstance(given, Number) or not isinstance(given, str):
            raise cannot(given, place, type)
        return given
    if not isinstance(given, Number):
        raise cannot(given, place, type)
    if not re.fullmatch(r"-?[0-9]+", given) or len(given) > 20 or not SMALLEST <= int(given) <= LARGEST:
        raise Refusal(f"json: cannot unmarshal number {given} into {place} of type int")
    return int(given)


def members(given: Any, place: str, type: str) -> dict[str, Any]:
    """The members of a value that is to be an object."""
    if not isinstance(given, dict):
        raise cannot(given, place, type)
    return given


def cannot(given: Any, place: str, type: str) -> Refusal:
    return Refusal(f"json: cannot unmarshal {kind_of(given)} into {place} of type {type}")


def kind_of(value: Any) -> str:
    """Go's word for a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number):
        return "number"
    words = {str: "string", list: "array", dict: "object"}
    return next((word for kind, word in words.items() if isinstance(value, kind)), "null")
