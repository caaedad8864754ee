from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from networks.models import Endpoint, JoinToken, Knock, Node, NodeCertificate
from policies.models import Rule
from tenants.models import AuditEntry
from tests.pages import signed_in, unhashed
from worker import intake
from worker.models import (
    DeniedFlow,
    DriftEvent,
    EndpointTraffic,
    NodeStatus,
    RuleHits,
    TenantDrops,
    TrafficSample,
)
from worker.overview import sync_of
from worker.screens import with_status
from worker.status import state_of
from worker.tests.cast import Stage, stage, told

__all__ = ["unhashed"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhashed")]


@pytest.fixture
def blue() -> Stage:
    made = stage()
    NodeStatus.objects.create(node=made.nodes[1], connected=True)
    told(made)
    return made


def counters(blue: Stage, rules: dict[int, list[int]], **rest: object) -> dict[str, object]:
    return {"tenants": {str(blue.tenant.pk): {"rules": {str(k): v for k, v in rules.items()}, **rest}}}


def test_a_counter_that_starts_again_at_zero_loses_nothing() -> None:
    assert intake.growth(12, 10) == 2
    assert intake.growth(3, 10) == 3


def test_it_adds_up_rule_hits_over_restarts_of_the_kernel_object(blue: Stage) -> None:
    rule = Rule.objects.get(priority=10)
    for packets in (5, 7, 2):
        intake.report(blue.nodes[1], counters(blue, {rule.pk: [packets, packets * 60]}))
    hits = RuleHits.objects.get(rule=rule)
    assert hits.packets == 5 + 2 + 2
    assert hits.last_at is not None


def test_it_answers_only_tenants_whose_numbers_moved(blue: Stage) -> None:
    rule = Rule.objects.get(priority=10)
    message = counters(blue, {rule.pk: [5, 300]}, denied=1)
    assert intake.report(blue.nodes[1], message) == (blue.tenant.pk,)
    assert intake.report(blue.nodes[1], message) == ()


def test_it_ignores_rules_and_endpoints_that_are_gone(blue: Stage) -> None:
    message = counters(blue, {999_999: [5, 300]}, endpoints={"999999": [1, 2, 3, 4]})
    intake.report(blue.nodes[1], message)
    assert not RuleHits.objects.exists()
    assert not EndpointTraffic.objects.exists()


def test_a_node_cannot_report_traffic_of_an_endpoint_of_another_node(blue: Stage) -> None:
    elsewhere = Endpoint.objects.get(name="web-1")
    intake.report(blue.nodes[1], counters(blue, {}, endpoints={str(elsewhere.pk): [1, 2, 3, 4]}))
    assert not EndpointTraffic.objects.exists()


def test_it_turns_byte_counters_into_rates(blue: Stage) -> None:
    endpoint = Endpoint.objects.get(name="db-1")
    intake.report(blue.nodes[1], counters(blue, {}, endpoints={str(endpoint.pk): [0, 0, 0, 0]}))
    EndpointTraffic.objects.update(at=timezone.now() - timedelta(seconds=2))
    intake.report(blue.nodes[1], counters(blue, {}, endpoints={str(endpoint.pk): [250_000, 125_000, 0, 0]}))
    row = EndpointTraffic.objects.get()
    assert row.rx_bps == pytest.approx(1_000_000, rel=0.05)
    assert row.tx_bps == pytest.approx(500_000, rel=0.05)


def test_it_samples_throughput_by_network_and_denied_packets(blue: Stage) -> None:
    endpoint = Endpoint.objects.get(name="db-1")
    EndpointTraffic.objects.create(endpoint=endpoint, at=timezone.now(), tx_bps=8000)
    TenantDrops.objects.create(tenant=blue.tenant, node=blue.nodes[1], denied=7)
    intake.sample()
    sample = TrafficSample.objects.get()
    assert sample.network_bps == {str(blue.network.pk): 8000}
    assert sample.denied_total == 7


def test_it_keeps_denied_flows_of_known_tenants_only(blue: Stage) -> None:
    flow = {"source": "20.1.1.1", "destination": "20.1.1.2", "protocol": 6, "source_port": 4000, "destination_port": 22}
    message = {"flows": [{"tenant": blue.tenant.pk, **flow, "count": 3}, {"tenant": 999_999, **flow}]}
    assert intake.denied(blue.nodes[1], message) == (blue.tenant.pk,)
    assert DeniedFlow.objects.get().count == 3


def test_healed_drift_is_on_the_node_and_in_the_record(blue: Stage) -> None:
    message = {"tenant": blue.tenant.pk, "found_at": 1000.0, "healed_at": 1000.5, "difference": ["route gone"]}
    intake.drift(blue.nodes[1], message)
    assert DriftEvent.objects.get().difference == ["route gone"]
    status = NodeStatus.objects.get(node=blue.nodes[1])
    assert (status.drift_found, status.drift_healed) == (1, 1)
    entry = AuditEntry.objects.get(verb="drift.heal")
    assert (entry.actor, entry.tenant_id, entry.before) == ("n2", blue.tenant.pk, {"difference": ["route gone"]})


def test_drift_that_could_not_be_healed_is_counted_as_found_only(blue: Stage) -> None:
    intake.drift(blue.nodes[1], {"tenant": blue.tenant.pk, "found_at": 1.0, "healed_at": None, "problem": "no space"})
    status = NodeStatus.objects.get(node=blue.nodes[1])
    assert (status.drift_found, status.drift_healed) == (1, 0)
    assert AuditEntry.objects.get(verb="drift.found").after == {"healed": False, "problem": "no space"}


def test_drift_stands_until_the_node_names_it_no_more(blue: Stage) -> None:
    node, root = blue.nodes[1], User.objects.create(username="root", is_superuser=True)
    intake.report(node, {"tenants": {}, "drifting": []})
    NodeStatus.objects.filter(node=node).update(connected_at=timezone.now())

    def stands() -> tuple[str, list[Any], bool]:
        row = with_status(Node.objects.filter(pk=node.pk)).get()
        page = signed_in(root).get("/").content.decode()
        return state_of(row).value, sync_of([blue.tenant]).drifting, "could not set it right: no space" in page

    assert stands() == ("in_sync", [], False)
    found = {"tenant": blue.tenant.pk, "found_at": time.time(), "healed_at": None, "problem": "no space"}
    intake.drift(node, found)
    intake.drift(node, found | {"difference": ["another"]})
    as_it_is = ("drifts", [("blue", "n2", "no space")], True)
    assert stands() == as_it_is
    for said in ({"drifting": [blue.tenant.pk]}, {}, {"drifting": None}):
        intake.report(node, {"tenants": {}, **said})
        assert stands() == as_it_is
    assert intake.report(node, {"tenants": {}, "drifting": [999]}) == (blue.tenant.pk,)
    assert stands() == ("in_sync", [], False)
    status = NodeStatus.objects.get(node=node)
    assert (status.drift_found, status.drift_healed, status.drifting) == (2, 2, 0)
    assert not DriftEvent.objects.filter(healed_at=None).exists()


def test_a_node_says_nothing_of_tenants_its_spec_has_nothing_of(blue: Stage) -> None:
    green = stage("green", tag=2)
    rule = Rule.objects.get(priority=10, policy=green.policy)
    node, told = blue.nodes[1], {"rules": {str(rule.pk): [5, 300]}, "denied": 7}
    assert intake.report(node, {"tenants": {str(green.tenant.pk): told}}) == ()
    intake.report(node, counters(blue, {rule.pk: [5, 300]}))  # Nor under another tenant's name.
    flow = {"tenant": green.tenant.pk, "source": "20.1.1.1", "destination": "20.1.1.2", "protocol": 6}
    assert intake.denied(node, {"flows": [flow]}) == ()
    intake.drift(node, {"tenant": green.tenant.pk, "found_at": 1.0, "healed_at": 2.0, "difference": []})
    assert not RuleHits.objects.exists()
    assert not TenantDrops.objects.filter(tenant=green.tenant).exists()
    assert not DeniedFlow.objects.exists()
    assert DriftEvent.objects.get().tenant is None


def test_ways_in_that_ended_long_ago_are_forgotten(blue: Stage) -> None:
    node, now = blue.nodes[0], timezone.now()
    for days in (29, 31):
        then = now - timedelta(days=days)
        JoinToken.objects.create(node=node, token_hash=str(days), expires_at=then)
        NodeCertificate.objects.create(node=node, fingerprint=str(days), name="n1", issued_at=then, expires_at=then)
        Knock.objects.create(node=node, why="unknown", claimed=str(days), first_at=then, last_at=then)
    intake.forget()
    left = (JoinToken.objects.get().token_hash, NodeCertificate.objects.get().fingerprint, Knock.objects.get().claimed)
    assert left == ("29", "29", "29")
