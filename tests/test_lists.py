"""Lists: what the address asks for is what they show, export and link to."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse

from networks.actions import create_endpoint, create_group, create_network, create_node, update_endpoint
from networks.models import Endpoint, EndpointGroup, Network
from tenants.change import SYSTEM
from tenants.testing import Cast, people
from tests.pages import signed_in, unhashed

__all__ = ["people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


@pytest.fixture
def alice(people: Cast) -> Client:
    """Alice, in whose blue are three networks, two groups and four endpoints."""
    give = {"actor": SYSTEM, "tenant": people.blue}
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1")
    for n, name in enumerate(("app", "store", "other")):
        create_network(**give, name=name, subnet4=f"20.1.{n}.0/24", encap="vxlan" if n else "vlan")
    app, store = (Network.objects.get(name=name) for name in ("app", "store"))
    web = create_group(**give, name="web", network=app)
    create_group(**give, name="disk", network=store)
    for n in (1, 2, 3):
        create_endpoint(**give, name=f"web-{n}", network=app, group=web, node=node if n == 1 else None)
    create_endpoint(**give, name="disk-1", network=store)
    return signed_in(people.alice)


def names(client: Client, kind: str, query: str = "") -> list[str]:
    """The names a list shows, in its order."""
    answer = client.get(f"{reverse(f'{kind}.list')}{query}")
    assert answer.status_code == 200
    return [str(line["row"]) for line in answer.context["lines"]]


def test_it_searches_every_word_in_names_and_addresses(alice: Client) -> None:
    assert names(alice, "endpoint", "?q=web") == ["web-1", "web-2", "web-3"]
    assert names(alice, "endpoint", "?q=20.1.1.") == ["disk-1"]
    assert names(alice, "endpoint", "?q=web+20.1.0.2") == ["web-2"]
    assert names(alice, "endpoint", "?q=nothing") == []


def test_it_filters_by_what_things_belong_to(alice: Client) -> None:
    web = EndpointGroup.objects.get(name="web")
    assert names(alice, "endpoint", f"?group={web.pk}") == ["web-1", "web-2", "web-3"]
    assert names(alice, "endpoint", "?place=node") == ["web-1"]
    assert names(alice, "endpoint", f"?group={web.pk}&place=none&q=3") == ["web-3"]
    assert names(alice, "network", "?encap=vlan") == ["app"]


def test_a_filter_that_is_none_of_the_choices_shows_everything(alice: Client) -> None:
    for value in ("999", "x", "1 OR 1=1", "9" * 40):
        assert len(names(alice, "endpoint", f"?group={value}")) == 4


def test_it_sorts_both_ways_by_a_column(alice: Client) -> None:
    assert names(alice, "network", "?sort=name") == ["app", "other", "store"]
    assert names(alice, "network", "?sort=-name") == ["store", "other", "app"]
    assert names(alice, "network", "?sort=-n_endpoints")[0] == "app"
    assert names(alice, "network", "?sort=password") == ["app", "other", "store"]


def test_a_head_of_a_column_sorts_and_keeps_what_was_asked(alice: Client) -> None:
    page = alice.get(reverse("endpoint.list") + "?q=web&page=1").content.decode()
    assert 'href="?q=web&amp;sort=name"' in page
    page = alice.get(reverse("endpoint.list") + "?q=web&sort=name").content.decode()
    assert 'aria-sort="ascending"' in page
    assert 'href="?q=web&amp;sort=-name"' in page


def test_it_pages_and_says_which_rows_of_how_many(people: Cast, alice: Client) -> None:
    app = Network.objects.get(name="app")
    for n in range(60):
        create_endpoint(actor=SYSTEM, tenant=people.blue, name=f"many-{n:02}", network=app)
    first = alice.get(reverse("endpoint.list") + "?q=many").content.decode()
    assert "1–50 of 60" in first
    assert 'href="?q=many&amp;page=2"' in first
    shown = names(alice, "endpoint", "?q=many") + names(alice, "endpoint", "?q=many&page=2")
    assert shown == [f"many-{n:02}" for n in range(60)]
    assert names(alice, "endpoint", "?q=many&page=999") == shown[50:]


def test_it_exports_everything_that_matches_and_not_only_the_page(people: Cast, alice: Client) -> None:
    app = Network.objects.get(name="app")
    for n in range(60):
        create_endpoint(actor=SYSTEM, tenant=people.blue, name=f"many-{n:02}", network=app)
    answer = alice.get(reverse("endpoint.list") + "?q=many&format=json")
    rows = json.loads(b"".join(answer))  # type: ignore[arg-type]
    assert [row["name"] for row in rows] == [f"many-{n:02}" for n in range(60)]
    assert (rows[0]["network"], rows[0]["tenant"]) == ("app", "blue")
    answer = alice.get(reverse("endpoint.list") + "?q=many&format=csv")
    table = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))  # type: ignore[arg-type]
    assert [row["name"] for row in table] == [row["name"] for row in rows]
    assert "attachment" in answer["Content-Disposition"]


def test_an_export_holds_no_formula_somebody_else_wrote(people: Cast, alice: Client) -> None:
    people.blue.__class__.objects.filter(pk=people.blue.pk).update(description="=cmd|calc")
    answer = alice.get(reverse("tenant.list") + "?format=csv")
    assert b"'=cmd|calc" in b"".join(answer)  # type: ignore[arg-type]


def test_an_empty_list_says_what_the_thing_is_for_and_offers_the_first(people: Cast) -> None:
    page = signed_in(people.alice).get(reverse("network.list")).content.decode()
    assert "layer-2 segment" in page
    assert reverse("network.create") in page
    page = signed_in(people.alice).get(reverse("network.list") + "?q=x").content.decode()
    assert "Nothing matches" in page


def test_an_administrator_chooses_a_tenant_and_sees_only_it(people: Cast, alice: Client) -> None:
    create_network(actor=SYSTEM, tenant=people.green, name="green-net", subnet4="20.1.0.0/24")
    root = signed_in(people.root)
    assert names(root, "network") == ["app", "other", "store", "green-net"]
    answer = root.post(reverse("tenant.choose"), {"tenant": people.green.pk, "next": "/networks/7/"})
    assert answer["Location"] == "/networks/"
    assert names(root, "network") == ["green-net"]
    assert names(root, "network", "?tenant=blue") == ["app", "other", "store"]
    root.post(reverse("tenant.choose"), {"tenant": "", "next": "//elsewhere.example/"})
    assert len(names(root, "network")) == 4


def test_choosing_a_tenant_never_leads_to_another_site(people: Cast) -> None:
    for path in ("//evil.example/x", "https://evil.example", "/\\evil.example", "\\\\evil"):
        answer = signed_in(people.alice).post(reverse("tenant.choose"), {"tenant": people.blue.pk, "next": path})
        assert answer["Location"] == "/"


def test_nobody_chooses_a_tenant_she_is_no_member_of(people: Cast) -> None:
    client = signed_in(people.charlie)
    assert client.post(reverse("tenant.choose"), {"tenant": people.blue.pk}).status_code == 404
    assert client.post(reverse("tenant.choose"), {"tenant": ""}).status_code == 302
    assert client.get(reverse("network.list")).wsgi_request.person.tenant == people.green  # type: ignore[attr-defined]


def test_it_is_narrowed_by_labels_and_says_what_is_no_selector(alice: Client) -> None:
    web = Endpoint.objects.get(name="web-1")
    update_endpoint(actor=SYSTEM, row=web, labels={"tier": "web", "env": "prod"})
    assert names(alice, "endpoint", "?labels=tier%3Dweb,env!%3Dtest") == ["web-1"]
    assert names(alice, "endpoint", "?labels=!tier&q=web") == ["web-2", "web-3"]
    assert names(alice, "endpoint", "?q=prod") == ["web-1"]
    page = alice.get(reverse("endpoint.list")).content.decode()
    assert f'href="{reverse("endpoint.list")}?labels=tier%3Dweb">tier=web</a>' in page
    assert names(alice, "endpoint", "?labels=tier+in") == []
    assert "is no requirement on a label" in alice.get(reverse("endpoint.list") + "?labels=tier+in").content.decode()
    kept = list(csv.DictReader(io.StringIO(exported(alice, "?labels=tier&format=csv"))))
    assert [row["labels"] for row in kept] == ["env=prod, tier=web"]


def exported(client: Client, query: str) -> str:
    answer = client.get(reverse("endpoint.list") + query)
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
