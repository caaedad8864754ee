"""Desired against actual: the one comparison, used for links, neighbours, sets, chains, qdiscs and specs alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Delta(Generic[K, V]):
    """What leads from actual to desired. `update` holds (old, new); `delete` what is there and not wanted."""

    create: dict[K, V] = field(default_factory=dict)
    update: dict[K, tuple[V, V]] = field(default_factory=dict)
    delete: dict[K, V] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.create or self.update or self.delete)


def diff(desired: Mapping[K, V], actual: Mapping[K, V]) -> Delta[K, V]:
    """The step from `actual` to `desired`; values are compared with ==. Orders follow the mappings given.

    Values that are the same object are equal without being asked: most are, when `desired` came from `actual`.
    """
    return Delta(
        create={key: value for key, value in desired.items() if key not in actual},
        update={
            key: (old, new)
            for key, new in desired.items()
            if key in actual and (old := actual[key]) is not new and old != new
        },
        delete={key: value for key, value in actual.items() if key not in desired},
    )
