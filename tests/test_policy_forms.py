"""The table of a policy's rules, bandwidth profiles, and what explains them: as a person types and reads them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from networks.actions import create_endpoint, create_network
from networks.models import EndpointGroup, Network, Node
from policies.actions import create_profile
from policies.models import BandwidthProfile, Policy, Rule
from tenants.change import SYSTEM
from tenants.models import Tenant
from tenants.testing import Cast
from tests.pages import signed_in
from tests.test_forms import house, people, unhashed, wrong
from worker.models import SpecSection

__all__ = ["house", "people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


def test_a_rate_is_typed_as_people_write_it(house: Cast) -> None:
    client, web = signed_in(house.alice), EndpointGroup.objects.get(name="web")
    typed = {"name": "ten", "rate_bps": "10 Mbit/s", "groups": [web.pk]}
    assert client.post(reverse("profile.create"), typed).status_code == 302
    row = BandwidthProfile.objects.get(name="ten")
    assert (row.rate_bps, row.burst_bytes, row.dscp, list(row.groups.all())) == (10_000_000, 0, None, [web])
    assert 'value="10 Mbit/s"' in client.get(reverse("profile.edit", args=[row.pk])).content.decode()
    for rate in ("0", "-5", "fast", "10 MB/s"):
        assert list(wrong(client.post(reverse("profile.create"), {"name": "x", "rate_bps": rate}))) == ["rate_bps"]
    again = client.post(reverse("profile.create"), {**typed, "name": "other"})
    assert "web has ten" in wrong(again)["groups"][0]


def table(*rows: dict[str, Any]) -> dict[str, Any]:
    """The table of rules as the page posts it."""
    start = {"action": "allow", "direction": "in", "peer": "any", "protocol": "any", "priority": 1}
    posted = {"rules-TOTAL_FORMS": len(rows), "rules-INITIAL_FORMS": sum("id" in row for row in rows)}
    for n, row in enumerate(rows):
        posted |= {f"rules-{n}-{key}": value for key, value in {**start, **row}.items()}
    return posted


@pytest.fixture
def rules_page(house: Cast) -> tuple[Client, str, Policy]:
    policy = Policy.objects.get(name="db-policy")
    return signed_in(house.alice), reverse("policy.rules", args=[policy.pk]), policy


def test_rules_are_changed_added_and_removed_in_one_go(rules_page: tuple[Client, str, Policy]) -> None:
    client, url, policy = rules_page
    allow, deny = policy.rules.order_by("-priority")
    web, net = EndpointGroup.objects.get(name="web"), Network.objects.get(name="net")
    generation = Tenant.objects.get(name="blue").generation
    answer = client.post(
        url,
        table(
            {"id": allow.pk, "priority": 30, "peer": f"group:{web.pk}", "protocol": "tcp", "ports": "80, 443"},
            {"id": deny.pk, "DELETE": "on"},
            {"peer": f"network:{net.pk}", "protocol": "icmp", "direction": "out"},
            {"peer": "address", "peer_addresses": "10.0.0.0/8", "protocol": "udp", "ports": "53", "action": "deny"},
        ),
    )
    assert answer["Location"].endswith(f"?saved={policy.tenant_id}.{generation + 1}")
    found = {rule.pk: rule for rule in policy.rules.all()}
    assert deny.pk not in found
    assert (found[allow.pk].priority, found[allow.pk].ports) == (30, "80, 443")
    assert {(rule.peer, rule.protocol) for rule in found.values()} == {
        ("group", "tcp"),
        ("network", "icmp"),
        ("address", "udp"),
    }


def test_a_wrong_rule_is_marked_in_its_row_and_nothing_is_saved(rules_page: tuple[Client, str, Policy]) -> None:
    client, url, policy = rules_page
    before = list(policy.rules.values())
    allow, deny = policy.rules.order_by("-priority")
    answer = client.post(
        url,
        table(
            {"id": allow.pk, "DELETE": "on"},
            {"id": deny.pk, "action": "deny"},
            {"protocol": "tcp", "ports": "70000", "priority": 5},
            {"peer": "address", "peer_addresses": "", "priority": 7},
        ),
    )
    assert answer.status_code == 422
    errors = [form.errors for form in answer.context["table"].forms]
    assert [sorted(each) for each in errors] == [[], [], ["ports"], ["peer_addresses"]]
    assert "70000" in errors[2]["ports"][0]
    assert list(policy.rules.values()) == before


def test_rules_that_cannot_be_read_do_not_hide_what_is_wrong_with_the_others(
    rules_page: tuple[Client, str, Policy],
) -> None:
    client, url, policy = rules_page
    before = list(policy.rules.values())
    allow, deny = policy.rules.order_by("-priority")
    rows = [
        {"id": allow.pk, "DELETE": "on", "priority": "never"},
        {"priority": "soon"},
        {"id": deny.pk, "action": "deny"},
        {"protocol": "tcp", "ports": "70000", "priority": 50, "action": "deny"},
    ]
    answer = client.post(url, table(*rows))
    assert answer.status_code == 422
    errors = [sorted(form.errors) for form in answer.context["table"].forms]
    assert errors[1:] == [["priority"], [], ["ports"]]
    assert list(policy.rules.values()) == before
    rows[1]["priority"], rows[3]["ports"] = 9, "700"
    assert client.post(url, table(*rows)).status_code == 302


def test_a_rule_without_effect_and_a_peer_of_another_tenant_are_refused(
    house: Cast, rules_page: tuple[Client, str, Policy]
) -> None:
    client, url, _policy = rules_page
    net = create_network(actor=SYSTEM, tenant=house.green, name="theirs", subnet4="20.1.1.0/24")
    answer = client.post(url, table({"action": "deny", "priority": 9}, {"protocol": "tcp", "ports": "80"}))
    assert "action" in answer.context["table"].forms[1].errors
    answer = client.post(url, table({"peer": f"network:{net.pk}"}))
    assert list(answer.context["table"].forms[0].errors) == ["peer"]


def test_the_table_of_rules_needs_no_script_to_show_what_counts(rules_page: tuple[Client, str, Policy]) -> None:
    page = rules_page[0].get(rules_page[1]).content.decode()
    assert 'value="5432"' in page
    assert f'value="group:{EndpointGroup.objects.get(name="web").pk}" selected' in page


def test_a_refusal_stands_beside_the_object(house: Cast) -> None:
    node = Node.objects.create(name="n1", vtep="192.0.2.1")
    SpecSection.objects.create(node=node, tenant=house.blue, generation=5, refused="no such device")
    policy = Policy.objects.get(name="db-policy")
    client = signed_in(house.alice)
    assert (
        "Node n1 refuses it: no such device" in client.get(reverse("policy.detail", args=[policy.pk])).content.decode()
    )
    assert "refused" in client.get(reverse("policy.list")).content.decode()


def test_explain_names_the_rule_that_decides(house: Cast) -> None:
    client = signed_in(house.bob)
    create_endpoint(
        actor=SYSTEM,
        tenant=house.blue,
        name="db-1",
        network=Network.objects.get(name="net"),
        group=EndpointGroup.objects.get(name="db"),
    )
    deny = Rule.objects.get(priority=1)
    ask = reverse("explain") + "?source=web-1&destination=db-1&protocol=tcp&port="
    assert ">Allowed<" in client.get(f"{ask}5432").content.decode()
    page = client.get(f"{ask}80").content.decode()
    assert ">Denied<" in page
    assert f"Rule {deny.pk} says deny" in page
    assert reverse("policy.detail", args=[deny.policy_id]) in page
    unknown = client.get(reverse("explain") + "?source=web-1&destination=nobody&protocol=tcp&port=80")
    assert list(unknown.context["form"].errors) == ["destination"]


def test_a_profile_shows_the_burst_that_the_rate_decides(house: Cast) -> None:
    row = create_profile(actor=SYSTEM, tenant=house.blue, name="p", rate_bps=10**9)
    assert "by the rate" in signed_in(house.bob).get(reverse("profile.detail", args=[row.pk])).content.decode()
