"""What is free, asked of the API: ranges, names, and page after page."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import ipam
from networks import actions, spaces
from networks.allocation import space_of
from networks.models import Endpoint, Network, NumberSpace
from networks.occupancy import MOST_PARTS, allocated_and_available
from networks.tests.made import endpoint, network
from networks.tests.test_ranges import group, reserve
from tenants.change import SYSTEM
from tenants.testing import Cast, client_of, codes


def asked(people: Cast, net: Network, query: str = "") -> Any:
    answer = client_of(people.bob).get(f"/api/v2/networks/{net.pk}/addresses/{query}")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def told(family: Any) -> list[tuple[str, str, str, str, int]]:
    return [(r["first"], r["last"], r["state"], r["what"], r["count"]) for r in family["ranges"]]


def test_it_tells_in_ranges_what_is_free_and_who_has_the_rest(people: Cast) -> None:
    net = network(people.blue, subnet4="20.1.1.0/24", gateway4="20.1.1.254", subnet6="fd00::/64", gateway6="fd00::1")
    rows = [endpoint(net, name) for name in ("a", "b", "c", "d", "e")]
    actions.delete_endpoint(actor=SYSTEM, row=rows[3])
    reserve(net, "20.1.1.100-20.1.1.109", "printers")
    group(net, pool4="20.1.1.200-20.1.1.209")
    found = asked(people, net)
    assert told(found["ip4"]) == [
        ("20.1.1.1", "20.1.1.3", "endpoint", "", 3),
        ("20.1.1.4", "20.1.1.4", "free", "", 1),
        ("20.1.1.5", "20.1.1.5", "endpoint", "e", 1),
        ("20.1.1.6", "20.1.1.99", "free", "", 94),
        ("20.1.1.100", "20.1.1.109", "reserved", "printers", 10),
        ("20.1.1.110", "20.1.1.199", "free", "", 90),
        ("20.1.1.200", "20.1.1.209", "pool", "web", 10),
        ("20.1.1.210", "20.1.1.253", "free", "", 44),
        ("20.1.1.254", "20.1.1.254", "gateway", "", 1),
    ]
    six, last6 = found["ip6"], "fd00::ffff:ffff:ffff:ffff"
    assert told(six)[:2] == [("fd00::1", "fd00::1", "gateway", "", 1), ("fd00::2", "fd00::4", "endpoint", "", 3)]
    assert told(six)[-1] == ("fd00::7", last6, "free", "", 2**64 - 7)
    ip4 = found["ip4"]
    assert (ip4["subnet"], ip4["first"], ip4["last"]) == ("20.1.1.0/24", "20.1.1.1", "20.1.1.254")
    assert (ip4["free"], ip4["in_use"], ip4["next"]) == (254 - 1 - 10 - 4, 4, "")
    assert (six["free"], six["in_use"]) == (2**64 - 2 - 4, 4)


def test_a_gateway_outside_the_range_is_told_beside_it(people: Cast) -> None:
    net = network(people.blue, subnet4="20.1.1.10-20.1.1.12/24")
    found = asked(people, net)
    assert told(found["ip4"]) == [
        ("20.1.1.10", "20.1.1.12", "free", "", 3),
        ("20.1.1.254", "20.1.1.254", "gateway", "", 1),
    ]
    assert (found["ip4"]["free"], found["ip4"]["routed"], found["ip6"]) == (3, True, None)
    second = network(people.blue, "second", subnet4="20.1.1.20-20.1.1.22/24")
    assert asked(people, second)["ip4"]["routed"] is False


def test_it_tells_the_same_of_a_network_nobody_counted_yet_and_counts_nothing(people: Cast) -> None:
    net = network(people.blue, subnet6="fd00::/64")
    endpoint(net)
    reserve(net, "20.1.1.7")
    before = asked(people, net)
    NumberSpace.objects.all().delete()
    assert asked(people, net) == before
    assert not NumberSpace.objects.exists()


def test_many_ranges_come_page_after_page_in_as_many_queries(people: Cast) -> None:
    net = network(people.blue, subnet4="20.0.0.0/16", gateway4="")
    endpoint(net)
    with CaptureQueriesContext(connection) as few:
        asked(people, net)
    base = ipam.number("20.0.0.1")
    for n in range(3, 1203, 3):
        Endpoint.objects.create(
            tenant=people.blue, network=net, name=f"e{n}", mac=f"02:03:{n:08x}", ip4=ipam.text_of(4, base + n)
        )
        spaces.take(space_of(net, 4), (base + n, base + n))
    with CaptureQueriesContext(connection) as many:
        first = asked(people, net)["ip4"]
    assert len(first["ranges"]) == MOST_PARTS
    assert len(many) == len(few)
    second = asked(people, net, f"?from={first['next']}")["ip4"]
    both = [*told(first), *told(second)]
    assert (second["next"], second["free"]) == ("", 65534 - 401)
    assert sum(count for *_, count in both) == 65534
    assert [r[2:4] for r in both[:4]] == [("endpoint", "e1"), ("free", ""), ("endpoint", "e3"), ("free", "")]
    assert [ipam.number(r[0]) for r in both] == sorted(ipam.number(r[0]) for r in both)


def test_it_begins_with_the_range_an_address_lies_in(people: Cast) -> None:
    net = network(people.blue, subnet6="fd00::/64")
    reserve(net, "20.1.1.100-20.1.1.109", "printers")
    found = asked(people, net, "?from=20.1.1.105")
    assert told(found["ip4"])[0] == ("20.1.1.100", "20.1.1.109", "reserved", "printers", 10)
    assert told(found["ip6"])[0][0] == "fd00::1", "the other family is told from its begin"
    answer = client_of(people.alice).get(f"/api/v2/networks/{net.pk}/addresses/?from=x")
    assert (answer.status_code, codes(answer)) == (400, {"from": "address"})


def test_contivs_lists_of_a_network_and_of_a_pool(people: Cast) -> None:
    net = network(people.blue, subnet6="fd00::/64")
    pooled, plain = group(net, pool4="20.1.1.10-20.1.1.20"), group(net, "plain")
    for name, ip4, of in (("a", "20.1.1.1", None), ("b", "20.1.1.5", None), ("c", None, pooled)):
        endpoint(net, name, ip4=ip4, group=of)
    assert allocated_and_available(net, 4) == (
        ["20.1.1.1", "20.1.1.5", "20.1.1.10-20.1.1.20", "20.1.1.254"],
        ["20.1.1.2-20.1.1.4", "20.1.1.6-20.1.1.9", "20.1.1.21-20.1.1.253"],
    )
    assert allocated_and_available(net, 4, pooled) == (["20.1.1.10"], ["20.1.1.11-20.1.1.20"])
    assert allocated_and_available(net, 4, plain) == allocated_and_available(net, 6, pooled) == ([], [])
    assert allocated_and_available(net, 6)[0] == ["fd00::1-fd00::3"]
    ranged = network(people.green, subnet4="20.1.1.10-20.1.1.20/24")
    assert allocated_and_available(ranged, 4) == ([], ["20.1.1.10-20.1.1.20"])
    assert allocated_and_available(ranged, 6) == ([], [])
