"""Search over all kinds at once: what is found by what, in which order, how much of it, and by whom not at all."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from contivui.web.search import _kinds
from networks.actions import create_endpoint, create_group, create_network, create_node, create_reservation
from networks.models import Network
from policies.actions import add_rule, create_policy, create_profile
from routing.actions import create_bgp_peer, create_service
from tenants.change import SYSTEM
from tenants.credentials import make_token
from tenants.models import Tenant
from tenants.testing import Cast, client_of, people
from tests.pages import signed_in, unhashed

__all__ = ["people", "unhashed"]


def stock(tenant: Tenant) -> Network:
    """One of everything that can be found, in a tenant."""
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": tenant}
    net = create_network(**give, name="front", subnet4="20.1.1.0/24", gateway4="20.1.1.254", subnet6="fd00:1::/64")
    create_reservation(**give, network=net, addresses="20.1.1.40-20.1.1.49", note="the old Printers")
    web = create_group(**give, name="web", network=net, label="tier-1")
    create_endpoint(**give, name="web-1", network=net, group=web, labels={"tier": "web"})
    policy = create_policy(**give, name="base", groups=[web], labels={"tier": "web"})
    add_rule(**give, policy=policy, name="first", description="asked for by the web people")
    create_profile(**give, name="ten", rate_bps=10**7)
    create_service(**give, name="dns", network=net, selectors={"app": "dns"}, ports=["53:53:UDP"], address="20.1.1.9")
    return net


def found(client: Any, q: str, **more: Any) -> list[tuple[str, str, str]]:
    answer = client.get("/api/v2/search/", {"q": q, **more})
    assert answer.status_code == 200, answer.content
    return [(one["kind"], one["name"], one["matched"]["field"]) for one in answer.json()["results"]]


def test_words_are_looked_for_in_what_each_kind_is_called_and_noted_with(people: Cast) -> None:
    stock(people.blue)
    alice = client_of(people.alice)
    assert found(alice, "web") == [
        ("group", "web", "name"),
        ("endpoint", "web-1", "name"),
        ("rule", "base/first", "description"),
    ]
    assert found(alice, "PRINTERS old") == [("reservation", "20.1.1.40-20.1.1.49", "note")]
    assert found(alice, "tier-1") == [("group", "web", "label")]
    assert found(alice, "20.1.1.0/24") == [("network", "front", "subnet4")]
    assert found(alice, "web nowhere") == found(alice, "%") == found(alice, "w_b") == []


def test_an_address_finds_what_has_it_and_what_holds_it(people: Cast) -> None:
    stock(people.blue)
    create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1")
    create_bgp_peer(actor=SYSTEM, name="n1", router_address="50.1.1.1/24", asn="65001", neighbor="50.1.1.2")
    root = client_of(people.root)
    assert found(root, "20.1.1.1") == [("network", "front", "subnet4"), ("endpoint", "web-1", "ip4")]
    assert found(root, "20.1.1.44") == [
        ("network", "front", "subnet4"),
        ("reservation", "20.1.1.40-20.1.1.49", "addresses"),
    ]
    assert found(root, "20.1.1.254") == [("network", "front", "gateway4")]
    assert ("service", "dns", "address") in found(root, "20.1.1.9")
    assert found(root, "fd00:1:0::1") == [("network", "front", "subnet6"), ("endpoint", "web-1", "ip6")]
    assert found(root, "192.0.2.1") == [("node", "n1", "vtep")]
    assert found(root, "50.1.1.2") == [("bgp", "n1", "neighbor")]
    assert found(root, "20.1.2.1") == found(root, "::") == []
    (endpoint,) = root.get("/api/v2/endpoints/").json()["results"]
    assert found(root, endpoint["mac"].upper()) == [("endpoint", "web-1", "mac")]


def test_labels_find_what_has_them(people: Cast) -> None:
    stock(people.blue)
    alice = client_of(people.alice)
    assert found(alice, "tier=web") == [("endpoint", "web-1", "labels"), ("policy", "base", "labels")]
    refused = alice.get("/api/v2/search/", {"q": "tier=web="})
    assert refused.status_code == 400
    assert [error["parameter"] for error in refused.json()["errors"]] == ["q"]


@pytest.mark.usefixtures("unhashed")
def test_the_answer_leads_to_the_object_and_to_its_page(people: Cast) -> None:
    stock(people.blue)
    client, page = client_of(people.alice), signed_in(people.alice)
    for q in ("web", "20.1.1.44", "ten", "dns"):
        for one in client.get("/api/v2/search/", {"q": q}).json()["results"]:
            assert client.get(one["url"]).json()["id"] == one["id"]
            assert page.get(one["page"]).status_code == 200
            assert one["tenant"] == "blue"


def test_what_is_called_so_comes_first_and_what_begins_so_next_and_each_kind_is_bounded(people: Cast) -> None:
    net = stock(people.blue)
    for name in ("a-web-2", "a-web-3", "webber", "b-web", "web-2"):
        create_endpoint(actor=SYSTEM, tenant=people.blue, name=name, network=net)
    alice = client_of(people.alice)
    names = [name for kind, name, _ in found(alice, "web-2", limit=20) if kind == "endpoint"]
    assert names == ["web-2", "a-web-2"]
    answer = alice.get("/api/v2/search/", {"q": "web-2", "limit": 1}).json()
    assert ([one["name"] for one in answer["results"]], answer["more"]) == (["web-2"], ["endpoint"])
    answer = alice.get("/api/v2/search/", {"q": "web", "limit": 20}).json()
    names = [one["name"] for one in answer["results"] if one["kind"] == "endpoint"]
    assert (names, answer["more"]) == (["web-1", "web-2", "webber", "a-web-2", "a-web-3", "b-web"], [])


def test_what_is_another_tenants_or_the_clusters_is_not_there(people: Cast) -> None:
    stock(people.blue)
    stock(people.green)
    create_node(actor=SYSTEM, name="web-node", vtep="192.0.2.1")
    for q in ("web", "20.1.1.1", "tier=web"):
        answer = client_of(people.alice).get("/api/v2/search/", {"q": q}).json()
        assert {one["tenant"] for one in answer["results"]} == {"blue"}
        assert client_of(people.root).get("/api/v2/search/", {"q": q, "tenant": "green"}).json()["results"]
        assert found(client_of(people.alice), q, tenant="green") == []
    assert ("node", "web-node", "name") in found(client_of(people.root), "web")
    cut = APIClient()
    cut.credentials(HTTP_AUTHORIZATION=f"Token {make_token(actor=SYSTEM, user=people.root, tenant=people.blue)[1]}")
    assert {kind for kind, _, _ in found(cut, "web")} == {"group", "endpoint", "rule"}
    assert found(client_of(people.root), people.alice.username) == [("user", "alice", "username")]
    assert found(client_of(people.alice), people.alice.username) == []


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [({}, "q"), ({"q": " "}, "q"), ({"q": "x" * 201}, "q"), ({"q": "a\0b"}, "q"), ({"q": "a", "limit": "21"}, "limit"),
     ({"q": "a", "limit": "many"}, "limit"), ({"q": "a", "kind": "rule"}, "kind")],
)  # fmt: skip
def test_what_cannot_be_looked_for_is_refused_at_its_parameter(
    people: Cast, asked: dict[str, str], parameter: str
) -> None:
    refused = client_of(people.alice).get("/api/v2/search/", asked)
    assert refused.status_code == 400
    assert [error["parameter"] for error in refused.json()["errors"]] == [parameter]


def test_it_costs_the_same_however_much_there_is(people: Cast) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/api/v2/search/", {"q": "web", "limit": 2}).status_code == 200
        return len(asked)

    net, client = stock(people.blue), client_of(people.alice)
    for number in range(3, 6):
        create_endpoint(actor=SYSTEM, tenant=people.blue, name=f"web-{number}", network=net)
    few = cost()
    for number in range(6, 30):
        create_endpoint(actor=SYSTEM, tenant=people.blue, name=f"web-{number}", network=net)
    assert cost() == few <= 3 * len(_kinds)


@pytest.mark.usefixtures("unhashed")
def test_the_page_shows_the_same_and_the_box_keeps_what_was_typed(people: Cast) -> None:
    stock(people.blue)
    client = signed_in(people.alice)
    page = client.get("/search/", {"q": "20.1.1.1"}).content.decode()
    assert 'value="20.1.1.1"' in page
    assert "web-1" in page and "front" in page and "20.1.1.0/24" in page
    assert "Nothing of that is found" in client.get("/search/", {"q": "<nowhere>"}).content.decode()
    assert client.get("/search/").status_code == 200
    refused = client.get("/search/", {"q": "=web"})
    assert refused.status_code == 422 and 'role="alert"' in refused.content.decode()


def test_a_selector_that_nobody_can_follow_is_refused_however_it_is_written(people: Cast) -> None:
    for text in ("tier in (", "tier notin(web", "tier=web,,"):
        answer = client_of(people.root).get("/api/v2/search/", {"q": text})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid"), text
    assert client_of(people.root).get("/api/v2/search/", {"q": "a name in (the)"}).status_code == 400
    assert client_of(people.root).get("/api/v2/search/", {"q": "within"}).status_code == 200
