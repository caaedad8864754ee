"""Input that no program means to send: each is refused in words, at its place, and breaks nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from networks.actions import create_endpoint, create_network
from networks.models import Network
from policies.actions import create_policy
from policies.models import Rule
from tenants.change import SYSTEM
from tenants.testing import Cast, client_of, codes, people
from worker.models import EndpointTraffic

__all__ = ["people"]

HUGE = 2**63


@pytest.fixture
def net(people: Cast) -> Network:
    return create_network(actor=SYSTEM, tenant=people.blue, name="app", subnet4="20.1.1.0/24")


def sent(client: APIClient, path: str, body: bytes) -> Any:
    return client.post(f"/api/v2/{path}", body, content_type="application/json")


def wrong(answer: Any) -> dict[str, str]:
    """What a refusal says of each parameter."""
    assert answer.status_code == 400, answer.content
    return {error["parameter"]: error["message"] for error in answer.json()["errors"]}


# --- JSON


def test_a_body_is_utf8_whatever_the_content_type_says(people: Cast) -> None:
    body = {"tenant": "blue", "name": "app", "subnet4": "20.1.1.0/24", "labels": {}}
    alice, kind = client_of(people.alice), "application/json; charset=utf-16"
    refused = alice.post("/api/v2/networks/", json.dumps(body).encode("utf-16"), content_type=kind)
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/parse_error")
    made = alice.post("/api/v2/networks/", json.dumps(body).encode(), content_type=kind)
    assert (made.status_code, made.json()["name"]) == (201, "app")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("networks/", rb'{"tenant": "blue", "name": "\ud800", "subnet4": "20.1.1.0/24"}'),
        ("networks/", rb'{"tenant": "\uDfff", "name": "a"}'),
        ("networks/", rb'{"tenant": "blue", "name": "a", "encap": "\ud800"}'),
        ("policies/", rb'{"tenant": "blue", "name": "a", "groups": ["\udc00"]}'),
        ("networks/", rb'{"\ud800": 1}'),
    ],
)
def test_half_a_character_is_refused(people: Cast, path: str, body: bytes) -> None:
    answer = sent(client_of(people.alice), path, body)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/parse_error")
    assert "is half a character. Write both halves" in answer.json()["detail"]


def test_both_halves_of_a_character_are_one(people: Cast, net: Network) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p", groups=[])
    body = rb'{"policy": %d, "description": "\ud83d\ude00 \\ud800"}' % policy.pk
    made = sent(client_of(people.alice), "rules/", body)
    assert (made.status_code, made.json()["description"]) == (201, "😀 \\ud800")


@pytest.mark.parametrize("depth", [33, 900, 100_000])
@pytest.mark.parametrize("path", ["networks/", "networks/bulk/", "me/confirm/"])
def test_lists_within_lists_are_refused_beyond_so_many(people: Cast, path: str, depth: int) -> None:
    for body in (b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        answer = sent(client_of(people.alice), path, body)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/parse_error")
    assert answer.json()["detail"] == "At most 32 lists and objects may stand within each other."


def test_as_deep_as_is_said_is_read(people: Cast) -> None:
    answer = sent(client_of(people.alice), "networks/", b'{"labels": ' + b"[" * 31 + b"]" * 31 + b"}")
    assert answer.json()["type"] == "/problems/invalid"


def test_lists_within_lists_are_refused_where_contivs_clients_sign_in(people: Cast) -> None:
    answer = APIClient().post("/api/v1/auth_proxy/login/", b"[" * 100_000, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json() == {"error": "The request has too many lists or objects within each other."}


# --- many at once


def bulk(client: APIClient, kind: str, *operations: dict[str, Any]) -> Any:
    return client.post(f"/api/v2/{kind}/bulk/", {"operations": operations}, format="json")


def test_an_id_beyond_all_is_the_id_of_nothing_in_bulk_too(people: Cast, net: Network) -> None:
    for huge in (HUGE, 10**30):
        answer = bulk(client_of(people.alice), "networks", {"op": "delete", "id": net.pk}, {"op": "delete", "id": huge})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not_found")
        assert codes(answer) == {"operations.1": "not_found"}
    assert Network.objects.filter(pk=net.pk).exists()


def test_a_whole_number_may_be_written_with_a_point_in_bulk(people: Cast, net: Network) -> None:
    body = b'{"operations": [{"op": "delete", "id": %d.0}]}' % net.pk
    assert sent(client_of(people.alice), "networks/bulk/", body).json() == {"results": [{"status": 204, "body": None}]}


def test_what_changed_meanwhile_is_shown_in_bulk_too(people: Cast, net: Network) -> None:
    alice = client_of(people.alice)
    now = alice.get(f"/api/v2/networks/{net.pk}/").json()
    late = {"op": "update", "id": net.pk, "body": {"gateway4": "20.1.1.1"}, "if_match": '"old"'}
    answer = bulk(alice, "networks", late)
    assert (answer.status_code, answer.json()["current"]) == (412, now)
    assert [(error["field"], error["current"]) for error in answer.json()["errors"]] == [("operations.0", now)]
    mixed = bulk(alice, "networks", {"op": "delete", "id": net.pk + 1000}, late)
    assert (mixed.status_code, "current" in mixed.json()) == (404, False)
    assert [error.get("current") for error in mixed.json()["errors"]] == [None, now]


# --- lists


def test_what_has_no_column_id_is_ordered_by_its_key(people: Cast, net: Network) -> None:
    rows = [create_endpoint(actor=SYSTEM, tenant=people.blue, name=f"e{n}", network=net) for n in range(3)]
    for row in rows:
        EndpointTraffic.objects.create(endpoint=row, at=timezone.now())
    alice, keys = client_of(people.alice), [row.pk for row in rows]

    def shown(query: str) -> list[int]:
        page = alice.get(f"/api/v2/traffic/?limit=2&{query}").json()
        following = alice.get(page["next"]).json()
        return [each["endpoint"]["id"] for each in (*page["results"], *following["results"])]

    assert shown("ordering=id") == keys
    assert shown("ordering=-id") == keys[::-1]


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("groups/?", "[true, 1e999, 1]"),
        ("groups/?", "[true, NaN, 1]"),
        ("groups/?", f"[true, 1, {HUGE}]"),
        ("groups/?ordering=name&", r'[false, "\ud800", 1]'),
        ("groups/?ordering=name&", r'[false, "\u0000", 1]'),
        ("groups/?ordering=name&", "[" * 100_00),
        ("traffic/?", f"[true, 1, {HUGE}]"),
        ("traffic/?ordering=at&", '[true, "0001-01-01T00:00:00+14:00", 1]'),
        ("traffic/?ordering=at&", '[true, "yesterday", 1]'),
    ],
)
def test_a_cursor_that_nobody_gave_leads_nowhere(people: Cast, path: str, text: str) -> None:
    answer = client_of(people.alice).get(f"/api/v2/{path}cursor={cursor(text)}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "This cursor leads nowhere. Begin again without one.")


def test_accounts_are_narrowed_to_those_that_may_sign_in(people: Cast) -> None:
    people.bob.is_active = False
    people.bob.save()
    root = client_of(people.root)

    def names(query: str) -> list[str]:
        return [each["username"] for each in root.get(f"/api/v2/users/?{query}").json()["results"]]

    assert names("is_active=false") == names("is_active=False") == ["bob"]
    assert names("is_active=true") == names("is_active=True") == ["alice", "charlie", "root"]
    assert wrong(root.get("/api/v2/users/?is_active=yes")) == {"is_active": "Say is_active=true or is_active=false."}


def test_a_refusal_names_the_parameter(people: Cast) -> None:
    alice = client_of(people.alice)
    for name, moment in (
        ("created_after", "0001-01-01T00:00:00%2B14:00"),
        ("created_before", "9999-12-31T23:59:59-14:00"),
    ):
        answer = alice.get(f"/api/v2/networks/?{name}={moment}")
        assert wrong(answer) == {name: "Give a moment between the years 1 and 9999."}
    assert wrong(alice.get("/api/v2/networks/?search=a%00")) == {"search": "Search for words; a zero byte is in none."}


@pytest.mark.parametrize("name", ["id", "tenant", "name", "network", "has_policies", "labels", "created_after"])
@pytest.mark.parametrize("said", ["", "%20"])
def test_a_filter_that_says_nothing_does_not_answer_everything(people: Cast, name: str, said: str) -> None:
    answer = client_of(people.alice).get(f"/api/v2/groups/?{name}={said}")
    assert list(wrong(answer)) == [name]


def test_commas_alone_are_no_ids(people: Cast) -> None:
    assert list(wrong(client_of(people.alice).get("/api/v2/groups/?id=,"))) == ["id"]


# --- names


def test_a_name_that_several_tenants_have_is_told_from_one_that_is_not_there(people: Cast) -> None:
    blue, _ = (create_policy(actor=SYSTEM, tenant=each, name="db", groups=[]) for each in (people.blue, people.green))
    root, alice = client_of(people.root), client_of(people.alice)

    def made(client: APIClient, **body: Any) -> Any:
        return client.post("/api/v2/rules/", body, format="json")

    answer = made(root, policy="db")
    assert (answer.status_code, codes(answer)) == (400, {"policy": "several"})
    assert answer.json()["detail"] == "Several tenants have a policy db. Name the tenant, or give the id."
    assert codes(made(root, policy="nothing")) == {"policy": "unknown"}
    assert made(root, policy="db", tenant="blue").json()["policy"]["id"] == blue.pk
    assert made(root, policy=blue.pk, priority=2).json()["policy"]["id"] == blue.pk
    # Of what she does not see nothing is said.
    assert made(alice, policy="db", priority=3).json()["tenant"] == "blue"
    assert Rule.objects.filter(policy=blue).count() == 3
