from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ipam
from core.ipam import AddressError, Span
from core.tests.cases import repeatable

small4 = st.builds(
    lambda host, length: str(ip_network((host, length), strict=False)), st.integers(0, 2**32 - 1), st.integers(26, 32)
)
small6 = st.builds(
    lambda host, length: str(ip_network((host + 2**32, length), strict=False)),
    st.integers(0, 2**100),
    st.integers(122, 128),
)
small = small4 | small6


def usable_hosts(subnet: str) -> list[str]:
    """Host after host, as the textbook says: without network and broadcast address, or the subnet-router anycast."""
    net = ip_network(subnet)
    hosts = [net[index] for index in range(net.num_addresses)]
    if net.num_addresses > 2:
        hosts = hosts[1:-1] if net.version == 4 else hosts[1:]
    return [str(host) for host in hosts]


def test_canonical_forms() -> None:
    assert ipam.address(" 20.1.1.2 ") == "20.1.1.2"
    assert ipam.address("FD00:0:0::2") == "fd00::2"
    assert ipam.prefix("20.1.1.0/255.255.255.0") == "20.1.1.0/24"
    assert ipam.prefix("FD00:20:1:0::/64") == "fd00:20:1::/64"


def test_bits_after_the_prefix_are_refused_with_the_prefix_that_was_meant() -> None:
    with pytest.raises(AddressError, match=r"“20\.1\.1\.5/24” has bits set after the prefix\. Write 20\.1\.1\.0/24\."):
        ipam.prefix("20.1.1.5/24")
    with pytest.raises(AddressError, match=r"Write fd00::/64\."):
        ipam.prefix("fd00::1/64")


@pytest.mark.parametrize(
    "text", ["", "20.1.1", "20.1.1.0/33", "20.1.1.0", "20.1.1.0/-1", "fd00::/129", "x/8", "fe80::%1/64", "/"]
)
def test_what_is_no_prefix_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(AddressError, match=r"is no prefix\. Write an address and a length such as"):
        ipam.prefix(text)


