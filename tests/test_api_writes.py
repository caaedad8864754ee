"""What every write of the API does the same way: conditions, dry runs, many at once, once only, how far it is live."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import path
from rest_framework.test import APIClient

from networks.actions import create_endpoint, create_group, create_network, create_node
from networks.models import EndpointGroup, Network, Node
from policies.actions import add_rule, create_policy
from tenants.change import SYSTEM
from tenants.models import Answered, AuditEntry, Realization, Tenant, Token
from tenants.testing import Cast, client_of, codes, people
from worker.publish import publish_tenant

__all__ = ["people"]


@pytest.fixture
def net(people: Cast) -> Network:
    return create_network(actor=SYSTEM, tenant=people.blue, name="app", subnet4="20.1.1.0/24")


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Network, EndpointGroup, AuditEntry, Realization, Answered))


# --- conditions


def test_a_change_is_made_only_to_what_the_caller_saw(people: Cast, net: Network) -> None:
    alice, where = client_of(people.alice), f"/api/v2/networks/{net.pk}/"
    seen = alice.get(where)
    tag = seen["ETag"]
    first = alice.patch(where, {"gateway4": "20.1.1.1"}, format="json", headers={"If-Match": tag})
    assert (first.status_code, first["ETag"]) == (200, alice.get(where)["ETag"])
    assert first["ETag"] != tag
    late = alice.patch(where, {"gateway4": "20.1.1.2"}, format="json", headers={"If-Match": tag})
    assert (late.status_code, late.json()["type"]) == (412, "/problems/precondition_failed")
    assert late.json()["current"] == first.json()
    assert Network.objects.get(pk=net.pk).gateway4 == "20.1.1.1"
    assert alice.delete(where, headers={"If-Match": tag}).status_code == 412
    assert alice.delete(where, headers={"If-Match": f'"other", {first["ETag"]}'}).status_code == 204


def test_a_policys_tag_moves_with_its_groups_and_its_rules(people: Cast, net: Network) -> None:
    group = create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p", groups=[])
    alice, where = client_of(people.alice), f"/api/v2/policies/{policy.pk}/"
    tags = [alice.get(where)["ETag"]]
    alice.patch(where, {"groups": [group.pk]}, format="json")
    tags.append(alice.get(where)["ETag"])
    add_rule(actor=SYSTEM, tenant=people.blue, policy=policy)
    tags.append(alice.get(where)["ETag"])
    assert len(set(tags)) == 3
    answer = alice.put(f"{where}rules/", [], format="json", headers={"If-Match": tags[0]})
    assert (answer.status_code, policy.rules.count()) == (412, 1)


def test_a_reader_who_has_it_already_is_told_so(people: Cast, net: Network) -> None:
    alice, where = client_of(people.alice), f"/api/v2/networks/{net.pk}/"
    tag = alice.get(where)["ETag"]
    again = alice.get(where, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert alice.get(f"{where}?fields=id", headers={"If-None-Match": '"x"'})["ETag"] == tag


# --- dry runs


def test_a_dry_run_answers_the_same_and_stores_nothing(people: Cast, net: Network) -> None:
    alice, body = client_of(people.alice), {"tenant": "blue", "name": "g", "network": "app"}
    before = counts(), Tenant.objects.get(pk=people.blue.pk).generation
    tried = alice.post("/api/v2/groups/?dry_run=true", body, format="json")
    assert (counts(), Tenant.objects.get(pk=people.blue.pk).generation) == before
    made = alice.post("/api/v2/groups/", body, format="json")
    assert (tried.status_code, tried["Tenant-Generation"]) == (made.status_code, made["Tenant-Generation"])
    assert {**tried.json(), "id": 0} == {**made.json(), "id": 0, "touches": tried.json()["touches"]}
    refused = [alice.post(f"/api/v2/groups/{dry}", body, format="json") for dry in ("", "?dry_run=true")]
    assert refused[0].json() == refused[1].json()
    assert refused[0].status_code == 400
    assert codes(alice.post("/api/v2/groups/?dry_run=yes", body, format="json")) == {"dry_run": "parameter"}
    misspelt = alice.post("/api/v2/groups/?dryrun=true", {**body, "name": "other"}, format="json")
    assert (misspelt.status_code, codes(misspelt)) == (400, {"dryrun": "parameter"})
    assert not EndpointGroup.objects.filter(name="other").exists()


def test_a_dry_run_says_which_nodes_and_endpoints_it_would_touch(people: Cast, net: Network) -> None:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    nodes = [create_node(actor=SYSTEM, name=f"n{n}", vtep=f"192.0.2.{n}")[0] for n in (1, 2)]
    web, db = (create_group(**give, name=name, network=net) for name in ("web", "db"))
    create_endpoint(**give, name="web-1", network=net, group=web, node=nodes[0])
    create_endpoint(**give, name="db-1", network=net, group=db, node=nodes[1])
    policy = create_policy(**give, name="p", groups=[db])
    publish_tenant(people.blue.pk)
    alice = client_of(people.alice)
    rule = {"policy": policy.pk, "direction": "in", "protocol": "tcp", "ports": "80"}
    touched = alice.post("/api/v2/rules/?dry_run=true", rule, format="json").json()["touches"]
    assert touched == {"nodes": ["n2"], "endpoints": 1, "endpoint_names": ["db-1"]}
    default = alice.patch(f"/api/v2/tenants/{people.blue.pk}/?dry_run=true", {"default_verdict": "deny"}, format="json")
    assert default.json()["touches"] == {"nodes": ["n1", "n2"], "endpoints": 2, "endpoint_names": ["db-1", "web-1"]}
    name = alice.patch(f"/api/v2/policies/{policy.pk}/?dry_run=true", {"name": "q"}, format="json").json()
    assert (name["name"], name["touches"]["nodes"]) == ("q", [])
    empty = create_network(**give, name="other", subnet4="20.1.2.0/24")
    gone = alice.delete(f"/api/v2/networks/{empty.pk}/?dry_run=true")
    assert (gone.status_code, set(gone.json())) == (200, {"touches"})
    assert Network.objects.filter(pk=empty.pk).exists()


# --- many at once


def test_many_writes_are_one_and_a_later_one_may_name_what_an_earlier_made(people: Cast, net: Network) -> None:
    operations = [
        {"op": "create", "body": {"tenant": "blue", "name": "store", "subnet4": "20.1.2.0/24"}},
        {"op": "update", "id": net.pk, "body": {"name": "front"}},
        {"op": "create", "body": {"tenant": "blue", "name": "app", "subnet4": "20.1.3.0/24"}},
    ]
    answer = client_of(people.alice).post("/api/v2/networks/bulk/", {"operations": operations}, format="json")
    assert answer.status_code == 200, answer.json()
    assert [each["status"] for each in answer.json()["results"]] == [201, 200, 201]
    assert sorted(Network.objects.values_list("name", flat=True)) == ["app", "front", "store"]
    generation = Tenant.objects.get(pk=people.blue.pk).generation
    assert answer["Tenant-Generation"] == f"blue={generation}"
    verbs = list(AuditEntry.objects.order_by("-pk").values_list("verb", flat=True)[:3])
    assert verbs == ["network.create", "network.update", "network.create"]


def test_one_that_is_refused_undoes_them_all_and_is_named_by_its_place(people: Cast, net: Network) -> None:
    before, alice = counts(), client_of(people.alice)
    good = {"op": "create", "body": {"tenant": "blue", "name": "store", "subnet4": "20.1.2.0/24"}}
    overlap = {"op": "create", "body": {"tenant": "blue", "name": "x", "subnet4": "20.1.2.0/25"}}
    hidden = {"op": "delete", "id": net.pk + 1000}
    answer = alice.post("/api/v2/networks/bulk/", {"operations": [good, overlap, hidden]}, format="json")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid")
    found = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert found == [("#/operations/1/body/subnet4", "overlap"), ("#/operations/2", "not_found")]
    assert counts() == before


def test_many_writes_keep_to_what_the_person_may(people: Cast, net: Network) -> None:
    theirs = create_network(actor=SYSTEM, tenant=people.green, name="app", subnet4="20.1.1.0/24")
    for operation, status in (
        ({"op": "delete", "id": theirs.pk}, 404),
        ({"op": "update", "id": theirs.pk, "body": {"name": "mine"}}, 404),
        ({"op": "create", "body": {"tenant": "green", "name": "n", "subnet4": "20.9.0.0/24"}}, 400),
        ({"op": "update", "id": net.pk, "if_match": '"old"', "body": {"name": "n"}}, 412),
        ({"op": "update", "id": net.pk}, 400),
        ({"op": "delete"}, 400),
    ):
        body = {"operations": [operation]}
        assert client_of(people.alice).post("/api/v2/networks/bulk/", body, format="json").status_code == status
    body = {"operations": [{"op": "delete", "id": net.pk}]}
    assert client_of(people.bob).post("/api/v2/networks/bulk/", body, format="json").status_code == 403
    assert Network.objects.count() == 2
    tried = client_of(people.alice).post("/api/v2/networks/bulk/?dry_run=true", body, format="json")
    assert (tried.json()["results"], Network.objects.count()) == ([{"status": 204, "body": None}], 2)


# --- once only


def test_a_creation_sent_twice_with_its_key_is_done_once(people: Cast) -> None:
    alice, key = client_of(people.alice), {"Idempotency-Key": "3f0c"}
    body = {"tenant": "blue", "name": "n", "subnet4": "20.1.1.0/24"}
    first, second = (alice.post("/api/v2/networks/", body, format="json", headers=key) for _ in range(2))
    assert (first.status_code, first.json(), first["Location"]) == (201, second.json(), second["Location"])
    assert (second.status_code, second["Idempotency-Replayed"], Network.objects.count()) == (201, "true", 1)
    other = alice.post("/api/v2/networks/", {**body, "name": "m"}, format="json", headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key_reused")
    theirs = client_of(people.charlie).post(
        "/api/v2/networks/", {**body, "tenant": "green"}, format="json", headers=key
    )
    assert theirs.status_code == 201, "keys are each person's own"


def test_what_was_refused_or_only_tried_does_not_use_up_its_key(people: Cast) -> None:
    alice, key = client_of(people.alice), {"Idempotency-Key": "a"}
    body = {"tenant": "blue", "name": "n", "subnet4": "20.1.1.0/24"}
    assert alice.post("/api/v2/networks/", {**body, "subnet4": "x"}, format="json", headers=key).status_code == 400
    assert alice.post("/api/v2/networks/?dry_run=true", body, format="json", headers=key).status_code == 201
    assert alice.post("/api/v2/networks/", body, format="json", headers=key).status_code == 201
    assert Network.objects.count() == 1


def test_what_is_shown_once_is_not_kept_for_the_second_answer(people: Cast) -> None:
    root, key = client_of(people.root), {"Idempotency-Key": "n"}
    body = {"name": "n1", "vtep": "192.0.2.1"}
    first, second = (root.post("/api/v2/nodes/", body, format="json", headers=key).json() for _ in range(2))
    token = first.pop("token")
    assert (first, Node.objects.count()) == (second, 1)
    assert token not in str(Answered.objects.values_list("body", "headers"))


def test_an_answer_is_not_given_again_to_who_does_not_see_its_tenant_any_more(people: Cast) -> None:
    alice, key = client_of(people.alice), {"Idempotency-Key": "k"}
    body = {"tenant": "blue", "name": "n", "subnet4": "20.1.1.0/24"}
    assert alice.post("/api/v2/networks/", body, format="json", headers=key).status_code == 201
    people.blue.memberships.filter(user=people.alice).delete()
    left = alice.post("/api/v2/networks/", body, format="json", headers=key)
    never = alice.post("/api/v2/networks/", body, format="json")
    assert (left.status_code, left.content) == (400, never.content)


def test_a_token_that_is_cut_to_a_tenant_has_keys_of_its_own(people: Cast) -> None:
    cut = client_of(None)
    _, secret = Token.objects.create(people.root, None, tenant=people.green)
    cut.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    root, key = client_of(people.root), {"Idempotency-Key": "k/api/v2/networks/"}
    mine = {"tenant": "blue", "name": "n", "subnet4": "20.1.1.0/24"}
    for where, body in (("/api/v2/networks/", mine), ("/api/v2/tokens/", {"name": "all I may"})):
        headers = {"Idempotency-Key": f"k{where}"}
        assert root.post(where, body, format="json", headers=headers).status_code == 201
        refused, never = (cut.post(where, body, format="json", headers=one) for one in (headers, {}))
        assert (refused.status_code, refused.content) == (never.status_code, never.content)
        assert refused.status_code in (400, 403)
    hers = {**mine, "tenant": "green"}
    made, again = (cut.post("/api/v2/networks/", hers, format="json", headers=key) for _ in range(2))
    assert (made.status_code, again.json(), Network.objects.count()) == (201, made.json(), 2)


# --- how far it is live


def test_a_write_names_its_generation_and_where_to_see_how_far_it_is_live(people: Cast) -> None:
    alice = client_of(people.alice)
    made = alice.post("/api/v2/networks/", {"tenant": "blue", "name": "n", "subnet4": "20.1.1.0/24"}, format="json")
    generation = made.json()["generation"]
    assert made["Tenant-Generation"] == f"blue={generation}"
    link = made["Link"].partition(">")[0].lstrip("<")
    assert link == f"/api/v2/tenants/{people.blue.pk}/realization/?generation={generation}"
    assert alice.get(link).json()["stage"] == "saved"
    gone = alice.delete(made["Location"])
    assert (gone.status_code, gone["Tenant-Generation"]) == (204, f"blue={generation + 1}")
    publish_tenant(people.blue.pk)
    assert alice.get(link).json()["stage"] == "nowhere"
    assert client_of(people.charlie).get(link).status_code == 404
    for wrong in ("generation=x", f"generation={generation + 99}", "wait=1h", "wait=31s"):
        assert alice.get(f"/api/v2/tenants/{people.blue.pk}/realization/?{wrong}").status_code == 400


# --- what bodies must be


def test_a_field_that_does_not_exist_and_a_value_of_another_type_are_refused(people: Cast, net: Network) -> None:
    alice, where = client_of(people.alice), f"/api/v2/networks/{net.pk}/"
    answer = alice.patch(where, {"gatewy4": "20.1.1.1", "name": 7, "tag": "5"}, format="json")
    assert (answer.status_code, codes(answer)) == (400, {"gatewy4": "unknown_field", "name": "type", "tag": "type"})
    assert alice.patch(where, alice.get(where).json(), format="json").status_code == 200, "what was shown may come back"


def test_lists_give_only_the_fields_asked_for_and_count_when_asked(people: Cast, net: Network) -> None:
    alice = client_of(people.alice)
    listed = alice.get("/api/v2/networks/?fields=id,name&count=true").json()
    assert (listed["count"], listed["results"]) == (1, [{"id": net.pk, "name": "app"}])
    assert "count" not in alice.get("/api/v2/networks/").json()
    assert alice.get(f"/api/v2/networks/{net.pk}/?fields=name").json() == {"name": "app"}
    for wrong in ("fields=password", "count=1", "limit=0", "limit=x", "limit=501"):
        assert alice.get(f"/api/v2/networks/?{wrong}").status_code == 400, wrong


def test_networks_are_found_by_an_address_in_them(people: Cast, net: Network) -> None:
    six = create_network(actor=SYSTEM, tenant=people.blue, name="six", subnet6="fd00:1::/64", subnet4="20.2.0.0/16")
    found = {
        said: [
            each["id"] for each in client_of(people.alice).get(f"/api/v2/networks/?contains={said}").json()["results"]
        ]
        for said in ("20.1.1.77", "20.2.255.1", "fd00:1::9", "20.1.2.1")
    }
    assert found == {"20.1.1.77": [net.pk], "20.2.255.1": [six.pk], "fd00:1::9": [six.pk], "20.1.2.1": []}
    assert client_of(people.alice).get("/api/v2/networks/?contains=20.1.1.0/24").status_code == 400


def test_lists_are_narrowed_by_ids_times_generation_and_absence(people: Cast, net: Network) -> None:
    alice, give = client_of(people.alice), {"actor": SYSTEM, "tenant": people.blue, "network": net}
    group = create_group(**give, name="web")
    inside, outside = create_endpoint(**give, name="a", group=group), create_endpoint(**give, name="b")

    def ids(query: str) -> list[int]:
        return [each["id"] for each in alice.get(f"/api/v2/endpoints/?{query}").json()["results"]]

    assert ids("has_group=true") == [inside.pk]
    members = [each["user"] for each in alice.get("/api/v2/members/?user=bob").json()["results"]]
    assert members == ["bob"]
    assert ids("has_group=false") == [outside.pk]
    assert ids(f"id={inside.pk},{outside.pk},999999") == [inside.pk, outside.pk]
    assert ids(f"generation_after={inside.generation}") == [outside.pk]
    assert ids("updated_before=2000-01-01T00:00:00Z") == []
    assert ids("created_after=2000-01-01T00:00:00Z") == [inside.pk, outside.pk]


# --- faults of ours


def broken(request: Any) -> Any:
    raise RuntimeError("a secret of the inside")


class Broken:
    """Routes with one that fails."""

    handler400, handler500 = "contivui.web.errors.bad_request", "contivui.web.errors.server_error"
    urlpatterns = [path("api/v2/broken/", broken)]


def test_a_fault_of_ours_is_a_problem_document_without_its_secrets(people: Cast, settings: Any) -> None:
    settings.ROOT_URLCONF = Broken
    settings.MIDDLEWARE = []
    answer = APIClient(raise_request_exception=False).get("/api/v2/broken/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in answer.content.decode()


def test_a_request_that_makes_no_sense_to_a_web_server_is_one_too(people: Cast) -> None:
    answer = client_of(people.alice).get("/api/v2/me/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
