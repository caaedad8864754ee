"""Explain where policy is not all there is to say: no packet gets to where there is no way."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from networks.actions import create_endpoint, create_network
from tenants.change import SYSTEM
from tenants.testing import Cast, client_of
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")

NOGW = "Network nogw has no gateway of IPv4, so nothing gets across."
OUTSIDE = "8.8.8.8 is in no network of the tenant, and a tenant has no way out, so nothing gets across."


@pytest.fixture
def house(people: Cast) -> Cast:
    """In blue a network with a gateway and one without, an endpoint in each, and two whose prefix is the same."""
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    for name, subnet, gateway in (
        ("app", "10.9.0.0/24", "10.9.0.254"),
        ("nogw", "10.8.0.0/24", ""),
        ("old", "10.7.0.1-10.7.0.9/24", "10.7.0.254"),
        ("new", "10.7.0.20-10.7.0.29/24", "10.7.0.253"),
    ):
        network = create_network(**give, name=name, subnet4=subnet, gateway4=gateway)
        create_endpoint(**give, name=f"{name}-1", network=network)
    return people


def asked(people: Cast, source: str, destination: str) -> tuple[str, str]:
    question = {"tenant": "blue", "source": source, "destination": destination, "protocol": "icmp"}
    answer = client_of(people.bob).post("/api/v2/explain/", question, format="json").json()
    assert {answer["outgoing"]["action"], answer["incoming"]["action"]} == {"allow"}
    return answer["action"], answer["unreachable"]


def test_no_way_is_told_from_no_permission(house: Cast) -> None:
    assert asked(house, "app-1", "old-1") == ("allow", "")
    assert asked(house, "app-1", "nogw-1") == asked(house, "nogw-1", "app-1") == ("deny", NOGW)
    assert asked(house, "app-1", "8.8.8.8") == asked(house, "8.8.8.8", "app-1") == ("deny", OUTSIDE)


def test_of_networks_that_share_a_prefix_the_one_that_is_routed_has_a_way(house: Cast) -> None:
    shared = "Network new shares addresses with old, which is the one of the two that nodes route, "
    assert asked(house, "new-1", "app-1") == ("deny", f"{shared}so nothing gets across.")


@pytest.mark.parametrize(
    ("language", "big", "sentence"),
    [
        ("en", ">Unreachable<", f"Policy lets it, but there is no way. {NOGW}"),
        ("zh-hans", ">不可达<", "策略允许，但没有通路。 网络 nogw 没有 IPv4 网关，因此无法互通。"),
    ],
)
def test_the_page_says_both(house: Cast, language: str, big: str, sentence: str) -> None:
    client = signed_in(house.bob)
    client.cookies["django_language"] = language
    question = {"tenant": "blue", "source": "app-1", "destination": "nogw-1", "protocol": "icmp"}
    page = client.get(reverse("explain"), question).content.decode()
    assert big in page and sentence in page


def test_a_page_about_what_passes_says_nothing_of_ways(house: Cast) -> None:
    question = {"tenant": "blue", "source": "app-1", "destination": "old-1", "protocol": "icmp"}
    page = signed_in(house.bob).get(reverse("explain"), question).content.decode()
    assert ">Allowed<" in page and "no-way" not in page