@pytest.mark.parametrize("text", ["", "20.1.1.256", "20.1.1.01", "20.1.1.1/24", "fe80::1%eth0", "web", "٢.1.1.1"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(AddressError, match=r"is no address\. Write one such as"):
        ipam.address(text)


def test_the_wrong_family_is_refused() -> None:
    with pytest.raises(AddressError, match=r"is an IPv6 prefix\. Write an IPv4 one such as 20\.1\.1\.0/24"):
        ipam.prefix("fd00::/64", 4)
    with pytest.raises(AddressError, match=r"is an IPv4 address\. Write an IPv6 one such as"):
        ipam.address("20.1.1.2", 6)


@pytest.mark.parametrize("text", ["20.1.1.1/32", "20.0.0.0/7", "fd00::/128", "fc00::/8"])
def test_a_subnet_is_neither_too_small_nor_too_large(text: str) -> None:
    with pytest.raises(AddressError, match="A subnet of IPv"):
        ipam.subnet(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("127.0.0.0/16", "loopback"),
        ("224.1.0.0/16", "multicast"),
        ("0.0.0.0/8", "unspecified"),
        ("169.254.1.0/24", "link-local"),
        ("fe80::/64", "link-local"),
        ("ff02::/64", "multicast"),
        ("::ffff:0:0/96", "mapped"),
        ("::/64", "unspecified"),
    ],
)
def test_a_subnet_is_of_ordinary_unicast(text: str, what: str) -> None:
    with pytest.raises(AddressError, match=f"lies in the {what}.* range"):
        ipam.subnet(text)


def test_good_subnets_are_taken() -> None:
    assert [ipam.subnet(text) for text in ("10.0.0.0/8", "20.1.1.4/31", "fd00::/16", "2001:db8::/127")] == [
        "10.0.0.0/8",
        "20.1.1.4/31",
        "fd00::/16",
        "2001:db8::/127",
    ]


@repeatable
@given(small)
def test_the_usable_range_is_what_counting_hosts_gives(subnet: str) -> None:
    room, hosts = ipam.usable(subnet), usable_hosts(subnet)
    assert (room.first, room.last) == (int(ip_address(hosts[0])), int(ip_address(hosts[-1])))
    assert room.last - room.first + 1 == len(hosts)


@repeatable
@given(small, st.data())
def test_a_host_is_taken_exactly_when_it_is_usable(subnet: str, data: st.DataObject) -> None:
    net = ip_network(subnet)
    near = st.integers(int(net.network_address) - 3, int(net.broadcast_address) + 3).filter(
        lambda n: 0 <= n < 2**net.max_prefixlen
    )
    text = str(type(net.network_address)(data.draw(near)))
    try:
        taken = ipam.host(subnet, text) == text
    except AddressError:
        taken = False
    assert taken == (text in usable_hosts(subnet))


def test_a_gateway_outside_is_refused_with_the_range_to_choose_from() -> None:
    with pytest.raises(
        AddressError,
        match=r"The gateway 20\.1\.2\.1 is outside 20\.1\.1\.0/24\. Choose one from 20\.1\.1\.1 to 20\.1\.1\.254\.",
    ):
        ipam.host("20.1.1.0/24", "20.1.2.1", "gateway")
    with pytest.raises(AddressError, match="is the subnet's own address or its broadcast"):
        ipam.host("20.1.1.0/24", "20.1.1.255")
    with pytest.raises(AddressError, match="is an IPv6 address"):
        ipam.host("20.1.1.0/24", "fd00::1")


@repeatable
@given(small, small)
def test_overlap_and_containment_are_those_of_the_sets_of_addresses(one: str, other: str) -> None:
    first, second = ip_network(one), ip_network(other)
    same = first.version == second.version
    assert ipam.overlaps(one, other) == (same and first.overlaps(second))
    assert ipam.contains(one, str(second[0])) == (same and second[0] in first)


def test_overlap_is_seen_whichever_contains_the_other() -> None:
    assert ipam.overlaps("10.0.0.0/8", "10.1.0.0/16") and ipam.overlaps("10.1.0.0/16", "10.0.0.0/8")
    assert ipam.overlaps("10.0.0.250-10.0.1.5", "10.0.1.0/24")
    assert not ipam.overlaps("10.0.0.0/24", "10.0.1.0/24")
    assert not ipam.overlaps("0.0.0.0/0", "::/0")


def test_the_broadcast_address() -> None:
    assert ipam.broadcast("20.1.1.0/28") == "20.1.1.15"
    assert ipam.broadcast("20.1.1.0/31") is None
    assert ipam.broadcast("fd00::/64") is None


def test_numbers_are_described_in_runs() -> None:
    assert ipam.describe([6, 1, 2, 3, 4, 2]) == "1-4, 6"
    assert ipam.describe([]) == ""
    assert ipam.describe(range(0, 100, 2), most=3) == "0, 2, 4, …"
    assert ipam.runs([(1, 4), (6, 6), (8, 4094)], most=3) == "1-4, 6, 8-4094"
    assert ipam.runs([(1, 4), (6, 6), (8, 4094)], most=1) == "1-4, …"
    assert ipam.runs([], most=1) == ""


@repeatable
@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([4, 6]))
def test_a_span_is_written_so_that_it_reads_back(one: int, two: int, version: int) -> None:
    span = Span(version, min(one, two), max(one, two))
    if version == 4 or span.first > 255:
        assert ipam.span(str(span)) == span
    prefixes = [str(net) for net in networks_of(span)]
    assert (str(span) in prefixes) == (len(prefixes) == 1)


def networks_of(span: Span) -> list[object]:
    kind = IPv4Address if span.version == 4 else IPv6Address
    return list(summarize_address_range(kind(span.first), kind(span.last)))


@repeatable
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), max_size=12))
def test_merging_keeps_the_addresses_and_leaves_no_overlap(given_spans: list[tuple[int, int]]) -> None:
    spans = [Span(4, first, first + length) for first, length in given_spans]
    merged = ipam.merge(spans)
    assert {n for s in merged for n in range(s.first, s.last + 1)} == {
        n for s in spans for n in range(s.first, s.last + 1)
    }
    assert all(one.last < other.first for one, other in pairwise(merged))


def test_a_range_that_runs_backwards_is_refused_with_the_right_one() -> None:
    for half in ("20.1.1.9-", " -20.1.1.9", "-"):
        with pytest.raises(AddressError, match=f"“{half.strip()}” is no range"):
            ipam.span(half)
    with pytest.raises(AddressError, match=r"runs backwards; write 20\.1\.1\.2-20\.1\.1\.9\."):
        ipam.span("20.1.1.9-20.1.1.2")
    with pytest.raises(AddressError, match="is an IPv6 address"):
        ipam.span("20.1.1.9-fd00::1")


def test_the_family_of_anything() -> None:
    assert [ipam.family(text) for text in ("20.1.1.2", "20.1.1.0/24", "fd00::1-fd00::2")] == [4, 4, 6]
