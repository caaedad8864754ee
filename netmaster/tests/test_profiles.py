"""netprofiles: rates and marks as Contiv counts them."""

from __future__ import annotations

from typing import Any

import pytest

from core.bandwidth import format_rate
from netmaster.cards import vain
from netmaster.tests.stage import Contiv
from policies.actions import create_profile
from policies.models import BandwidthProfile
from tenants.change import SYSTEM
from tenants.models import Tenant


@pytest.mark.parametrize(
    ("bandwidth", "rate"),
    [("10mbps", 10 * 1024**2), ("10 Mbps", 10 * 1024**2), ("64k", 64 * 1024), ("1Gb", 1024**3), ("", 0)],
)
def test_a_rate_is_counted_as_contiv_counts_and_read_as_it_was_written(
    contiv: Contiv, bandwidth: str, rate: int
) -> None:
    said = {"tenantName": "blue", "profileName": "np_1", "bandwidth": bandwidth, "DSCP": 46, "burst": 2}
    made = contiv.make("netprofiles", "blue:np_1", **said)
    assert made.get("bandwidth", "") == bandwidth
    row = BandwidthProfile.objects.get()
    assert (row.rate_bps, row.burst_bytes, row.dscp) == (rate, 2000, 46)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"bandwidth": "10"}, "bandwidth string invalid format"),
        ({"bandwidth": "010mbps"}, "bandwidth string invalid format"),
        ({"bandwidth": "10tbps"}, "bandwidth string invalid format"),
        ({"DSCP": 64}, "DSCP Value Out of bound"),
        ({"burst": 10487}, "burst Value Out of bound"),
        ({"burst": 1}, "Invalid Burst size. burst size > 1500 bytes"),
        ({"profileName": "x" * 65}, "profileName string too long"),
        ({"bandwidth": "1" * 64 + "k"}, "bandwidth string too long"),
        ({"tenantName": "nosuch"}, "Tenant not found"),
        ({"tenantName": "no_such"}, "Tenant not found"),
        ({"tenantName": "nosuch", "burst": 1}, "Invalid Burst size. burst size > 1500 bytes"),
    ],
)
def test_profiles_that_cannot_be(contiv: Contiv, fields: dict[str, Any], says: str) -> None:
    said = {"tenantName": "blue", "profileName": "np"} | fields
    assert contiv.refused("netprofiles", f"{said['tenantName']}:{said['profileName']}", **said) == says


def test_a_mark_that_does_not_exist_reads_as_written_and_marks_nothing(contiv: Contiv) -> None:
    assert contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", DSCP=-1)["DSCP"] == -1
    assert contiv.get("netprofiles/blue:np")["DSCP"] == -1
    row = BandwidthProfile.objects.get()
    assert row.dscp is None
    assert vain("netprofiles", row) == ["There is no priority mark (DSCP) -1: packets keep the mark they have."]
    contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", DSCP=9)
    row.refresh_from_db()
    assert (row.dscp, vain("netprofiles", row)) == (9, [])


def test_an_update_replaces_all_of_a_profile(contiv: Contiv) -> None:
    contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", DSCP=9, burst=100, bandwidth="1mbps")
    made = contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np", bandwidth="2mbps")
    assert ("DSCP" in made, made["bandwidth"]) == (False, "2mbps")
    said = {"tenantName": "blue", "profileName": "np", "burst": 1}
    assert contiv.refused("netprofiles", "blue:np", **said) == "Invalid Burst size. burst size must be > 1500 bytes"


def test_a_profile_made_elsewhere_is_shown_in_contivs_units(contiv: Contiv) -> None:
    blue = Tenant.objects.get(name="blue")
    for name, rate in (("a", 10 * 1024**2), ("b", 10_000_000), ("c", 1000)):
        create_profile(actor=SYSTEM, tenant=blue, name=name, rate_bps=rate)
    assert format_rate(10_000_000) == "10 Mbit/s"
    assert [contiv.get(f"netprofiles/blue:{n}")["bandwidth"] for n in "abc"] == ["10mbps", "9765kbps", "1kbps"]
