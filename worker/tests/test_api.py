"""What nodes report, in the API: cut to one's tenants, narrowed as one asks, written by nobody but nodes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from networks.models import Endpoint
from policies.models import Rule
from tenants.actions import add_member
from tenants.change import SYSTEM
from tenants.testing import Cast, client_of, people
from worker import intake
from worker.models import EndpointTraffic, NodeSpec, NodeStatus, SpecSection
from worker.tests.cast import Stage, stage, told

__all__ = ["people"]


@pytest.fixture
def red(people: Cast) -> Stage:
    """Red, which Alice owns, has reported on its second node; blue is hers, too, green is Charlie's."""
    made = stage("red")
    told(made)
    add_member(actor=SYSTEM, tenant=made.tenant, user=people.alice, role="owner")
    node, tenant = made.nodes[1], made.tenant.pk
    NodeSpec.objects.create(node=node, revision=4)
    NodeStatus.objects.create(node=node, connected=True, connected_at=timezone.now(), revision=4)
    db, rule = Endpoint.objects.get(tenant=made.tenant, name="db-1"), Rule.objects.get(policy=made.policy, priority=10)
    counted = {"rules": {str(rule.pk): [7, 420]}, "endpoints": {str(db.pk): [100, 50, 2, 1]}, "denied": 3, "spoofed": 1}
    intake.report(node, {"tenants": {str(tenant): counted}})
    flow = {"tenant": tenant, "protocol": 6, "source_port": 4000, "destination_port": 22, "count": 3}
    intake.denied(
        node,
        {
            "flows": [
                {**flow, "source": "20.1.1.1", "destination": "20.1.1.2"},
                {**flow, "source": "20.1.1.9", "destination": "20.1.1.2"},
                {**flow, "source": "20.1.1.9", "destination": "8.8.8.8"},
            ]
        },
    )
    drift = {"tenant": tenant, "found_at": 100.0, "difference": ["A rule was gone."]}
    intake.drift(node, {**drift, "healed_at": 100.25})
    intake.drift(node, {**drift, "problem": "nft is gone"})
    return made


KINDS = ("drift", "denied", "rule-hits", "traffic", "drops")


def listed(people: Cast, kind: str, **asked: Any) -> list[dict[str, Any]]:
    answer = client_of(people.alice).get(f"/api/v2/{kind}/", asked)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_reports_are_seen_by_the_tenants_members_and_written_by_nobody(people: Cast, red: Stage, kind: str) -> None:
    path = f"/api/v2/{kind}/"
    for person, sees in ((people.alice, True), (people.root, True), (people.bob, False), (people.charlie, False)):
        client = client_of(person)
        rows = client.get(path).json()["results"]
        assert bool(rows) is sees
        assert client.get(f"{path}{listed(people, kind)[0]['id']}/").status_code == (200 if sees else 404)
        for method in ("post", "put", "patch", "delete"):
            assert getattr(client, method)(path, {}, format="json").status_code == 405
    assert listed(people, kind, tenant="blue") == []
    assert listed(people, kind, tenant="red", node="n2", count="true")


@pytest.mark.parametrize("kind", KINDS)
def test_reports_are_paged_both_ways(people: Cast, red: Stage, kind: str) -> None:
    """Also what has no id of its own: an endpoint's traffic."""
    web = Endpoint.objects.get(tenant=red.tenant, name="web-1")
    EndpointTraffic.objects.create(endpoint=web, at=timezone.now(), rx_bytes=1)
    intake.report(red.nodes[0], {"tenants": {str(red.tenant.pk): {"denied": 1}}})
    rule = Rule.objects.get(policy=red.policy, priority=1)
    intake.report(red.nodes[0], {"tenants": {str(red.tenant.pk): {"rules": {str(rule.pk): [1, 60]}}}})
    client = client_of(people.alice)
    first = client.get(f"/api/v2/{kind}/?limit=1").json()
    second = client.get(first["next"]).json()
    assert first["results"] != second["results"]
    assert client.get(second["previous"]).json()["results"] == first["results"]


def test_denied_flows_are_found_by_who_was_on_either_end(people: Cast, red: Stage) -> None:
    web = Endpoint.objects.get(tenant=red.tenant, name="web-1")
    ends = [(row["source"], row["destination"]) for row in listed(people, "denied", endpoint="web-1")]
    assert ends == [("20.1.1.1", "20.1.1.2")]
    assert listed(people, "denied", endpoint=web.pk) == listed(people, "denied", endpoint="web-1")
    assert len(listed(people, "denied", endpoint="db-1")) == len(listed(people, "denied", group="db")) == 2
    assert len(listed(people, "denied", group=red.web.pk)) == 1
    assert listed(people, "denied", endpoint="nobody") == listed(people, "denied", endpoint=str(10**30)) == []
    assert len(listed(people, "denied", destination="8.8.8.8", protocol=6, destination_port=22)) == 1
    hour_ago = (timezone.now() - timedelta(hours=1)).isoformat()
    assert listed(people, "denied", at_before=hour_ago) == []


