"""The card "Last changes" of an object: of itself, and of what is changed on its page."""

from __future__ import annotations

from typing import Any

import pytest

from networks.actions import create_network, create_reservation, delete_reservation
from networks.models import Network
from policies.actions import add_rule, create_policy, delete_rule, update_rule
from policies.models import Policy
from tenants.change import SYSTEM
from tenants.screens import LAST_CHANGES
from tenants.testing import Cast, people
from tests.pages import signed_in, unhashed

__all__ = ["people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")
DENY: dict[str, Any] = {"priority": 1, "action": "deny", "name": "all"}


def card(people: Cast, page: str) -> list[Any]:
    """What the card of an object's page shows, as its owner sees it."""
    blocks = signed_in(people.alice).get(page).context["blocks"]
    cards = [each for left, right in blocks for each in (*left, *right) if each.panel and each.panel.key == "history"]
    return [(entry.verb, entry.object_name) for entry in cards[0].content["entries"]]


def policy(people: Cast, name: str) -> Policy:
    made = create_policy(actor=SYSTEM, tenant=people.blue, name=name)
    add_rule(actor=SYSTEM, tenant=people.blue, policy=made, **DENY)
    return made


def test_a_policy_shows_what_was_done_to_its_rules_and_to_no_others(people: Cast) -> None:
    one, other = policy(people, "one"), policy(people, "other")
    rule = one.rules.get()
    update_rule(actor=SYSTEM, row=rule, priority=7)
    shown = card(people, f"/policies/{one.pk}/")
    assert {name.partition("/")[0] for _verb, name in shown} == {"one"}
    assert ("rule.update", "one/all") in shown and ("policy.create", "one") in shown
    delete_rule(actor=SYSTEM, row=one.rules.get())
    assert card(people, f"/policies/{one.pk}/")[0] == ("rule.delete", "one/all")
    assert "rule.delete" not in {verb for verb, _name in card(people, f"/policies/{other.pk}/")}
    assert "one/all" in signed_in(people.alice).get(f"/policies/{one.pk}/").content.decode()


def test_a_network_shows_what_was_done_to_its_reservations(people: Cast) -> None:
    give = {"actor": SYSTEM, "tenant": people.blue}
    nets = [create_network(**give, name=f"net{n}", subnet4=f"20.1.{n}.0/24") for n in (1, 2)]
    row = create_reservation(**give, network=nets[0], addresses="20.1.1.5-20.1.1.9")
    create_reservation(**give, network=nets[1], addresses="20.1.2.5")
    delete_reservation(actor=SYSTEM, row=row)
    shown = card(people, f"/networks/{nets[0].pk}/")
    assert [verb for verb, _name in shown] == ["reservation.delete", "reservation.create", "network.create"]
    assert card(people, f"/networks/{nets[1].pk}/")[0][0] == "reservation.create"
    assert Network.objects.count() == 2


def test_the_card_is_short_and_reads_no_more_however_long_the_record_is(
    people: Cast, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, client = policy(people, "one"), signed_in(people.alice)
    for _ in range(LAST_CHANGES):
        delete_rule(
            actor=SYSTEM,
            row=add_rule(actor=SYSTEM, tenant=people.blue, policy=one, **{**DENY, "priority": 2, "name": "two"}),
        )
    with django_assert_max_num_queries(40):
        client.get(f"/policies/{one.pk}/")
    assert len(card(people, f"/policies/{one.pk}/")) == LAST_CHANGES
    monkeypatch.setattr("tenants.screens.RECENT", 0)
    assert "rule.delete" not in {verb for verb, _name in card(people, f"/policies/{one.pk}/")}
