"""What the record's columns are called in Activity."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils.translation import override

from networks.actions import create_network
from policies.actions import add_rule, create_policy
from tenants.change import SYSTEM
from tenants.columns import OTHERS, called
from tenants.models import AuditEntry
from tenants.record import described
from tenants.testing import Cast, people

__all__ = ["people"]


@pytest.fixture(autouse=True)
def _screens() -> None:
    """They are declared with the addresses of their pages, which Django reads when one is asked for."""
    reverse("overview")


def titles(verb: str) -> dict[str, str]:
    entry: Any = described(AuditEntry.objects.filter(verb=verb)[:1])[0]
    return {str(title): str(line.after) for title, line in entry.lines}


def test_columns_are_called_as_the_form_calls_them(people: Cast) -> None:
    create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="10.1.0.0/24")
    assert titles("network.create").items() >= {"Name": "net", "IPv4 subnet": "10.1.0.0/24"}.items()
    with override("zh-hans"):
        assert "IPv4 subnet" not in titles("network.create")


def test_a_rule_names_its_peer_once_and_in_words(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, peer="address", peer_addresses="10.0.0.0/8")
    said = titles("rule.create")
    assert (said["Peer"], said["Policy"]) == ("10.0.0.0/8", "p")
    assert [title for title in said if "peer" in title.lower()] == ["Peer"]


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_no_form_names_has_words_in_every_language(name: str) -> None:
    with override("en"):
        english = str(OTHERS[name])
    with override("zh-hans"):
        assert name == "mac" or str(OTHERS[name]) != english


def test_a_column_without_words_and_a_kind_without_a_page_keep_their_names() -> None:
    assert "fingerprint" not in called("nodecertificate")
    assert called("no such kind").keys() == OTHERS.keys()
