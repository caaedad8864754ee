"""Undo over all rooms: what nodes are told after it is, to the byte, what they were told before."""

from __future__ import annotations

import pytest

from networks.check import differences
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.testing import Cast, people
from tenants.undo import take_back, together
from tenants.verify import Verification
from tests.undo.driver import Driver, specs, stored
from transfer.writing import document_of

__all__ = ["people"]
OPERATIONS = 30


@pytest.mark.parametrize("seed", [1])
def test_thirty_operations_undone_leave_no_trace_on_nodes(people: Cast, seed: int) -> None:
    driver = Driver(seed, people)
    nodes, document, before = stored(), document_of(), []
    for _ in range(OPERATIONS):
        seen = specs()
        work = driver.step()
        before.append((work, seen, together(AuditEntry.objects.latest("pk"))))
    assert specs() != before[0][1]
    undone = []
    for work, seen, entries in reversed(before):
        undone.append(take_back(entries, SYSTEM))
        assert specs() == seen, work
    assert stored() == nodes
    assert document_of() == document
    assert list(differences()) == []
    assert list(Verification().faults()) == []
