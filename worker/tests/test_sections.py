"""What is remembered of stored sections: never instead of what is stored."""

from __future__ import annotations

from core import wire
from core.spec import TenantItem, by_key
from worker.models import SpecSection
from worker.sections import encoded, items_of


def test_what_is_stored_counts_whatever_is_remembered() -> None:
    mine, other = TenantItem(1, "blue", "allow", 7), TenantItem(1, "blue", "deny", 8)
    section = SpecSection(node_id=1, tenant_id=1, items=encoded(1, 1, by_key([mine])))
    assert items_of(section) == by_key([mine])
    section.items = wire.encode_items([other])  # Another process has stored something since.
    assert items_of(section) == by_key([other])
    assert items_of(None) == {}


def test_a_section_encoded_from_what_is_remembered_is_as_one_encoded_anew() -> None:
    first = by_key([TenantItem(2, "green", "allow", 1)])
    second = by_key([TenantItem(2, "green", "allow", 2)])
    for items in (first, first, second, {}, first):
        assert encoded(1, 2, items) == wire.encode_items(items.values())
