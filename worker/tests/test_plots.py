from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from networks.actions import create_network
from tenants.change import SYSTEM
from tenants.models import Tenant
from tenants.testing import Cast, people
from worker.models import TrafficSample
from worker.plots import MOST_LINES, lines

__all__ = ["people"]


def sample(tenant: Tenant, seconds_ago: float, bps: dict[str, int] | None = None, denied: int = 0) -> TrafficSample:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    return TrafficSample.objects.create(tenant=tenant, at=at, network_bps=bps or {}, denied_total=denied)


def ask(person: Any, name: str, query: str = "") -> Any:
    client = Client()
    client.force_login(person)
    return client.get(reverse(name) + query).json()


def test_throughput_has_a_line_per_network_by_name(people: Cast) -> None:
    net = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")
    for ago in (30, 20, 10):
        sample(people.blue, ago, {str(net.pk): ago * 100})
    sample(people.green, 10, {"999": 5})
    found = ask(people.alice, "plot.throughput")
    assert found["series"] == [{"name": "net", "values": [3000, 2000, 1000]}]
    assert found["times"] == sorted(found["times"])
    both = ask(people.root, "plot.throughput")
    assert {one["name"] for one in both["series"]} == {"blue · net", "999"}


def test_a_page_that_asks_for_what_is_new_gets_only_that(people: Cast) -> None:
    for ago in (30, 20, 10):
        sample(people.blue, ago, {"1": ago})
    first = ask(people.alice, "plot.throughput")
    assert ask(people.alice, "plot.throughput", f"?since={first['times'][-1]}")["times"] == []
    assert ask(people.alice, "plot.throughput", f"?since={first['times'][0]}")["times"] == first["times"][1:]
    for nonsense in ("x", "nan", "1e999", "-1e18"):
        assert ask(people.alice, "plot.throughput", f"?since={nonsense}") == first


def test_denied_is_how_much_the_total_grew_in_a_minute(people: Cast) -> None:
    for ago, total in ((12, 100), (9, 100), (6, 110), (3, 0)):
        sample(people.blue, ago, denied=total)
    found = ask(people.alice, "plot.denied")
    assert found["series"][0]["name"] == "blue"
    assert found["series"][0]["values"] == [0, pytest.approx(200, rel=0.01), 0]
    later = ask(people.alice, "plot.denied", f"?since={found['times'][0]}")
    assert later["series"][0]["values"] == found["series"][0]["values"][1:]


def test_the_least_of_many_lines_are_drawn_as_one() -> None:
    found = lines({1.0: {f"net-{n}": float(n) for n in range(12)}})
    names = [one["name"] for one in found["series"]]
    assert len(names) == MOST_LINES + 1
    assert names[-1] == "…"
    assert found["series"][-1]["values"] == [sum(range(12 - MOST_LINES))]
