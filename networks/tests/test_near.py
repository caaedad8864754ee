"""The networks an index finds for a subnet are all that overlap it, as comparing each with each finds them."""

from __future__ import annotations

import random

import pytest

from core import ipam
from networks.addresses import near
from networks.kept import FAMILIES, Family
from networks.models import Network
from tenants.testing import Cast

pytestmark = pytest.mark.django_db
BITS = {4: 32, 6: 128}


def some_subnet(choose: random.Random, family: Family) -> str:
    """Close together, so that one holds the other often enough."""
    bits = BITS[family]
    address = (0x0A000000 << (bits - 32)) + (choose.getrandbits(12) << choose.randrange(bits - 12))
    length = choose.randrange(4, bits)
    return ipam.prefix_around(ipam.text_of(family, address % 2**bits), str(length), family)


@pytest.mark.parametrize("family", FAMILIES)
def test_all_that_overlap_are_near_and_few_others_are(people: Cast, family: Family) -> None:
    choose, field = random.Random(family), f"subnet{family}"
    rows = [Network(tenant=people.blue, name=f"n{n}", tag=n) for n in range(300)]
    for row in rows:
        setattr(row, field, some_subnet(choose, family))
    Network.objects.bulk_create([*rows, Network(tenant=people.green, name="other", tag=999, **{field: "::/0"})])
    met = 0
    for _ in range(40):
        subnet = some_subnet(choose, family)
        found = {row.name for row in near(people.blue, family, subnet)}
        overlapping = {row.name for row in rows if ipam.overlaps(subnet, getattr(row, field))}
        assert overlapping <= found
        met += len(overlapping)
    assert met > 40


def test_what_a_subnet_becomes_is_what_is_looked_for(people: Cast) -> None:
    row = Network.objects.create(tenant=people.blue, name="moved", tag=1, subnet4="10.1.0.0/16", subnet6="fd00::/64")
    row.subnet4, row.subnet6 = "10.2.0.0/16", ""
    row.save()
    assert not near(people.blue, 4, "10.1.0.0/24")
    assert list(near(people.blue, 4, "10.2.7.0/24")) == [row]
    assert not near(people.blue, 6, "fd00::/48")


def test_networks_far_away_are_not_read(people: Cast) -> None:
    rows = [Network(tenant=people.blue, name=f"n{n}", tag=n, subnet4=f"10.{n}.0.0/24") for n in range(200)]
    Network.objects.bulk_create(rows)
    # Those of another length that begin where a prefix around it begins are read in vain.
    assert {row.name for row in near(people.blue, 4, "10.7.0.128/25")} == {"n0", "n4", "n6", "n7"}
