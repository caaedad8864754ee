from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ipam, ranges
from core.ipam import AddressError, Span
from core.tests.cases import repeatable

BASES = {4: int(ip_address("20.1.1.0")), 6: int(ip_address("fd00::"))}
families = st.sampled_from([4, 6])


@pytest.mark.parametrize(
    ("text", "version", "wanted"),
    [
        ("20.1.1.0/24", 4, ("20.1.1.0/24", "")),
        ("20.1.1.10-20.1.1.50/24", 4, ("20.1.1.0/24", "20.1.1.10-20.1.1.50")),
        (" 20.1.1.10 - 20.1.1.50 / 24 ", 4, None),
        ("20.1.1.1-20.1.1.254/24", 4, ("20.1.1.0/24", "20.1.1.1-20.1.1.254")),
        ("FD00:0::10-fd00::20/64", 6, ("fd00::/64", "fd00::10-fd00::20")),
        ("20.1.1.10-20.1.1.50", 4, None),
        ("20.1.1.50-20.1.1.10/24", 4, None),
        ("20.1.1.10-20.1.2.50/24", 4, None),
        ("20.1.1.0-20.1.1.50/24", 4, None),
        ("20.1.1.10-20/24", 4, None),
        ("20.1.1.10-20.1.1.12/31", 4, None),
        ("20.1.1.10-20.1.1.12/x", 4, None),
        ("20.1.1.10-20.1.1.12/33", 4, None),
        ("20.1.1.10-20.1.1.12/" + "9" * 5000, 4, None),
        ("20.1.1.10-20.1.1.12/²", 4, None),
        ("fd00::1-fd00::2/64", 4, None),
        ("-/24", 4, None),
    ],
)
def test_a_subnet_may_name_its_range(text: str, version: int, wanted: tuple[str, str] | None) -> None:
    if wanted:
        assert ranges.subnet(text, version) == wanted
        return
    with pytest.raises(AddressError, match=r"(Write|write|Choose|A subnet of)"):
        ranges.subnet(text, version)


def test_a_range_is_written_with_both_ends_even_where_it_is_a_prefix_or_one_address() -> None:
    assert ranges.canonical("20.1.1.5", 4) == "20.1.1.5-20.1.1.5"
    assert ranges.canonical("20.1.1.0 - 20.1.1.255", 4) == "20.1.1.0-20.1.1.255"
    assert ranges.brief(ipam.span("20.1.1.5")) == "20.1.1.5"
    for text, version in (("20.1.1.0/24", 4), ("fd00::1", 4), ("20.1.1.1", 6), ("x", 4), ("", 4)):
        with pytest.raises(AddressError):
            ranges.canonical(text, version)


@repeatable
@given(families, st.integers(0, 63), st.integers(0, 63), st.integers(0, 70), st.integers(-2, 70))
def test_a_pool_is_taken_exactly_when_each_of_its_addresses_is_handed_out(
    version: int, low: int, high: int, first: int, more: int
) -> None:
    """Against the twin that looks at each address of a /26 (a /122) by itself."""
    base = BASES[version]
    net = ip_network((base, 26 if version == 4 else 122))
    hosts = [n for n in range(64) if n and (n < 63 or version == 6)]
    range_ = ranges.write(Span(version, base + low, base + high)) if low in hosts and high in hosts else ""
    if range_ and low > high:
        return
    room = [n for n in hosts if low <= n <= high] if range_ else hosts
    wanted = f"{net[0] + first}-{net[0] + first + more}"
    try:
        taken = ranges.pool(str(net), range_, wanted) == wanted
    except AddressError:
        taken = False
    assert taken == (more >= 0 and all(n in room for n in range(first, first + more + 1)))
    asked = str(net[0] + first)
    try:
        handed = ranges.host(str(net), range_, asked) == asked
    except AddressError:
        handed = False
    assert handed == (first in room)


@repeatable
@given(st.lists(st.tuples(st.integers(0, 63), st.integers(26, 32)), max_size=8))
def test_of_prefixes_that_meet_the_first_is_routed(given: list[tuple[int, int]]) -> None:
    nets = [ip_network((BASES[4] + (n >> 32 - length << 32 - length), length)) for n, length in given]
    for at, first in enumerate(ranges.routed(map(str, nets))):
        assert first == (not any(nets[at].overlaps(before) for before in nets[:at]))


def some_subnet(base: int, length: int) -> str:
    return str(ip_network((BASES[4] + base, length), strict=False))


@repeatable
@given(st.integers(0, 63), st.integers(26, 31), st.integers(0, 63), st.integers(26, 31), st.data())
def test_an_address_is_lost_exactly_when_a_network_has_the_broadcast_address_of_another(
    base: int, length: int, other_base: int, other_length: int, data: st.DataObject
) -> None:
    """Against the twin that writes down all addresses of the network."""
    subnet, other = some_subnet(base, length), some_subnet(other_base, other_length)
    hosts = list(ip_network(subnet).hosts())
    ends = sorted(data.draw(st.lists(st.sampled_from(hosts), max_size=2)))
    handed = [host for host in hosts if not ends or ends[0] <= host <= ends[-1]]
    gateway = data.draw(st.none() | st.sampled_from(hosts))
    own = ranges.Own(subnet, str(gateway or ""), f"{ends[0]}-{ends[-1]}" if ends else "")
    last = ip_network(other).broadcast_address
    wanted = str(last) if last in [*handed, gateway] and other_length <= 30 else None
    assert ranges.lost(own, other) == wanted


def test_no_address_of_ipv6_is_lost_and_none_to_another_family() -> None:
    assert ranges.lost(ranges.Own("fd00::/64", "", ""), "fd00::/120") is None
    assert ranges.lost(ranges.Own("::1400:0/104", "", ""), "20.1.1.0/24") is None
