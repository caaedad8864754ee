"""Rules about what is not there: they match nothing, whatever is done around them, until they are told otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from core.model import Peer
from networks.actions import create_endpoint, create_group, create_network, delete_group, delete_network
from networks.models import Endpoint, EndpointGroup, Network
from policies.actions import add_rule, create_policy, lose_peer, replace_rules, update_policy, update_rule
from policies.explain import explain
from policies.models import Policy, Rule
from policies.rules import as_value
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast, client_of, codes
from tenants.undo import take_back
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


@pytest.fixture
def blue(people: Cast) -> Tenant:
    """Blue denies by default; a policy on no group lets tcp 80 of the group web in."""
    Tenant.objects.filter(pk=people.blue.pk).update(default_verdict="deny")
    network = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")
    for name in ("web", "db"):
        group = create_group(actor=SYSTEM, tenant=people.blue, name=name, network=network)
        create_endpoint(actor=SYSTEM, tenant=people.blue, name=f"{name}-1", network=network, group=group)
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    add(policy, peer="group", peer_group=group_named("web"), protocol="tcp", ports="80")
    add(policy, direction="out", name="out")
    return people.blue


def group_named(name: str) -> EndpointGroup:
    return EndpointGroup.objects.get(name=name)


def add(policy: Policy, **fields: Any) -> Rule:
    return add_rule(actor=SYSTEM, tenant=policy.tenant, policy=policy, **fields)


def the_rule() -> Rule:
    return Rule.objects.get(name="")


def without_web(blue: Tenant) -> Rule:
    """The rule, after its group is gone."""
    Endpoint.objects.filter(name="web-1").delete()
    lose_peer(actor=SYSTEM, row=the_rule())
    delete_group(actor=SYSTEM, row=group_named("web"))
    return the_rule()


def passes(blue: Tenant, source: str) -> bool:
    return explain(tenant=blue, source=source, destination="db-1", protocol="tcp", port=80).incoming.action == "allow"


def test_the_name_is_kept_and_matches_nothing_even_when_there_is_such_a_group_again(blue: Tenant) -> None:
    row = without_web(blue)
    assert (row.peer, row.peer_group, row.missing) == ("group", None, {"group": "web"})
    assert as_value(row).peer == Peer("nothing")
    entry = AuditEntry.objects.filter(verb="rule.lose").get()
    assert entry.before and entry.after
    assert (entry.before["peer_name"], entry.after["peer_name"]) == ("web", "web")
    web = create_group(actor=SYSTEM, tenant=blue, name="web", network=Network.objects.get())
    create_endpoint(actor=SYSTEM, tenant=blue, name="web-2", network=Network.objects.get(), group=web)
    update_policy(actor=SYSTEM, row=row.policy, groups=[group_named("db")])
    assert not passes(blue, "web-2")
    assert not passes(blue, "20.9.9.9"), "and it did not become a rule about anybody"
    update_rule(actor=SYSTEM, row=row, peer_group=web)
    assert the_rule().missing == {}
    assert passes(blue, "web-2")


def test_undoing_the_deletion_gives_the_rule_its_group_back(blue: Tenant) -> None:
    without_web(blue)
    take_back(list(AuditEntry.objects.filter(verb__in=["rule.lose", "group.delete"]).order_by("-pk")), SYSTEM)
    assert (the_rule().missing, the_rule().peer_group) == ({}, group_named("web"))
    take_back([AuditEntry.objects.filter(verb="rule.update").latest("pk")], SYSTEM)
    assert (the_rule().missing, the_rule().peer_group) == ({"group": "web"}, None)


def test_a_rule_in_effect_keeps_its_peer(blue: Tenant) -> None:
    update_policy(actor=SYSTEM, row=Policy.objects.get(), groups=[group_named("db")])
    with pytest.raises(Refused, match="names web and is in effect: policy p is on db"):
        lose_peer(actor=SYSTEM, row=the_rule())
    assert the_rule().peer_group == group_named("web")


def test_networks_go_the_same_way(blue: Tenant) -> None:
    other = create_network(actor=SYSTEM, tenant=blue, name="other", subnet4="20.1.2.0/24")
    update_rule(actor=SYSTEM, row=the_rule(), peer="network", peer_network=other)
    lose_peer(actor=SYSTEM, row=the_rule())
    delete_network(actor=SYSTEM, row=other)
    assert the_rule().missing == {"network": "other"}
    assert as_value(the_rule()).peer == Peer("nothing")


@pytest.mark.parametrize("missing", [{"protocol": "300"}, {"port": "-1"}, {"protocol": "999", "port": "-7"}])
def test_what_does_not_exist_matches_nothing(blue: Tenant, missing: dict[str, str]) -> None:
    policy = create_policy(actor=SYSTEM, tenant=blue, name="odd", groups=[group_named("db")])
    row = add(policy, missing=missing, name="odd", idle=True)
    assert as_value(row).peer == Peer("nothing")
    assert not passes(blue, "web-1")
    with pytest.raises(ValidationError) as caught:
        add(policy, missing=missing, name="by-hand")
    assert list(caught.value.error_dict) == ["missing"]


def test_saying_the_same_again_does_not_widen_it(blue: Tenant) -> None:
    row = add(Policy.objects.get(), missing={"protocol": "300"}, name="odd", idle=True)
    update_rule(actor=SYSTEM, row=row, protocol="ANY", ports="", peer="any", description="as it was")
    row.refresh_from_db()
    assert (row.missing, row.description) == ({"protocol": "300"}, "as it was")
    replace_rules(actor=SYSTEM, policy=row.policy, rules=[{"id": row.pk, "protocol": "any", "name": "odd"}])
    row.refresh_from_db()
    assert row.missing == {"protocol": "300"}
    update_rule(actor=SYSTEM, row=row, protocol="udp")
    row.refresh_from_db()
    assert (row.missing, row.protocol) == ({}, "udp")


@pytest.mark.parametrize(
    "fields",
    [
        {"missing": {"colour": "red"}},
        {"missing": {"protocol": ""}},
        {"missing": {"protocol": "300"}, "protocol": "tcp"},
        {"missing": {"port": "-1"}, "protocol": "tcp", "ports": "80"},
        {"missing": {"group": "web"}},
    ],
)
def test_a_rule_cannot_miss_what_it_says(blue: Tenant, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        add(Policy.objects.get(), idle=True, **fields)
    assert list(caught.value.error_dict) == ["missing"]


def test_the_api_says_so_and_makes_none(blue: Tenant, people: Cast) -> None:
    row = without_web(blue)
    client, url = client_of(people.alice), f"/api/v2/rules/{the_rule().pk}/"
    shown = client.get(url).json()
    assert (shown["missing"], shown["without_effect"]) == ({"group": "web"}, "the group web is gone: matches nothing")
    assert client.patch(url, {"description": "kept"}, format="json").json()["missing"] == {"group": "web"}
    line = {key: shown[key] for key in ("id", "peer", "protocol", "ports", "missing")}
    table = client.put(f"/api/v2/policies/{row.policy_id}/rules/", [line], format="json")
    assert [one["missing"] for one in table.json()] == [{"group": "web"}]
    made = client.post(
        "/api/v2/rules/", {"tenant": "blue", "policy": row.policy_id, "missing": {"protocol": "300"}}, format="json"
    )
    assert made.status_code == 400
    assert codes(made) == {"missing": "missing"}
    freed = client.patch(url, {"peer": "any", "missing": {}}, format="json").json()
    assert (freed["missing"], freed["without_effect"]) == ({}, "")


def test_the_pages_say_so_and_the_table_keeps_it(blue: Tenant, people: Cast) -> None:
    row = without_web(blue)
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[row.policy_id])
    shown = alice.get(reverse("policy.detail", args=[row.policy_id])).content.decode()
    assert "the group web is gone: matches nothing" in shown
    asked = alice.get(page).content.decode()
    assert '<option value="missing" selected>the group web is gone: matches nothing</option>' in asked
    line = {"id": row.pk, "action": "allow", "direction": "in", "protocol": "tcp", "ports": "80", "priority": 5}
    sent = {"rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 1} | {f"rules-0-{name}": said for name, said in line.items()}
    assert alice.post(page, {**sent, "rules-0-peer": "missing"}).status_code == 302
    assert (the_rule().missing, the_rule().priority) == ({"group": "web"}, 5)
    assert alice.post(page, {**sent, "rules-0-peer": "any"}).status_code == 302
    assert (the_rule().missing, the_rule().peer) == ({}, "any")
