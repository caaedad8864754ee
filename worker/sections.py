"""Sections between their stored form and items. Decoding what this process has itself encoded a moment ago would be a
third of a publish, so the sections of last are remembered, and believed only where what is stored is the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from core import wire
from core.spec import Item, by_key
from worker.models import SpecSection

Items = Mapping[str, Item]
Encoded = list[dict[str, Any]]
#: Sections a process remembers.
MOST = 256

_remembered: OrderedDict[tuple[int, int], tuple[Encoded, Items]] = OrderedDict()
_lock = threading.Lock()


def items_of(section: SpecSection | None) -> Items:
    """By key; nothing of no section."""
    if section is None:
        return {}
    key = section.node_id, section.tenant_id
    encoded, items = _remembered.get(key, (None, {}))
    if encoded != section.items:
        items = by_key(wire.decode_items(section.items))
        _remember(key, section.items, items)
    return items


def encoded(node_id: int, tenant_id: int, items: Items) -> Encoded:
    """As it is stored. What stays as it is remembered is not encoded again."""
    before, known = _remembered.get((node_id, tenant_id), ([], {}))
    forms = dict(zip(known, before, strict=True))
    fresh = [forms[key] if known.get(key) == item else wire.encode_items([item])[0] for key, item in items.items()]
    _remember((node_id, tenant_id), fresh, items)
    return fresh


def _remember(key: tuple[int, int], encoded: Encoded, items: Items) -> None:
    with _lock:
        _remembered[key] = encoded, items
        _remembered.move_to_end(key)
        while len(_remembered) > MOST:
            _remembered.popitem(last=False)
