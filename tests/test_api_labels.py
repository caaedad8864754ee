"""Labels of every kind of object that has them: written, recorded, chosen by, and gone with the object."""

from __future__ import annotations

from typing import Any

import pytest

from contivui.urls import router
from tenants.labels import Label, Labelled
from tenants.models import AuditEntry
from tenants.testing import Cast, client_of, codes, people
from tests.test_api_routes import furnish

__all__ = ["people"]

VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}
LABELLED = [
    prefix
    for prefix, viewset in VIEWSETS.items()
    if hasattr(viewset, "resource") and issubclass(viewset.resource.model, Labelled)
]


def patch(client: Any, prefix: str, pk: int, labels: Any) -> Any:
    return client.patch(f"/api/v2/{prefix}/{pk}/", {"labels": labels}, format="json")


def chosen(client: Any, prefix: str, selector: str) -> list[int]:
    answer = client.get(f"/api/v2/{prefix}/", {"labels": selector})
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_everything_a_tenant_owns_but_who_may_has_labels() -> None:
    assert set(LABELLED) == {
        *("tenants", "networks", "groups", "endpoints", "nodes", "policies", "profiles"),
        *("services", "app-profiles", "contract-groups", "rules", "reservations"),
    }


@pytest.mark.parametrize("prefix", LABELLED)
def test_labels_are_written_read_recorded_and_chosen_by(people: Cast, prefix: str) -> None:
    pk, client = furnish(people.blue, "10.0.0.1")[prefix], client_of(people.root)
    others = client.get(f"/api/v2/{prefix}/").json()["results"]
    assert all(row["labels"] == {} for row in others)
    assert patch(client, prefix, pk, {"tier": "web", "example.com/env": "prod"}).status_code == 200
    answer = patch(client, prefix, pk, {"tier": "db", "example.com/env": "prod"}).json()
    assert list(answer["labels"].items()) == [("example.com/env", "prod"), ("tier", "db")]
    entry = AuditEntry.objects.order_by("id").last()
    assert entry and entry.before["labels"]["tier"] == "web" and entry.after["labels"]["tier"] == "db"
    assert chosen(client, prefix, "tier=db,example.com/env in (prod,test)") == [pk]
    assert chosen(client, prefix, "tier=web") == []
    rest = [row["id"] for row in others if row["id"] != pk]
    assert chosen(client, prefix, "tier!=db") == chosen(client, prefix, "!tier") == rest
    assert patch(client, prefix, pk, {}).json()["labels"] == {}
    assert not Label.objects.exists()


def test_labels_come_with_the_object_and_go_with_it(people: Cast) -> None:
    client = client_of(people.alice)
    body = {"tenant": "blue", "name": "app", "subnet4": "20.1.1.0/24", "labels": {"tier": "web", "canary": ""}}
    made = client.post("/api/v2/networks/", body, format="json")
    assert made.status_code == 201 and made.json()["labels"] == {"canary": "", "tier": "web"}
    assert chosen(client, "networks", "canary") == chosen(client, "networks", "canary=") == [made.json()["id"]]
    assert chosen(client_of(people.charlie), "networks", "canary") == []
    assert client.get("/api/v2/networks/", {"search": "canary"}).json()["results"]
    assert client.delete(f"/api/v2/networks/{made.json()['id']}/").status_code == 204
    assert not Label.objects.exists()


def test_what_is_tried_only_or_undone_leaves_no_label(people: Cast) -> None:
    client = client_of(people.alice)
    body = {"tenant": "blue", "name": "app", "subnet4": "20.1.1.0/24", "labels": {"tier": "web"}}
    assert client.post("/api/v2/networks/?dry_run=true", body, format="json").json()["labels"] == {"tier": "web"}
    assert not Label.objects.exists()