def test_an_address_of_another_tenants_endpoint_is_not_taken_for_it(people: Cast, red: Stage) -> None:
    """Green has an endpoint of the same address; its name finds nothing of red's."""
    other = stage("green-too", tag=2)
    Endpoint.objects.filter(tenant=other.tenant, name="web-1").update(name="only-there")
    assert client_of(people.root).get("/api/v2/denied/?endpoint=only-there").json()["results"] == []


def test_counters_say_what_they_count(people: Cast, red: Stage) -> None:
    (hits,) = listed(people, "rule-hits", policy="db")
    assert (hits["packets"], hits["bytes"], hits["policy"]["name"], hits["node"]) == (7, 420, "db", "n2")
    assert listed(people, "rule-hits", rule=hits["rule"]) == [hits]
    assert listed(people, "rule-hits", policy=red.policy.pk) == [hits]
    assert listed(people, "rule-hits", policy=str(10**30)) == []
    (traffic,) = listed(people, "traffic", group="db", network="net")
    assert (traffic["endpoint"]["name"], traffic["rx_bytes"], traffic["tx_bytes"]) == ("db-1", 100, 50)
    assert traffic["id"] == traffic["endpoint"]["id"]
    (drops,) = listed(people, "drops")
    assert (drops["denied"], drops["spoofed"]) == (3, 1)


def test_a_rate_that_nobody_renews_is_none(people: Cast, red: Stage) -> None:
    EndpointTraffic.objects.update(rx_bps=800)
    assert listed(people, "traffic")[0]["rx_bps"] == 800
    EndpointTraffic.objects.update(at=timezone.now() - timedelta(minutes=1))
    assert listed(people, "traffic")[0]["rx_bps"] == 0


def test_drift_is_told_with_how_long_it_lasted(people: Cast, red: Stage) -> None:
    (open_one,) = listed(people, "drift", healed="false")
    (healed,) = listed(people, "drift", healed="true")
    assert (open_one["problem"], open_one["healed_ms"]) == ("nft is gone", None)
    assert (healed["healed_ms"], healed["difference"]) == (250.0, ["A rule was gone."])
    assert [row["id"] for row in listed(people, "drift")] == [open_one["id"], healed["id"]]


def status(people: Cast, node: Any) -> dict[str, Any]:
    answer = client_of(people.root).get(f"/api/v2/nodes/{node.pk}/status/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_a_nodes_status_tells_what_it_was_told_and_what_it_applied(people: Cast, red: Stage) -> None:
    assert status(people, red.nodes[0])["state"] == "never_seen"
    node, applied = red.nodes[1], timezone.now()
    section = SpecSection.objects.get(node=node, tenant=red.tenant)
    SpecSection.objects.filter(pk=section.pk).update(revision=4, applied_at=applied)
    found = status(people, node)
    assert (found["state"], found["in_sync_since"]) == ("drifts", None), "one of two is not healed"
    intake.report(node, {"tenants": {}, "drifting": []})
    found = status(people, node)
    assert (found["state"], found["revision_wanted"], found["revision_applied"]) == ("in_sync", 4, 4)
    assert found["in_sync_since"] == applied.isoformat().replace("+00:00", "Z")
    assert (found["drift_found"], found["drift_healed"]) == (2, 2)
    NodeSpec.objects.filter(node=node).update(revision=5)
    SpecSection.objects.filter(pk=section.pk).update(refused="no VXLAN here")
    features = [{"name": "vxlan", "present": False, "why": "no module"}]
    NodeStatus.objects.filter(node=node).update(features=features)
    found = status(people, node)
    assert (found["state"], found["in_sync_since"]) == ("applying", None)
    assert found["refused"] == [{"tenant": "red", "reason": "no VXLAN here"}]
    assert found["features"] == features


def test_a_nodes_status_is_for_who_may_see_nodes(people: Cast, red: Stage) -> None:
    path = f"/api/v2/nodes/{red.nodes[1].pk}/status/"
    assert client_of(people.alice).get(path).status_code == 403
    assert client_of(None).get(path).status_code == 401
    assert client_of(people.root).get("/api/v2/nodes/999999/status/").status_code == 404
