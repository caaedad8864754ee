"""Forms: they call the verbs; what a verb refuses is at its field, with what was typed still there."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.urls import reverse

from networks.actions import create_endpoint, create_group, create_network, create_node, turn_away
from networks.models import Endpoint, EndpointGroup, JoinToken, Knock, Network, Node, NodeCertificate
from policies.actions import create_policy, replace_rules
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Membership, Tenant
from tenants.testing import Cast, people
from tests.pages import signed_in, unhashed
from tests.test_api_routes import certificate_of
from worker.models import NodeStatus, SpecSection
from worker.publish import publish_tenant

__all__ = ["people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


@pytest.fixture
def house(people: Cast) -> Cast:
    """Blue has a network with the groups web and db, one endpoint, and a policy on db with two rules."""
    give = {"actor": SYSTEM, "tenant": people.blue}
    net = create_network(**give, name="net", subnet4="20.1.1.0/24", gateway4="20.1.1.254")
    web, db = (create_group(**give, name=name, network=net) for name in ("web", "db"))
    create_endpoint(**give, name="web-1", network=net, group=web)
    policy = create_policy(**give, name="db-policy", groups=[db])
    replace_rules(
        actor=SYSTEM,
        policy=policy,
        rules=[
            {"priority": 10, "peer": "group", "peer_group": web, "protocol": "tcp", "ports": "5432"},
            {"priority": 1, "action": "deny"},
        ],
    )
    return people


def wrong(answer: Any) -> dict[str, list[str]]:
    return {name: list(errors) for name, errors in answer.context["form"].errors.items()}


def test_a_network_is_made_and_its_page_follows_the_change(house: Cast) -> None:
    client = signed_in(house.alice)
    typed = {"name": "two", "subnet4": "20.1.2.0/24", "gateway4": "20.1.2.254", "encap": "vxlan", "tag": ""}
    answer = client.post(reverse("network.create"), typed)
    row = Network.objects.get(name="two")
    assert answer["Location"] == f"{reverse('network.detail', args=[row.pk])}?saved={house.blue.pk}.{row.generation}"
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.actor, entry.via, entry.verb, entry.address) == ("alice", "page", "network.create", "127.0.0.1")
    page = client.get(answer["Location"]).content.decode()
    assert "Network two is made" in page
    assert "Compiling" in page
    publish_tenant(house.blue.pk)
    assert "No node carries an endpoint" in client.get(answer["Location"]).content.decode()


def test_an_overlapping_subnet_is_refused_at_its_field_naming_the_other_network(house: Cast) -> None:
    typed = {"name": "clash", "subnet4": "20.1.1.128/25", "encap": "vxlan"}
    answer = signed_in(house.alice).post(reverse("network.create"), typed)
    assert answer.status_code == 422
    assert list(wrong(answer)) == ["subnet4"]
    assert "net" in wrong(answer)["subnet4"][0]
    page = answer.content.decode()
    assert 'value="20.1.1.128/25"' in page
    assert 'aria-invalid="true"' in page
    assert not Network.objects.filter(name="clash").exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "-x"}, "name"),
        ({"name": "net"}, "name"),
        ({"subnet4": "20.1.9.1/24"}, "subnet4"),
        ({"subnet4": "nonsense"}, "subnet4"),
        ({"subnet4": ""}, "subnet4"),
        ({"gateway4": "20.1.8.1"}, "gateway4"),
        ({"tag": "99999999"}, "tag"),
        ({"encap": "gre"}, "encap"),
    ],
)
def test_wrong_input_is_marked_at_its_field(house: Cast, typed: dict[str, str], field: str) -> None:
    valid = {"name": "two", "subnet4": "20.1.9.0/24", "encap": "vxlan"}
    answer = signed_in(house.alice).post(reverse("network.create"), {**valid, **typed})
    assert answer.status_code == 422
    assert list(wrong(answer)) == [field]


def test_a_network_in_use_keeps_its_subnet_whatever_is_posted(house: Cast) -> None:
    row = Network.objects.get(name="net")
    url = reverse("network.edit", args=[row.pk])
    typed = {"name": "renamed", "subnet4": "9.9.9.0/24", "gateway4": "20.1.1.9", "encap": "vlan", "tag": "77"}
    assert signed_in(house.alice).post(url, typed).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.subnet4, row.gateway4, row.encap) == ("renamed", "20.1.1.0/24", "20.1.1.9", "vxlan")


def test_a_page_that_would_delete_names_what_stands_in_the_way_and_changes_nothing(house: Cast) -> None:
    row, generation = Network.objects.get(name="net"), Tenant.objects.get(name="blue").generation
    client, url = signed_in(house.alice), reverse("network.delete", args=[row.pk])
    page = client.get(url).content.decode()
    assert "group db is in it" in page
    assert "btn-bad" not in page
    assert client.post(url).status_code == 409
    assert Tenant.objects.get(name="blue").generation == generation
    spare = Endpoint.objects.get(name="web-1")
    page = client.get(reverse("endpoint.delete", args=[spare.pk])).content.decode()
    assert "btn-bad" in page
    assert Endpoint.objects.filter(pk=spare.pk).exists()
    answer = client.post(reverse("endpoint.delete", args=[spare.pk]))
    assert answer["Location"] == f"{reverse('endpoint.list')}?saved={house.blue.pk}.{generation + 1}"
    assert not Endpoint.objects.filter(pk=spare.pk).exists()


def test_choices_are_of_the_objects_own_tenant(house: Cast) -> None:
    other = create_network(actor=SYSTEM, tenant=house.green, name="theirs", subnet4="20.1.1.0/24")
    client = signed_in(house.root)
    answer = client.post(reverse("group.create") + "?tenant=blue", {"name": "g", "network": other.pk})
    assert list(wrong(answer)) == ["network"]
    assert "theirs" not in answer.content.decode()


def test_an_administrator_of_all_tenants_is_asked_which_one(house: Cast) -> None:
    page = signed_in(house.root).get(reverse("network.create")).content.decode()
    assert "In which tenant?" in page
    assert "?tenant=green" in page


def test_an_endpoint_gets_addresses_unless_asked_for_some(house: Cast) -> None:
    client, net = signed_in(house.alice), Network.objects.get(name="net")
    typed = {"name": "web-2", "network": net.pk, "group": "", "ip4": "", "ip6": ""}
    assert client.post(reverse("endpoint.create"), typed).status_code == 302
    assert Endpoint.objects.get(name="web-2").ip4 == "20.1.1.2"
    taken = client.post(reverse("endpoint.create"), {**typed, "name": "web-3", "ip4": "20.1.1.2"})
    assert list(wrong(taken)) == ["ip4"]


def test_a_member_who_sees_no_nodes_leaves_an_endpoint_where_it_is(house: Cast) -> None:
    node = Node.objects.create(name="n1", vtep="192.0.2.1")
    row = Endpoint.objects.get(name="web-1")
    Endpoint.objects.filter(pk=row.pk).update(node=node)
    typed = {"name": "renamed", "group": ""}
    assert signed_in(house.alice).post(reverse("endpoint.edit", args=[row.pk]), typed).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.node, row.group) == ("renamed", node, None)


def test_a_join_token_is_shown_once_in_a_command_and_kept_by_nobody(house: Cast, settings: Any) -> None:
    client = signed_in(house.root)
    answer = client.post(reverse("node.create"), {"name": "n9", "vtep": "192.0.2.9"})
    page = answer.content.decode()
    assert "set AGENTS_PORT" in page, "where no other machine can connect the page says so"
    assert re.search(r"agent/contivui-agent join \S+ cvj1\.[0-9a-f]{64}\.\S+ --node n9 --vtep 192.0.2.9", page)
    assert answer["Cache-Control"] == "no-store"
    node = Node.objects.get(name="n9")
    assert JoinToken.objects.get(node=node).token_hash not in page
    settings.AGENTS_PORT = 8443
    again = client.post(reverse("node.token", args=[node.pk])).content.decode()
    assert "agent/contivui-agent join https://testserver:8443 cvj1." in again
    assert JoinToken.objects.filter(node=node).count() == 2
    assert client.get(reverse("node.token", args=[node.pk])).status_code == 405
    assert signed_in(house.alice).post(reverse("node.token", args=[node.pk])).status_code == 404


def test_join_tokens_are_made_and_withdrawn_on_their_page(house: Cast) -> None:
    client, url = signed_in(house.root), reverse("joining")
    assert '--node "$(hostname)"' in html.unescape(client.post(url, {"node": "", "hours": "2"}).content.decode())
    row = JoinToken.objects.get()
    assert client.post(url, {"end": row.pk}).status_code == 302
    assert JoinToken.objects.get().state == "ended"
    assert "withdrawn" in client.get(url).content.decode()
    assert client.post(url, {"end": "9" * 30}).status_code == 404
    assert client.post(url, {"node": "", "hours": "0"}).status_code == 422
    assert signed_in(house.alice).get(url).status_code == 403


def test_a_node_is_revoked_after_a_question_and_its_page_shows_who_was_turned_away(house: Cast) -> None:
    node, client = create_node(actor=SYSTEM, name="n9", vtep="192.0.2.9")[0], signed_in(house.root)
    turn_away(Knock.Why.USED_TOKEN, node=node, claimed="n9", address="192.0.2.66")
    held = certificate_of(node)
    url, page = reverse("node.revoke", args=[node.pk]), reverse("node.detail", args=[node.pk])
    assert url in client.get(page).content.decode()
    assert client.get(url).status_code == 200
    assert NodeCertificate.objects.get(pk=held.pk).state == "good"
    shown = client.post(url, follow=True).content.decode()
    assert "revoked" in shown
    assert "192.0.2.66" in shown
    assert NodeCertificate.objects.get(pk=held.pk).state == "revoked"
    assert signed_in(house.alice).post(url).status_code == 404


def test_a_node_says_what_it_misses_and_refuses(house: Cast) -> None:
    node = Node.objects.create(name="n1", vtep="192.0.2.1")
    features = [{"name": "vxlan", "present": True, "why": ""}, {"name": "8021q", "present": False, "why": "no module"}]
    NodeStatus.objects.create(node=node, connected=False, features=features)
    SpecSection.objects.create(node=node, tenant=house.blue, generation=5, refused="no such device")
    page = signed_in(house.root).get(reverse("node.detail", args=[node.pk])).content.decode()
    assert page.index("8021q") < page.index(">vxlan<")
    for words in ("no module", "no such device", "never seen"):
        assert words in page


def test_members_come_change_and_go_through_the_page(house: Cast) -> None:
    client, url = signed_in(house.alice), reverse("member.create") + "?tenant=blue"
    assert list(wrong(client.post(url, {"user": "nobody", "role": "viewer"}))) == ["user"]
    assert client.post(url, {"user": "charlie", "role": "viewer"}).status_code == 302
    row = Membership.objects.get(user=house.charlie, tenant=house.blue)
    assert client.post(reverse("member.edit", args=[row.pk]), {"role": "editor"}).status_code == 302
    row.refresh_from_db()
    assert row.role == "editor"
    assert signed_in(house.bob).post(reverse("member.delete", args=[row.pk])).status_code == 403
    assert client.post(reverse("member.delete", args=[row.pk])).status_code == 302
    last = Membership.objects.get(user=house.alice, tenant=house.blue)
    assert client.post(reverse("member.delete", args=[last.pk])).status_code == 409


def test_labels_are_typed_shown_again_and_refused_at_their_field(house: Cast) -> None:
    client, row = signed_in(house.alice), EndpointGroup.objects.get(name="web")
    edit = reverse("group.edit", args=[row.pk])
    typed = {"name": "web", "network": row.network_id, "labels": "tier=web, canary"}
    assert client.post(edit, typed).status_code == 302
    row.refresh_from_db()
    assert row.labels == {"tier": "web", "canary": ""}
    assert 'value="canary=, tier=web"' in client.get(edit).content.decode()
    answer = client.post(edit, {**typed, "labels": "-tier=web"})
    assert answer.status_code == 422 and "cannot be the key of a label" in wrong(answer)["labels"][0]


def test_what_cannot_be_read_hides_nothing_of_what_is_wrong_besides(house: Cast) -> None:
    client, before = signed_in(house.alice), AuditEntry.objects.count()
    typed = {"name": "no name", "subnet4": "20.1.1.128/25", "gateway4": "9.9.9.9", "tag": "many", "labels": "a=b=c"}
    answer = client.post(reverse("network.create"), {**typed, "encap": "vxlan", "kind": "data"})
    assert answer.status_code == 422
    assert set(wrong(answer)) == {"tag", "labels", "name", "subnet4", "gateway4"}
    assert wrong(answer)["tag"] == ["Write a whole number, for example 10."]
    assert "overlaps network net" in wrong(answer)["subnet4"][0]
    assert all(f'value="{said}"' in answer.content.decode() for said in typed.values())
    net = Network.objects.get(name="net")
    answer = client.post(reverse("network.edit", args=[net.pk]), {**typed, "name": "fine", "encap": "vxlan"})
    assert {"labels", "gateway4"} <= set(wrong(answer)), "the tag is no field of it: an endpoint stands on it"
    assert (Network.objects.get().name, AuditEntry.objects.count()) == ("net", before)


def test_a_field_without_which_there_is_no_verb_is_asked_for_alone(house: Cast) -> None:
    answer = signed_in(house.alice).post(reverse("endpoint.create"), {"name": "no name", "network": "", "group": ""})
    assert list(wrong(answer)) == ["network"]
