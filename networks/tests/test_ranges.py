"""Ranges of networks, pools of groups, reservations: what they keep, for whom, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from networks import actions
from networks.addresses import near
from networks.check import differences
from networks.kept import Family
from networks.models import AddressReservation, EndpointGroup, Network
from networks.snapshot import networks_of
from networks.tests.made import endpoint, network, refusal
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.testing import Cast


def group(net: Network, name: str = "web", **fields: Any) -> EndpointGroup:
    return actions.create_group(actor=SYSTEM, tenant=net.tenant, name=name, network=net, **fields)


def reserve(net: Network, addresses: str, note: str = "") -> AddressReservation:
    give = {"actor": SYSTEM, "tenant": net.tenant, "network": net}
    return actions.create_reservation(**give, addresses=addresses, note=note)


# --- ranges of networks -------------------------------------------------------------------------------------------


def test_a_network_hands_out_its_range_only_and_its_gateway_may_lie_outside(people: Cast) -> None:
    net = network(people.blue, subnet4="20.1.1.10-20.1.1.11/24", subnet6="fd00::/64", range6="fd00::5-fd00::6")
    assert (net.subnet4, net.range4, net.gateway4) == ("20.1.1.0/24", "20.1.1.10-20.1.1.11", "20.1.1.254")
    made = [endpoint(net, name) for name in ("a", "b")]
    assert [(e.ip4, e.ip6) for e in made] == [("20.1.1.10", "fd00::5"), ("20.1.1.11", "fd00::6")]
    assert refusal(actions.create_endpoint, tenant=people.blue, name="c", network=net)["ip4"][0] == "full"
    found = refusal(actions.create_endpoint, tenant=people.blue, name="c", network=net, ip4="20.1.1.12")
    assert found["ip4"] == (
        "outside",
        "The address 20.1.1.12 is outside 20.1.1.10-20.1.1.11. Choose one in that range.",
    )


def test_kind_and_label_are_kept(people: Cast) -> None:
    net = network(people.blue, kind="infra", label="rack-1")
    assert (net.kind, net.label) == ("infra", "rack-1")
    changed = actions.update_network(actor=SYSTEM, row=net, label="")
    assert (changed.kind, changed.label) == ("infra", "")
    assert refusal(actions.update_network, row=net, kind="other")["kind"][0] == "invalid_choice"
    assert refusal(actions.update_network, row=net, label="no blanks")["label"][0] == "name"


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"subnet4": "20.1.1.15-20.1.1.25/24"}, "subnet4", "overlap"),
        ({"subnet4": "20.1.1.0/24"}, "subnet4", "overlap"),
        ({"subnet4": "20.1.1.200-20.1.1.254/24"}, "subnet4", "overlap"),
        ({"subnet4": "20.1.1.30-20.1.1.40/24", "gateway4": "20.1.1.12"}, "gateway4", "overlap"),
        ({"subnet4": "20.1.1.30-20.1.2.40/24"}, "subnet4", "prefix"),
        ({"subnet4": "20.1.9.0/24", "range4": "20.1.8.1-20.1.8.2"}, "range4", "range"),
        ({"subnet4": "20.1.9.0/24", "range4": "x"}, "range4", "range"),
        ({"subnet4": "", "subnet6": "fd00::/64", "range4": "20.1.8.1-20.1.8.2"}, "range4", "outside"),
    ],
)
def test_it_refuses_ranges_that_cannot_be(people: Cast, fields: dict[str, Any], field: str, code: str) -> None:
    network(people.blue, "first", subnet4="20.1.1.10-20.1.1.20/24")
    found = refusal(actions.create_network, tenant=people.blue, name="second", **fields)
    assert {name: said[0] for name, said in found.items()} == {field: code}


@pytest.mark.parametrize(
    ("fields", "field", "part"),
    [
        ({"subnet4": "20.1.1.101-20.1.1.200/24"}, "subnet4", "20.1.1.127 is the broadcast address of network first"),
        (
            {"subnet4": "20.1.1.130-20.1.1.200/24", "gateway4": "20.1.1.127"},
            "gateway4",
            "20.1.1.127 is the broadcast address of network first",
        ),
        ({"subnet4": "20.1.1.1-20.1.1.9/26"}, "subnet4", "20.1.1.63, the broadcast address of 20.1.1.0/26, is"),
        ({"subnet4": "20.1.1.1-20.1.1.9/28"}, "subnet4", "20.1.1.15, the broadcast address of 20.1.1.0/28, is"),
        ({"subnet4": "20.1.1.126/31"}, "subnet4", "20.1.1.127 is the broadcast address of network first"),
    ],
)
def test_no_network_has_the_broadcast_address_of_another(
    people: Cast, fields: dict[str, Any], field: str, part: str
) -> None:
    network(people.blue, "first", subnet4="20.1.1.16-20.1.1.100/25", gateway4="20.1.1.15")
    found = refusal(actions.create_network, tenant=people.blue, name="second", **fields)
    assert {name: said[0] for name, said in found.items()} == {field: "overlap"}
    assert part in found[field][1]


def test_a_network_in_another_keeps_clear_of_broadcast_addresses_and_one_that_did_not_can_be_renamed(
    people: Cast,
) -> None:
    network(people.blue, "inner", subnet4="20.1.1.1-20.1.1.100/25", gateway4="")
    outer = network(people.blue, "outer", subnet4="20.1.1.128-20.1.1.200/24")
    network(people.green, subnet4="20.1.1.101-20.1.1.200/24")
    wider = "20.1.1.127-20.1.1.200"
    found = refusal(actions.update_network, row=outer, range4=wider)
    assert found["subnet4"] == (
        "overlap",
        "20.1.1.127 is the broadcast address of network inner of this tenant, 20.1.1.0/25: nothing sent to it arrives. "
        "Choose addresses beside it.",
    )
    Network.objects.filter(pk=outer.pk).update(range4=wider)
    assert actions.update_network(actor=SYSTEM, row=outer, name="renamed").range4 == wider


def test_networks_may_share_a_prefix_and_the_oldest_with_a_gateway_is_routed(people: Cast) -> None:
    names = ("plain", "first", "second", "beside")
    network(people.blue, "plain", subnet4="20.1.1.1-20.1.1.9/24", gateway4="")
    network(people.blue, "first", subnet4="20.1.1.10-20.1.1.20/24")
    network(people.blue, "second", subnet4="20.1.1.21-20.1.1.30/24")
    network(
        people.blue, "beside", subnet4="20.1.2.0/24", gateway4="20.1.2.254", subnet6="fd00::/64", gateway6="fd00::1"
    )
    network(people.green, "theirs")
    values = {value.name: (value.gateway4, value.gateway6) for value in networks_of(people.blue.pk)}
    assert values == dict(
        zip(names, [(None, None), ("20.1.1.254", None), (None, None), ("20.1.2.254", "fd00::1")], strict=True)
    )
    actions.delete_network(actor=SYSTEM, row=Network.objects.get(name="first"))
    assert [value.gateway4 for value in networks_of(people.blue.pk)] == [None, "20.1.1.254", "20.1.2.254"]


def test_a_range_stays_under_endpoints_pools_and_reservations(people: Cast) -> None:
    net = network(people.blue)
    kept = reserve(net, "20.1.1.5")
    fixed = {"row": net, "range4": "20.1.1.1-20.1.1.99"}
    assert "20.1.1.5-20.1.1.5 is reserved" in refusal(actions.update_network, **fixed)["range4"][1]
    actions.delete_reservation(actor=SYSTEM, row=kept)
    pooled = group(net, pool4="20.1.1.10-20.1.1.20")
    assert "group web has the pool" in refusal(actions.update_network, **fixed)["range4"][1]
    actions.update_group(actor=SYSTEM, row=pooled, pool4="")
    made = endpoint(net)
    assert "1 endpoints" in refusal(actions.update_network, **fixed)["range4"][1]
    actions.delete_endpoint(actor=SYSTEM, row=made)
    assert actions.update_network(actor=SYSTEM, **fixed).range4 == "20.1.1.1-20.1.1.99"
    assert actions.update_network(actor=SYSTEM, row=net, range4="").range4 == ""


# --- pools --------------------------------------------------------------------------------------------------------


def test_a_group_with_a_pool_draws_from_it_alone_and_others_from_what_is_left(people: Cast) -> None:
    net = network(people.blue, subnet4="20.1.1.0/28", gateway4="20.1.1.1", subnet6="fd00::/64")
    pooled = group(net, pool4="20.1.1.3-20.1.1.4", pool6="fd00::1", label="tag")
    assert (pooled.pool4, pooled.pool6, pooled.label) == ("20.1.1.3-20.1.1.4", "fd00::1-fd00::1", "tag")
    others = [endpoint(net, name) for name in ("a", "b", "c")]
    assert [e.ip4 for e in others] == ["20.1.1.2", "20.1.1.5", "20.1.1.6"]
    assert endpoint(net, "p", group=pooled).ip4 == "20.1.1.3"
    full = refusal(actions.create_endpoint, tenant=people.blue, name="q", network=net, group=pooled)
    assert full == {"ip6": ("full", "The pool fd00::1-fd00::1 of group web is full: no address of it is free.")}


def test_addresses_of_a_pool_are_its_groups_and_no_others(people: Cast) -> None:
    net = network(people.blue)
    pooled, plain = group(net, pool4="20.1.1.10-20.1.1.20"), group(net, "plain")
    give = {"tenant": people.blue, "name": "x", "network": net}
    for asked, of in (("20.1.1.15", None), ("20.1.1.15", plain), ("20.1.1.9", pooled)):
        assert refusal(actions.create_endpoint, **give, ip4=asked, group=of)["ip4"][0] == "pool"
    inside, outside = endpoint(net, "in", group=pooled, ip4="20.1.1.15"), endpoint(net, "out")
    assert refusal(actions.update_endpoint, row=outside, group=pooled)["group"][0] == "pool"
    assert refusal(actions.update_endpoint, row=inside, group=plain)["group"][0] == "pool"
    assert actions.update_endpoint(actor=SYSTEM, row=inside, group=pooled, name="same").name == "same"


@pytest.mark.parametrize(
    ("pool", "code", "part"),
    [
        ("20.1.1.0-20.1.1.20", "range", "not wholly inside"),
        ("20.1.1.254-20.1.1.255", "range", "not wholly inside"),
        ("20.1.2.1-20.1.2.9", "range", "not wholly inside"),
        ("20.1.1.30-20.1.1.25", "range", "runs backwards"),
        ("20.1.1.32/28", "range", "no range"),
        ("20.1.1.30-40", "range", "no address"),
        ("20.1.1.250-20.1.1.254", "taken", "gateway"),
        ("20.1.1.15-20.1.1.25", "overlap", "pool of group first"),
        ("20.1.1.1-20.1.1.3", "taken", "Endpoint e1 has 20.1.1.1"),
        ("20.1.1.40-20.1.1.60", "reserved", "20.1.1.50-20.1.1.50 (router)"),
        ("fd00::1", "range", "IPv6"),
    ],
)
def test_it_refuses_a_pool_that_cannot_be(people: Cast, pool: str, code: str, part: str) -> None:
    net = network(people.blue)
    group(net, "first", pool4="20.1.1.10-20.1.1.20")
    endpoint(net)
    reserve(net, "20.1.1.50", "router")
    found = refusal(actions.create_group, tenant=people.blue, name="second", network=net, pool4=pool)
    assert set(found) == {"pool4"}
    assert (found["pool4"][0], part in found["pool4"][1]) == (code, True)


def test_it_refuses_a_pool_of_a_family_the_network_has_not(people: Cast) -> None:
    found = refusal(actions.create_group, tenant=people.blue, name="g", network=network(people.blue), pool6="fd00::1")
    assert found["pool6"] == ("outside", "Network net has no IPv6 subnet.")


def test_a_pool_grows_around_what_its_group_has_and_goes_with_its_group(people: Cast) -> None:
    net = network(people.blue)
    pooled = group(net, pool4="20.1.1.10-20.1.1.11")
    assert endpoint(net, "a", group=pooled).ip4 == "20.1.1.10"
    grown = actions.update_group(actor=SYSTEM, row=pooled, pool4="20.1.1.9-20.1.1.30", name="renamed")
    assert endpoint(net, "b", group=grown).ip4 == "20.1.1.9"
    assert refusal(actions.update_network, row=net, gateway4="20.1.1.30")["gateway4"][0] == "taken"
    for row in grown.endpoints.all():
        actions.delete_endpoint(actor=SYSTEM, row=row)
    actions.delete_group(actor=SYSTEM, row=grown)
    assert endpoint(net, "c", ip4="20.1.1.10").ip4 == "20.1.1.10"


def test_a_group_that_moves_takes_a_pool_of_its_new_network(people: Cast) -> None:
    net, other = network(people.blue), network(people.blue, "other", subnet4="30.0.0.0/24", gateway4="")
    pooled = group(net, pool4="20.1.1.10-20.1.1.11")
    assert refusal(actions.update_group, row=pooled, network=other)["pool4"][0] == "range"
    moved = actions.update_group(actor=SYSTEM, row=pooled, network=other, pool4="30.0.0.1-30.0.0.2")
    assert endpoint(other, "a").ip4 == "30.0.0.3"
    assert endpoint(other, "b", group=moved).ip4 == "30.0.0.1"
    assert endpoint(net, "c", ip4="20.1.1.10").ip4 == "20.1.1.10"


# --- reservations -------------------------------------------------------------------------------------------------


def test_reserved_addresses_are_never_handed_out(people: Cast) -> None:
    net = network(people.blue, gateway4="20.1.1.2", subnet6="fd00::/64")
    kept = reserve(net, "20.1.1.1 - 20.1.1.3", "routers")
    reserve(net, "fd00::1")
    assert kept.addresses == "20.1.1.1-20.1.1.3"
    made = endpoint(net)
    assert (made.ip4, made.ip6) == ("20.1.1.4", "fd00::2")
    found = refusal(actions.create_endpoint, tenant=people.blue, name="x", network=net, ip4="20.1.1.3")
    assert found["ip4"] == ("reserved", "20.1.1.3 is reserved (routers). Leave this empty for a free one.")
    actions.update_reservation(actor=SYSTEM, row=kept, addresses="20.1.1.2-20.1.1.3")
    assert endpoint(net, "b").ip4 == "20.1.1.1"
    actions.delete_reservation(actor=SYSTEM, row=kept)
    assert endpoint(net, "c").ip4 == "20.1.1.3", "the gateway in it stays the gateway"
    assert [e.verb for e in AuditEntry.objects.filter(object_type="addressreservation").order_by("id")] == [
        "reservation.create",
        "reservation.create",
        "reservation.update",
        "reservation.delete",
    ]


@pytest.mark.parametrize(
    ("addresses", "code", "part"),
    [
        ("20.1.1.1", "taken", "Endpoint e1 has 20.1.1.1"),
        ("20.1.1.9-20.1.1.30", "overlap", "the reservation 20.1.1.20-20.1.1.29"),
        ("20.1.1.200-20.1.2.3", "range", "not wholly inside"),
        ("fd00::1", "outside", "no IPv6 subnet"),
        ("nonsense", "range", "no address"),
        ("", "blank", ""),
    ],
)
def test_it_refuses_a_reservation_that_cannot_be(people: Cast, addresses: str, code: str, part: str) -> None:
    net = network(people.blue)
    endpoint(net)
    reserve(net, "20.1.1.20-20.1.1.29")
    found = refusal(actions.create_reservation, tenant=people.blue, network=net, addresses=addresses)
    assert set(found) == {"addresses"}
    assert (found["addresses"][0], part in found["addresses"][1]) == (code, True)


def test_reservations_stay_in_their_network_and_go_with_it(people: Cast) -> None:
    net, other = network(people.blue), network(people.blue, "other", subnet4="30.0.0.0/24", gateway4="")
    kept = reserve(net, "20.1.1.5")
    assert refusal(actions.update_reservation, row=kept, network=other)["network"][0] == "fixed"
    theirs = network(people.green)
    assert refusal(actions.create_reservation, tenant=people.blue, network=theirs, addresses="20.1.1.5")["network"]
    actions.delete_network(actor=SYSTEM, row=net)
    assert not AddressReservation.objects.exists()


def test_the_next_address_is_kept_for_an_endpoint_that_comes_later(people: Cast) -> None:
    net = network(people.blue, subnet6="fd00::/64")
    pooled, plain = group(net, pool4="20.1.1.10-20.1.1.10"), group(net, "plain")
    give: dict[str, Any] = {"tenant": people.blue, "network": net}
    drawn = [
        actions.reserve_next(actor=SYSTEM, **give, **more)
        for more in ({"note": "drawn"}, {"group": plain}, {"group": pooled}, {"family": 6, "group": pooled})
    ]
    assert [row.addresses for row in drawn] == [
        "20.1.1.1-20.1.1.1",
        "20.1.1.2-20.1.1.2",
        "20.1.1.10-20.1.1.10",
        "fd00::1-fd00::1",
    ]
    assert refusal(actions.reserve_next, **give, group=pooled)["addresses"][0] == "full"
    assert refusal(actions.reserve_next, **give, note="x" * 201)["note"][0] == "max_length"
    assert endpoint(net, "a").ip4 == "20.1.1.3"
    with transaction.atomic():
        actions.delete_reservation(actor=SYSTEM, row=drawn[2])
        assert endpoint(net, "b", group=pooled, ip4="20.1.1.10").ip4 == "20.1.1.10"
    assert list(differences()) == []
    other, theirs = network(people.blue, "other", subnet4="30.0.0.0/24", gateway4=""), network(people.green)
    assert refusal(actions.reserve_next, **give | {"network": other}, group=plain)["group"][0] == "elsewhere"
    assert refusal(actions.reserve_next, **give | {"network": other}, family=6)["network"][0] == "outside"
    assert refusal(actions.reserve_next, **give | {"network": theirs})["network"][0] == "unknown"


@pytest.mark.parametrize(("family", "subnet"), [(4, "20.1.1.0/24"), (6, "fd00:1::/64")])
def test_what_may_overlap_is_found_by_its_index(people: Cast, family: Family, subnet: str) -> None:
    """However many networks a tenant has: SQLite is asked what it would do."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL decides by what is in the table")
    asked: list[tuple[str, Any]] = []

    def listen(execute: Any, sql: str, values: Any, *rest: Any) -> Any:
        asked.append((sql, values))
        return execute(sql, values, *rest)

    with connection.execute_wrapper(listen):
        near(people.blue, family, subnet)
    with connection.cursor() as cursor:  # With its values apart: what is written into it is planned otherwise.
        ((sql, values),) = asked
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        plan = [step for *_, step in cursor.fetchall() if "networks_network" in step]
    assert len(plan) == 2
    assert all(f"networks_network_base{family} (tenant_id=? AND base{family}" in step for step in plan)
