from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import wire
from core.spec import NodeSpec as Spec
from networks.models import Endpoint, EndpointGroup, Network, Node
from policies.models import Policy, Rule
from tenants.models import Realization
from worker import nodes, publish, realize
from worker.models import NodeSpec, SpecSection, SpecStep
from worker.tests.cast import Stage, stage, touch

pytestmark = pytest.mark.django_db


@pytest.fixture
def blue() -> Stage:
    return stage()


def spec_after(node_id: int, spec: Spec) -> Spec:
    """What a node at `spec` holds after taking all that it is sent: the digest is checked at each step."""
    for delta in nodes.deltas_since(node_id, spec.revision or None):
        spec = wire.apply_delta(spec, wire.decode_delta(delta))
    return spec


def test_it_tells_only_the_nodes_that_carry_the_tenant(blue: Stage) -> None:
    touch(blue.tenant)
    Endpoint.objects.filter(name="db-1").update(node=None)
    published = publish.publish_tenant(blue.tenant.pk)
    assert published is not None
    assert published.nodes == (blue.nodes[0].pk,)


def test_a_rule_touches_only_the_nodes_of_its_group_when_membership_stands_still(blue: Stage) -> None:
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    before = dict(SpecSection.objects.values_list("node_id", "items"))
    Rule.objects.filter(priority=10).update(ports="5433")
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    after = dict(SpecSection.objects.values_list("node_id", "items"))
    web_node, db_node = (node.pk for node in blue.nodes)
    assert before[db_node] != after[db_node]
    assert all(item["kind"] not in {"match", "chain"} for item in after[web_node])


def test_a_publish_between_two_looks_is_a_step_and_not_the_whole_spec(blue: Stage) -> None:
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    node = blue.nodes[0].pk
    at = NodeSpec.objects.get(node=node)
    asked: list[str] = []

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if not asked:
            asked.append(sql)
            Endpoint.objects.filter(name="web-1").update(ip4="20.1.1.99")
            touch(blue.tenant)
            publish.publish_tenant(blue.tenant.pk)
        return answer

    with connection.execute_wrapper(meanwhile):
        steps = nodes.deltas_since(node, at.revision, at.digest)
    assert asked
    assert [step["base"] for step in steps] == [at.revision]


def test_a_publish_costs_the_same_however_many_nodes_are_touched(blue: Stage) -> None:
    def cost() -> int:
        Endpoint.objects.filter(name="web-1").update(ip4=f"20.1.1.{100 + touch(blue.tenant)}")
        with CaptureQueriesContext(connection) as queries:
            published = publish.publish_tenant(blue.tenant.pk)
        assert published is not None
        assert len(published.nodes) == SpecSection.objects.count()
        return len(queries)

    cost()
    few = cost()
    for number in range(3, 9):
        node = Node.objects.create(name=f"n{number}", vtep=f"192.0.2.{number}")
        mac = f"02:02:14:01:01:{number:02x}"
        given = {"tenant": blue.tenant, "network": blue.network, "node": node}
        Endpoint.objects.create(name=f"more-{number}", mac=mac, ip4=f"20.1.1.{number}", **given)
    cost()
    assert cost() == few


def test_a_second_publish_of_the_same_generation_does_nothing(blue: Stage) -> None:
    touch(blue.tenant)
    assert publish.publish_tenant(blue.tenant.pk) is not None
    assert publish.publish_tenant(blue.tenant.pk) is None


def test_a_change_without_effect_on_a_node_gives_it_no_new_revision(blue: Stage) -> None:
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    before = dict(NodeSpec.objects.values_list("node_id", "revision"))
    generation = touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    assert dict(NodeSpec.objects.values_list("node_id", "revision")) == before
    assert set(SpecSection.objects.values_list("generation", flat=True)) == {generation}


def test_the_steps_lead_to_what_the_whole_spec_says(blue: Stage) -> None:
    node = blue.nodes[1].pk
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    spec = spec_after(node, Spec(digest=wire.digest(())))
    for ports in ("80", "80, 443", ""):
        Rule.objects.filter(priority=10).update(ports=ports)
        touch(blue.tenant)
        publish.publish_tenant(blue.tenant.pk)
    stepwise = spec_after(node, spec)
    at_once = wire.apply_delta(Spec(), wire.decode_delta(nodes.deltas_since(node, None)[0]))
    assert stepwise == at_once
    assert stepwise.revision == NodeSpec.objects.get(node=node).revision == 4


def test_a_node_too_far_behind_gets_the_whole_spec(blue: Stage) -> None:
    node = blue.nodes[1].pk
    for ports in ("80", "81", "82"):
        Rule.objects.filter(priority=10).update(ports=ports)
        touch(blue.tenant)
        publish.publish_tenant(blue.tenant.pk)
    SpecStep.objects.filter(revision__lte=2).delete()
    assert [delta["base"] for delta in nodes.deltas_since(node, 2)] == [2]
    assert [delta["base"] for delta in nodes.deltas_since(node, 1)] == [None]


