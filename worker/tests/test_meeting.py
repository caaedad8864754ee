"""What comes at the same moment, late, or broken: publishes that meet, nodes that are away for long, messages that no
database could keep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from core import wire
from core.compile import compile_tenant
from networks.actions import delete_node
from networks.models import Endpoint, EndpointGroup, Network
from policies.models import Policy, Rule
from policies.snapshot import tenant_intent
from tenants.change import SYSTEM
from tenants.models import Event, Realization
from tests.meeting import meeting
from worker import intake, nodes, overview, publish, realize
from worker.acks import Acks
from worker.models import NodeSpec, NodeStatus, SpecSection
from worker.overview import sync_of
from worker.tests.cast import Stage, stage, touch

PATIENCE_S = 15
in_transactions = pytest.mark.django_db(transaction=True)


@pytest.fixture
def blue(db: None) -> Stage:
    return stage()


def store_now(made: Stage) -> None:
    intent = tenant_intent(made.tenant.pk)
    publish.store(intent, compile_tenant(intent))


def digests() -> list[tuple[str, str]]:
    """Of each node, what its head says, and what its sections come to."""
    found = []
    for head in NodeSpec.objects.order_by("node_id"):
        sections = SpecSection.objects.filter(node=head.node_id).values_list("items", flat=True)
        found.append((head.digest, wire.digest(wire.decode_items([item for items in sections for item in items]))))
    return found


@in_transactions
def test_two_first_publishes_of_a_tenant_leave_the_digest_that_its_items_have() -> None:
    made = stage()
    touch(made.tenant)
    meeting(lambda: store_now(made), lambda: store_now(made))
    assert len(digests()) == 2
    assert all(said == found for said, found in digests())


@in_transactions
def test_a_tenant_that_is_deleted_while_it_is_published_leaves_nothing_on_its_nodes() -> None:
    made = stage()
    touch(made.tenant)
    store_now(made)
    Endpoint.objects.filter(name="db-1").update(ip4="20.1.1.9")
    touch(made.tenant)

    def end() -> None:
        for kind in (Rule, Policy, Endpoint, EndpointGroup, Network):
            kind.objects.all().delete()
        made.tenant.delete()

    meeting(lambda: store_now(made), end)
    assert not SpecSection.objects.exists()
    assert {said for said, _ in digests()} == {wire.digest(())}


def test_an_older_look_that_comes_late_does_not_undo_a_newer_one_that_left_nothing(blue: Stage) -> None:
    touch(blue.tenant)
    late = tenant_intent(blue.tenant.pk)
    Endpoint.objects.update(node=None)
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    assert publish.store(late, compile_tenant(late)) == {}
    assert not SpecSection.objects.exists()


def test_a_digest_that_is_wrong_is_set_right_when_a_node_refuses_it(blue: Stage) -> None:
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    node = blue.nodes[0].pk
    assert not nodes.mend(node)
    NodeSpec.objects.filter(node=node).update(digest="0" * 64)
    assert nodes.mend(node)
    assert all(said == found for said, found in digests())
    assert not nodes.mend(node)


def test_a_tenant_that_cannot_be_published_does_not_keep_the_others_from_it(
    blue: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    green = stage("green", tag=2)
    generations = {made.tenant.pk: touch(made.tenant) for made in (blue, green)}
    Network.objects.filter(tenant=blue.tenant).update(subnet4="nonsense")
    monkeypatch.setattr(publish, "LOST_AFTER", timedelta(0))
    publish.publish_stale_tenants()
    compiled = Realization.objects.exclude(compiled_at=None).values_list("tenant_id", "generation")
    assert list(compiled) == [(green.tenant.pk, generations[green.tenant.pk])]


@pytest.mark.parametrize(
    "said",
    [
        {"revision": 2**63},
        {"revision": -1},
        {"revision": 1, "digest": "0" * 65},
        {"revision": 1, "took_ms": float("nan")},
        {"revision": 1, "refused": {str(2**64): "no"}},
    ],
)
def test_an_acknowledgement_that_no_database_could_keep_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"beyond what there can be|has at most 64 letters"):
        realize.Ack.of(1, said)


@in_transactions
@pytest.mark.asyncio
async def test_one_acknowledgement_that_cannot_be_written_down_holds_up_no_other() -> None:
    def prepared() -> Stage:
        made = stage()
        touch(made.tenant)
        publish.publish_tenant(made.tenant.pk)
        NodeStatus.objects.bulk_create(NodeStatus(node=node) for node in made.nodes)
        return made

    made = await sync_to_async(prepared)()
    broken, sound = (node.pk for node in made.nodes)
    acks = Acks()
    acks.add(realize.Ack(broken, 2**70, "", 1.0))
    acks.add(realize.Ack(sound, 1, "", 1.0))
    assert acks._task is not None
    await asyncio.wait_for(acks._task, PATIENCE_S)
    applied = await sync_to_async(dict)(SpecSection.objects.values_list("node_id", "applied_generation"))
    assert applied[sound] > 0 and applied[broken] == 0


def many(made: Stage, count: int) -> None:
    """So many generations wait, compiled, for the second node alone."""
    now = timezone.now()
    Realization.objects.bulk_create(
        Realization(tenant=made.tenant, generation=n, saved_at=now, compiled_at=now) for n in range(10, 10 + count)
    )
    SpecSection.objects.create(node=made.nodes[0], tenant=made.tenant, generation=9 + count, applied_generation=12)
    SpecSection.objects.create(node=made.nodes[1], tenant=made.tenant, generation=9 + count, applied_generation=10)


def counted(made: Stage) -> list[tuple[int, int, bool]]:
    rows = Realization.objects.filter(tenant=made.tenant).order_by("generation")
    return [(row.nodes, row.live, row.live_at is not None) for row in rows]


def test_each_waiting_generation_is_counted_by_the_nodes_that_have_come_so_far(blue: Stage) -> None:
    many(blue, 5)
    realize.settle(blue.tenant.pk)
    assert counted(blue) == [(2, 2, True), (2, 1, False), (2, 1, False), (2, 0, False), (2, 0, False)]
    assert list(Event.objects.filter(what="live").values_list("generation", flat=True)) == [10]
    SpecSection.objects.update(applied_generation=14)
    realize.settle(blue.tenant.pk)
    assert counted(blue) == [(2, 2, True)] * 5
    assert list(Event.objects.filter(what="live").order_by("pk").values_list("generation", flat=True)) == [10, 14]


def test_however_many_generations_wait_they_are_counted_in_the_same_queries(
    blue: Stage, django_assert_max_num_queries: Callable[..., object]
) -> None:
    many(blue, 3_000)
    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        realize.settle(blue.tenant.pk)
    assert sum(live for _, live, _ in counted(blue)) == 4


def test_what_waited_for_a_node_alone_is_live_once_that_is_deleted(
    blue: Stage, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    many(blue, 3)
    Endpoint.objects.update(node=None)
    assert sync_of([blue.tenant]).pending == 3
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        delete_node(actor=SYSTEM, row=blue.nodes[1])
    assert sync_of([blue.tenant]).pending == 0
    assert all(live for _, _, live in counted(blue))


def test_generations_that_are_never_live_are_forgotten_too(blue: Stage) -> None:
    many(blue, 2)
    old = timezone.now() - intake.REALIZATIONS_KEPT - timedelta(hours=1)
    Realization.objects.filter(generation=10).update(saved_at=old)
    Realization.objects.create(tenant=blue.tenant, generation=12, saved_at=old)
    intake.forget()
    assert [row.generation for row in Realization.objects.order_by("generation")] == [11, 12]


def test_a_node_that_was_silent_and_speaks_again_is_told_to_be_back(blue: Stage) -> None:
    node = blue.nodes[0]
    NodeStatus.objects.create(node=node, channel="here", connected=True, seen_at=timezone.now() - timedelta(minutes=1))
    nodes.note_silent()
    intake.report(node, {"tenants": {}})
    intake.report(node, {"tenants": {}})
    told = Event.objects.filter(object_type="node").order_by("pk").values_list("what", flat=True)
    assert list(told) == ["node.away", "node.connected"]
    nodes.note_silent()
    nodes.goodbye(node.pk, "here")
    assert list(told.all()) == ["node.away", "node.connected", "node.away"]
    nodes.goodbye(node.pk, "here")
    assert told.all().count() == 3


def test_a_change_that_no_worker_takes_is_said_to_stand_still(blue: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(blue.tenant)
    assert (sync_of([blue.tenant]).pending, sync_of([blue.tenant]).stalled) == (1, False)
    monkeypatch.setattr(overview, "STALLED_AFTER", timedelta(0))
    assert sync_of([blue.tenant]).stalled
    publish.publish_tenant(blue.tenant.pk)
    assert not sync_of([blue.tenant]).stalled
