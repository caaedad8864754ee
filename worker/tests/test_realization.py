from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.models import AuditEntry, Realization
from worker.models import SpecSection
from worker.publish import publish_tenant
from worker.realization import Live, Refusal, realization_of
from worker.tests.cast import Stage, stage, touch

pytestmark = pytest.mark.django_db
SAVED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Row:
    pk: int
    tenant_id: int
    generation: int


@pytest.fixture
def blue() -> Stage:
    return stage()


def put(blue: Stage, applied: tuple[int, int], refused: str = "") -> None:
    """Sections of both nodes at generation 5, with what each has applied; the second may refuse."""
    for node, generation in zip(blue.nodes, applied, strict=True):
        SpecSection.objects.create(node=node, tenant=blue.tenant, generation=5, applied_generation=generation)
    SpecSection.objects.filter(node=blue.nodes[1]).update(refused=refused)


def note(blue: Stage, generation: int = 5, compiled: bool = True, live_after_ms: int | None = None) -> None:
    Realization.objects.create(
        tenant=blue.tenant,
        generation=generation,
        saved_at=SAVED,
        compiled_at=SAVED if compiled else None,
        live_at=SAVED + timedelta(milliseconds=live_after_ms) if live_after_ms else None,
    )


def seen(blue: Stage, generation: int = 5) -> Live:
    return realization_of([Row(1, blue.tenant.pk, generation)])[1]


def test_a_change_nobody_compiled_yet_is_saved(blue: Stage) -> None:
    put(blue, (4, 4))
    note(blue, compiled=False)
    assert seen(blue).stage == "saved"


def test_a_change_is_saved_from_the_moment_the_record_says(blue: Stage) -> None:
    generation = touch(blue.tenant)
    entry = AuditEntry.objects.get(tenant=blue.tenant, generation=generation)
    assert (seen(blue, generation).stage, seen(blue, generation).saved_at) == ("saved", entry.at)
    publish_tenant(blue.tenant.pk)
    assert (seen(blue, generation).stage, seen(blue, generation).saved_at) == ("compiled", entry.at)


def test_a_change_is_live_node_by_node(blue: Stage) -> None:
    put(blue, (5, 4))
    note(blue)
    found = seen(blue)
    assert (found.stage, found.ratio, found.waiting, found.ms) == ("compiled", "1/2", ("n2",), None)


def test_a_change_is_live_with_the_time_it_took(blue: Stage) -> None:
    put(blue, (5, 7))
    note(blue, live_after_ms=140)
    found = seen(blue)
    assert (found.stage, found.ratio, found.ms, found.saved_at) == ("live", "2/2", 140, SAVED)


def test_a_node_that_refuses_a_change_is_named_with_its_reason(blue: Stage) -> None:
    put(blue, (5, 4), refused="no such device")
    note(blue)
    found = seen(blue)
    assert (found.stage, found.refused, found.waiting) == ("refused", (Refusal("n2", "no such device"),), ())


def test_a_node_that_refuses_a_later_change_is_live_with_the_earlier_one(blue: Stage) -> None:
    put(blue, (5, 4), refused="no such device")
    assert seen(blue, generation=4).stage == "live"


def test_a_change_that_no_node_needs_is_nowhere(blue: Stage) -> None:
    note(blue)
    assert seen(blue).stage == "nowhere"


def test_an_old_change_is_live_when_its_record_is_forgotten(blue: Stage) -> None:
    put(blue, (5, 5))
    found = seen(blue, generation=2)
    assert (found.stage, found.ms, found.saved_at) == ("live", None, None)


def test_another_tenants_sections_do_not_count(blue: Stage) -> None:
    other = stage("green", tag=2)
    put(blue, (5, 5))
    put(other, (1, 1))
    assert seen(blue).stage == "live"
    assert seen(other).stage == "compiled"


def test_many_rows_of_several_tenants_cost_two_queries_and_four_while_some_are_not_compiled(blue: Stage) -> None:
    other = stage("green", tag=2)
    ends = [(made.tenant.pk, touch(made.tenant)) for made in (blue, other) for _ in range(20)]
    rows = [Row(n, *end) for n, end in enumerate(ends)]
    for stage_of_all, cost in (("saved", 4), ("compiled", 2)):
        with CaptureQueriesContext(connection) as queries:
            found = realization_of(rows)
        assert [live.stage for live in found.values()] == [stage_of_all] * 40
        assert len(queries) == cost
        for made in (blue, other):
            publish_tenant(made.tenant.pk)
