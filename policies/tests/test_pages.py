"""Names of rules and narrowed groups in the table of rules, and what somebody else changed meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from networks.actions import create_group, create_network
from policies.actions import add_rule, create_policy
from policies.models import Policy
from tenants.change import SYSTEM
from tenants.testing import Cast
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


def posted(**fields: Any) -> dict[str, Any]:
    """A table of one new rule."""
    line = {"action": "allow", "direction": "in", "protocol": "tcp", "ports": "80", "priority": "5", "peer": "any"}
    sent = {"rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 0}
    return sent | {f"rules-0-{name}": value for name, value in {**line, **fields}.items()}


def test_a_rule_is_named_and_its_group_narrowed_in_the_table(people: Cast) -> None:
    network = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")
    web = create_group(actor=SYSTEM, tenant=people.blue, name="web", network=network)
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    said = posted(name="from-web", peer=f"group:{web.pk}", peer_addresses="20.1.1.0/28")
    answer = alice.post(page, said)
    assert answer.status_code == 302, answer.context["table"].errors
    rule = Policy.objects.get().rules.get()
    assert (rule.name, rule.peer, rule.peer_addresses) == ("from-web", "group", "20.1.1.0/28")
    shown = alice.get(reverse("policy.detail", args=[policy.pk])).content.decode()
    assert "from-web" in shown
    assert "web, 20.1.1.0/28" in shown
    assert 'value="from-web"' in alice.get(page).content.decode(), "and it keeps its name when the table is edited"


def test_a_rule_is_narrowed_to_own_addresses_and_labelled_in_the_table_and_stays_so(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    answer = alice.post(page, posted(own_addresses="20.1.1.5", labels="tier=web, env=prod"))
    assert answer.status_code == 302, answer.context["table"].errors
    rule = policy.rules.get()
    assert (rule.own_addresses, rule.labels) == ("20.1.1.5/32", {"tier": "web", "env": "prod"})
    table = alice.get(page).content.decode()
    assert 'value="20.1.1.5/32"' in table and 'value="env=prod, tier=web"' in table
    shown = alice.get(reverse("policy.detail", args=[policy.pk])).content.decode()
    assert "20.1.1.5/32" in shown and "tier=web" in shown
    for field in ("own_addresses", "labels"):
        answer = alice.post(page, posted(**{field: "-no-"}))
        assert answer.status_code == 422
        assert list(answer.context["table"].forms[0].errors) == [field]


def test_a_name_that_is_none_is_marked_in_its_row(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    answer = signed_in(people.alice).post(reverse("policy.rules", args=[policy.pk]), posted(name="a_b"))
    assert answer.status_code == 422
    assert list(answer.context["table"].forms[0].errors) == ["name"]
    assert not policy.rules.exists()


def made_from(page: str) -> str:
    """The generation a page of rules says it was made from."""
    found = re.search(r'name="generation" value="(\d+)"', page)
    assert found
    return found[1]


def test_rules_added_since_the_page_was_opened_stay_and_what_was_typed_too(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    opened = made_from(alice.get(page).content.decode())
    theirs = add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="udp")
    sent = posted(name="mine") | {"generation": opened}
    for _ in range(2):
        answer = alice.post(page, sent)
        said = answer.content.decode()
        assert answer.status_code == 422
        assert "Somebody changed these rules meanwhile." in said and f'<a href="{page}">' in said
        assert "Please look at the marked fields" not in said
        assert 'value="mine"' in said
        assert list(policy.rules.all()) == [theirs]
        sent["generation"] = made_from(said)
        assert sent["generation"] == opened, "a second press is refused as well"
    rows = {"rules-TOTAL_FORMS": 2, "rules-1-id": theirs.pk, "rules-1-protocol": "udp", "rules-1-priority": "1"}
    kept = {"rules-1-action": "allow", "rules-1-direction": "in", "rules-1-peer": "any"}
    anew = sent | rows | kept | {"generation": made_from(alice.get(page).content.decode())}
    assert alice.post(page, anew).status_code == 302
    assert {rule.name for rule in policy.rules.all()} == {"mine", ""}


def test_a_table_that_does_not_say_what_it_was_made_from_is_saved_and_one_that_says_nonsense_is_not(
    people: Cast,
) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    answer = alice.post(page, posted() | {"generation": '"><i>'})
    assert answer.status_code == 422
    assert 'name="generation" value="&quot;&gt;&lt;i&gt;"' in answer.content.decode()
    assert alice.post(page, posted()).status_code == 302


def test_a_wrong_table_is_still_of_the_generation_it_was_made_from(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    opened = made_from(alice.get(page).content.decode())
    answer = alice.post(page, posted(name="a_b") | {"generation": opened})
    said = answer.content.decode()
    assert (answer.status_code, made_from(said)) == (422, opened)
    assert "Please look at the marked fields" in said and "Somebody changed" not in said
    add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="udp")
    assert alice.post(page, posted() | {"generation": made_from(said)}).status_code == 422
    assert policy.rules.get().protocol == "udp"