def test_a_node_that_claims_a_revision_with_another_digest_gets_the_whole_spec(blue: Stage) -> None:
    node = blue.nodes[1].pk
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    assert nodes.deltas_since(node, 1, NodeSpec.objects.get(node=node).digest) == []
    assert [delta["base"] for delta in nodes.deltas_since(node, 1, "0" * 64)] == [None]


def test_of_a_tenant_that_is_on_no_node_nothing_more_is_read_and_its_nodes_forget_it(
    blue: Stage, django_assert_max_num_queries: Any
) -> None:
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    Endpoint.objects.filter(tenant=blue.tenant).update(node=None)
    touch(blue.tenant)
    published = publish.publish_tenant(blue.tenant.pk)
    assert published and set(published.nodes) == {node.pk for node in blue.nodes}
    assert {tuple(section.items) for section in SpecSection.objects.all()} == {()}
    for node in blue.nodes:
        acknowledge(node.pk)
    generation = touch(blue.tenant)
    with django_assert_max_num_queries(15):
        publish.publish_tenant(blue.tenant.pk)
    assert Realization.objects.get(tenant=blue.tenant, generation=generation).live_at is not None


def test_a_change_is_live_when_the_last_node_has_acknowledged(blue: Stage) -> None:
    generation = touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    row = Realization.objects.get(generation=generation)
    assert (row.nodes, row.live, row.live_at) == (2, 0, None)
    acknowledge(blue.nodes[0].pk)
    row.refresh_from_db()
    assert (row.nodes, row.live, row.live_at) == (2, 1, None)
    acknowledge(blue.nodes[1].pk)
    row.refresh_from_db()
    assert (row.nodes, row.live) == (2, 2)
    assert row.live_ms is not None


def test_a_refusal_is_kept_with_its_reason_until_the_node_takes_the_tenant_again(blue: Stage) -> None:
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    node = blue.nodes[0].pk
    acknowledge(node, refused={blue.tenant.pk: "this kernel has no 802.1Q"})
    section = SpecSection.objects.get(node=node)
    assert section.refused == "this kernel has no 802.1Q"
    assert section.applied_generation < section.generation
    acknowledge(node)
    section.refresh_from_db()
    assert section.refused == ""
    assert section.applied_generation == section.generation


def test_a_tenant_without_nodes_is_live_at_once() -> None:
    blue = stage()
    Endpoint.objects.update(node=None)
    generation = touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    assert Realization.objects.get(generation=generation).live_at is not None


def test_a_tenant_that_left_a_node_is_deleted_there_and_then_forgotten(blue: Stage) -> None:
    node = blue.nodes[0].pk
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    Endpoint.objects.filter(node=node).update(node=None)
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    assert nodes.deltas_since(node, 1)[0]["upsert"] == []
    assert SpecSection.objects.get(node=node).items == []
    acknowledge(node)
    assert not SpecSection.objects.filter(node=node).exists()


def test_two_tenants_on_a_node_share_its_revisions_and_nothing_else(blue: Stage) -> None:
    green = stage("green", tag=2)
    for tenant in (blue.tenant, green.tenant):
        touch(tenant)
        publish.publish_tenant(tenant.pk)
    node = blue.nodes[0].pk
    spec = spec_after(node, Spec(digest=wire.digest(())))
    assert spec.revision == 2
    assert {item.tenant for item in spec.items.values()} == {blue.tenant.pk, green.tenant.pk}


def test_a_deleted_tenant_is_withdrawn_from_its_nodes(blue: Stage) -> None:
    touch(blue.tenant)
    publish.publish_tenant(blue.tenant.pk)
    node = blue.nodes[0].pk
    spec = spec_after(node, Spec(digest=wire.digest(())))
    for kind in (Rule, Policy, Endpoint, EndpointGroup, Network):
        kind.objects.all().delete()
    blue.tenant.delete()
    assert spec_after(node, spec).items == {}


def test_the_timer_publishes_what_a_lost_wake_up_left_behind(blue: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    generation = touch(blue.tenant)
    publish.publish_stale_tenants()
    assert not Realization.objects.filter(generation=generation).exists()
    monkeypatch.setattr(publish, "LOST_AFTER", timedelta(0))
    publish.publish_stale_tenants()
    assert Realization.objects.get(generation=generation).compiled_at is not None


def acknowledge(node_id: int, refused: dict[int, str] | None = None) -> None:
    head = NodeSpec.objects.get(node=node_id)
    realize.acknowledge([realize.Ack(node_id, head.revision, head.digest, 1.0, refused or {})])
