"""Every page there is, found by walking the routes: who may open it, and what it costs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from networks.actions import create_endpoint, create_group, create_network, create_reservation
from networks.models import Network
from policies.actions import add_rule, create_policy, create_profile
from policies.models import Policy
from tenants.change import SYSTEM
from tenants.models import Tenant
from tenants.testing import Cast, people
from tests.pages import PUBLIC, furnish, page_routes, signed_in, unhashed, url_of

__all__ = ["people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")

#: Pages that only take a form.
POSTED = {
    "logout",
    "tenant.choose",
    "node.token",
    "invitation.withdraw",
    "account.sessions",
    "factors.codes",
    "factors.remove",
    "sign_in.reset",
    "sign_in.withdraw",
}
STORED = ("service", "app", "contract", "bgp", "aci")
LISTS = (
    "network",
    "reservation",
    "group",
    "endpoint",
    "policy",
    "profile",
    "node",
    "tenant",
    "member",
    "user",
    *STORED,
)
OF_TENANT = (
    "network",
    "reservation",
    "group",
    "endpoint",
    "policy",
    "profile",
    "member",
    "tenant",
    *STORED[:3],
)
WITH_KEY = [name for name, keyed in page_routes() if keyed]


def test_a_page_that_only_takes_a_form_says_so_to_a_browser(people: Cast) -> None:
    keys, client = furnish(people.blue, "10.0.0.1"), signed_in(people.root)
    for name, keyed in page_routes():
        if name in POSTED:
            where = url_of(name, keys) if keyed else reverse(name)
            answer = client.get(where, headers={"Accept": "text/html,*/*"})
            assert answer.status_code == 405, name
            assert "only takes what a form sends" in answer.content.decode()
            assert answer["Allow"]


def test_the_walk_finds_the_pages() -> None:
    names = {name for name, _ in page_routes()}
    assert {"overview", "activity", "explain", "policy.rules", "node.token", "node.revoke", "joining", "login"} <= names
    assert {f"{kind}.{page}" for kind in LISTS for page in ("list", "detail", "create", "edit", "delete")} <= names


def test_every_page_asks_strangers_to_sign_in(people: Cast) -> None:
    keys = furnish(people.blue, "10.0.0.1")
    for name, keyed in page_routes():
        if name in PUBLIC:
            continue
        answer = Client().get(url_of(name, keys) if keyed else reverse(name))
        assert answer.status_code == 302, name
        assert answer["Location"].startswith(reverse("login")), name


def test_every_page_opens_for_an_administrator(people: Cast) -> None:
    keys, client = furnish(people.blue, "10.0.0.1"), signed_in(people.root)
    for name, keyed in page_routes():
        if name in PUBLIC:
            continue
        answer = client.get(url_of(name, keys) if keyed else reverse(name))
        assert answer.status_code == (405 if name in POSTED else 200), name


@pytest.mark.parametrize("name", [name for name in WITH_KEY if name.split(".")[0] in (*OF_TENANT, "undo")])
def test_every_page_of_another_tenants_object_is_404(people: Cast, name: str) -> None:
    """Reading and writing alike, and no different from an object that is not there."""
    keys, client = furnish(people.blue, "10.0.0.1"), signed_in(people.charlie)
    url = url_of(name, keys)
    nowhere = client.get(reverse(name, args=[10**15]))
    for answer in (client.get(url), client.post(url, {"name": "stolen"}), client.get(url, headers={"X-Live": "1"})):
        assert answer.status_code == 404, name
        assert b"secret-" not in answer.content
    assert client.get(url).content == nowhere.content


def test_no_list_knows_another_tenants_objects(people: Cast) -> None:
    furnish(people.blue, "10.0.0.1")
    client = signed_in(people.charlie)
    for name in ("overview", "activity", "explain", *(f"{kind}.list" for kind in OF_TENANT)):
        for query in ("", "?q=secret", "?format=csv", "?saved=1.3"):
            answer = client.get(reverse(name) + query)
            body = b"".join(answer) if answer.streaming else answer.content
            assert b"secret-" not in body, name


def test_an_address_that_names_another_tenant_is_404(people: Cast) -> None:
    for name in ("overview", "network.list", "network.create", "explain", "plot.throughput", "activity"):
        assert signed_in(people.charlie).get(reverse(name) + "?tenant=blue").status_code == 404, name


def test_nodes_are_not_offered_to_members(people: Cast) -> None:
    keys, client = furnish(people.blue, "10.0.0.1"), signed_in(people.alice)
    answer = client.get(reverse("node.list"))
    assert answer.status_code == 403
    assert "cluster administrators" in answer.content.decode()
    assert client.get(url_of("node.detail", keys)).status_code == 404
    assert reverse("node.list") not in client.get(reverse("overview")).content.decode()


@pytest.mark.parametrize("kind", ["network", "reservation", "group", "endpoint", "policy", "profile"])
def test_a_viewer_is_not_offered_what_she_may_not_do(people: Cast, kind: str) -> None:
    keys = furnish(people.blue, "10.0.0.1")
    for person, offered in ((people.alice, True), (people.bob, False)):
        client = signed_in(person)
        page = client.get(url_of(f"{kind}.detail", keys)).content.decode()
        for action in ("edit", "delete"):
            url = url_of(f"{kind}.{action}", keys)
            assert (url in page) is offered, (person, url)
            assert client.get(url).status_code == (200 if offered else 403)
        listed = client.get(reverse(f"{kind}.list")).content.decode()
        assert (reverse(f"{kind}.create") in listed) is offered
    refused = signed_in(people.bob).post(url_of(f"{kind}.delete", keys))
    assert refused.status_code == 403
    assert "role of an editor" in refused.content.decode()


def test_a_key_no_database_holds_is_404(people: Cast) -> None:
    for kind in LISTS:
        assert signed_in(people.root).get(f"{reverse(f'{kind}.list')}{10**17}/").status_code == 404
        assert signed_in(people.root).get(f"{reverse(f'{kind}.list')}{10**30}/").status_code == 404


def test_an_open_page_that_asks_again_gets_its_regions_and_no_frame(people: Cast) -> None:
    furnish(people.blue, "10.0.0.1")
    client = signed_in(people.alice)
    for name in ("overview", "network.list", "activity"):
        whole = client.get(reverse(name)).content.decode()
        part = client.get(reverse(name), headers={"X-Live": "1"}).content.decode()
        assert "<nav" in whole
        assert "<nav" not in part
        assert "data-live" in part
        assert part.count("data-live") == whole.split('id="main"')[1].count("data-live")


def test_a_page_that_asks_again_leaves_messages_for_the_next_page(people: Cast) -> None:
    furnish(people.blue, "10.0.0.1")
    client = signed_in(people.alice)
    answer = client.post(reverse("network.create"), {"name": "new", "subnet4": "30.0.0.0/24", "encap": "vxlan"})
    url = answer["Location"]
    client.get(url, headers={"X-Live": "1"})
    assert "Network new is made" in client.get(url).content.decode()


def many(tenant: Tenant, first: int, count: int) -> None:
    """`count` of each kind of object, related to each other."""
    give = {"actor": SYSTEM, "tenant": tenant}
    for n in range(first, first + count):
        net = create_network(**give, name=f"net-{n}", subnet4=f"30.0.{n}.0/24")
        group = create_group(**give, name=f"group-{n}", network=net)
        create_reservation(**give, network=net, addresses=f"30.0.{n}.9")
        create_endpoint(**give, name=f"endpoint-{n}", network=net, group=group)
        policy = create_policy(**give, name=f"policy-{n}", groups=[group])
        add_rule(**give, policy=policy, peer="group", peer_group=group)
        create_profile(**give, name=f"profile-{n}", rate_bps=10**6, groups=[group])


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


@pytest.mark.parametrize("kind", ["network", "reservation", "group", "endpoint", "policy", "profile"])
def test_a_list_of_many_costs_as_many_queries_as_one_of_few(people: Cast, kind: str) -> None:
    many(people.blue, 1, 2)
    for person in (people.alice, people.root):
        client = signed_in(person)
        few = queries(client, reverse(f"{kind}.list"))
        many(people.blue, 100 if person is people.alice else 200, 12)
        assert queries(client, reverse(f"{kind}.list")) == few <= 14


def test_pages_of_objects_and_the_overview_cost_the_same_however_much_there_is(people: Cast) -> None:
    many(people.blue, 1, 1)
    network = Network.objects.get(name="net-1")
    policy = Policy.objects.get(name="policy-1")
    client = signed_in(people.alice)
    urls = [reverse("overview"), reverse("network.detail", args=[network.pk])]
    urls += [reverse("policy.detail", args=[policy.pk]), reverse("policy.rules", args=[policy.pk])]
    few = [queries(client, url) for url in urls]
    # One for each kind of thing that the changes on the page refer to: here, first of all kinds and later of some.
    of_all_kinds = queries(client, reverse("activity"))
    many(people.blue, 50, 10)
    for n in range(10):
        group = create_group(actor=SYSTEM, tenant=people.blue, name=f"more-{n}", network=network)
        add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, peer="group", peer_group=group)
    assert all(now <= then for now, then in zip([queries(client, url) for url in urls], few, strict=True))
    assert queries(client, reverse("activity")) <= of_all_kinds