def test_what_is_no_label_is_refused_at_its_field(people: Cast) -> None:
    client, rows = client_of(people.root), furnish(people.blue, "10.0.0.1")
    wrong: list[dict[str, str]] = [{"": "web"}, {"-a": "x"}, {"tier": "x" * 64}, {f"k{n}": "" for n in range(65)}]
    for prefix in LABELLED:
        for labels in wrong:
            answer = patch(client, prefix, rows[prefix], labels)
            assert answer.status_code == 400, prefix
            assert {field.split(".")[0] for field in codes(answer)} == {"labels"}
    assert not Label.objects.exists()


@pytest.mark.parametrize("selector", ["", "a in", "=web", "tier=web,"])
def test_what_is_no_selector_is_refused_at_its_parameter(people: Cast, selector: str) -> None:
    answer = client_of(people.alice).get("/api/v2/networks/", {"labels": selector})
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == ["labels"]


def test_an_undone_change_of_labels_is_undone_where_lists_look_too(people: Cast) -> None:
    client = client_of(people.alice)
    body = {"tenant": "blue", "name": "app", "subnet4": "20.1.1.0/24", "labels": {"tier": "web"}}
    pk = client.post("/api/v2/networks/", body, format="json").json()["id"]
    assert patch(client, "networks", pk, {"tier": "db"}).status_code == 200
    entry = AuditEntry.objects.filter(verb="network.update").latest("pk")
    assert client.post(f"/api/v2/audit/{entry.pk}/undo/").status_code == 200
    assert (chosen(client, "networks", "tier=web"), chosen(client, "networks", "tier=db")) == ([pk], [])
    assert client.delete(f"/api/v2/networks/{pk}/").status_code == 204
    entry = AuditEntry.objects.filter(verb="network.delete").latest("pk")
    assert client.post(f"/api/v2/audit/{entry.pk}/undo/").status_code == 200
    assert chosen(client, "networks", "tier=web") == [pk]


def test_labels_of_rules_follow_their_table_and_their_policy(people: Cast) -> None:
    client, rows = client_of(people.root), furnish(people.blue, "10.0.0.1")
    table = f"/api/v2/policies/{rows['policies']}/rules/"
    lines: list[dict[str, Any]] = [
        {"ports": "1", "protocol": "tcp", "labels": {"tier": "web", "env": "prod"}},
        {"ports": "2", "protocol": "tcp", "labels": {"tier": "db"}},
    ]
    first, second = client.put(table, lines, format="json").json()
    assert chosen(client, "rules", "tier=web,env=prod") == [first["id"]]
    lines = [{**lines[0], "id": first["id"], "labels": {"tier": "db"}}, {"ports": "3", "protocol": "tcp"}]
    assert client.put(table, lines, format="json").status_code == 200
    assert (chosen(client, "rules", "tier=db"), chosen(client, "rules", "env")) == ([first["id"]], [])
    entry = AuditEntry.objects.filter(verb="policy.rules").latest("pk")
    assert client.post(f"/api/v2/audit/{entry.pk}/undo/").status_code == 200
    assert chosen(client, "rules", "tier=db") == [second["id"]]
    policy = f"/api/v2/policies/{rows['policies']}/"
    assert client.patch(policy, {"groups": []}, format="json").status_code == 200
    assert client.delete(policy).status_code == 204
    assert not Label.objects.exists()


def test_labels_of_reservations_go_with_their_network_and_come_back_with_it(people: Cast) -> None:
    client = client_of(people.alice)
    net = {"tenant": "blue", "name": "app", "subnet4": "20.1.1.0/24"}
    network = client.post("/api/v2/networks/", net, format="json")
    body = {"tenant": "blue", "network": "app", "addresses": "20.1.1.9", "labels": {"for": "router"}}
    kept = client.post("/api/v2/reservations/", body, format="json").json()
    assert client.delete(f"/api/v2/networks/{network.json()['id']}/").status_code == 204
    assert not Label.objects.exists()
    entry = AuditEntry.objects.filter(verb="network.delete").latest("pk")
    assert client.post(f"/api/v2/audit/{entry.pk}/undo/").status_code == 200
    assert chosen(client, "reservations", "for=router") == [kept["id"]]
