"""The order of ops, and what is said of them."""

from __future__ import annotations

from itertools import permutations

import pytest

from core.diff import Delta, diff
from core.plan import Op, describe, plan
from core.ruleset import Element, Set, Table, chain
from core.state import (
    Address,
    Bridge,
    BridgeFdb,
    ForeignLink,
    Ifb,
    KernelObject,
    Key,
    Membership,
    Namespace,
    Neighbour,
    Port,
    Redirect,
    Route,
    Sysctl,
    Vxlan,
    VxlanFdb,
    by_key,
    tbf,
)

PORT = Port("ep1", Membership("br1"), 1450)
THINGS: list[KernelObject] = [
    Namespace(),
    Table("inet", "contiv"),
    Set("inet", "own", "ipv4_addr"),
    chain("inet", "forward", ("accept",)),
    Element("inet", "own", "20.1.1.1"),
    Sysctl("net.ipv4.ip_forward", "1"),
    Bridge("br1", "02:01:00:00:00:01", 1450),
    Vxlan("vx1", Membership("br1"), 3280, "192.0.2.1", 1450),
    Ifb("fb1"),
    Address("br1", "20.1.1.254/24"),
    Route("20.1.1.0/24", "br1"),
    Neighbour("br1", "20.1.1.2", "02:02:14:01:01:02"),
    tbf("ep1", 1_000_000, 2000, 5000),
    Redirect("ep1", "fb1"),
    PORT,
    BridgeFdb("ep1", "02:02:14:01:01:01"),
    VxlanFdb("vx1", "02:02:14:01:01:02", "192.0.2.2"),
]
POLICY = {"table", "set", "chain", "element"}


def places(ops: tuple[Op, ...]) -> dict[Key, int]:
    return {op.subject.key: place for place, op in enumerate(ops)}


def test_the_namespace_comes_first_and_a_port_after_its_policy_and_rate() -> None:
    at = places(plan(diff(by_key(THINGS), {})))
    assert at["namespace",] == 0
    before_port = [thing for thing in THINGS if thing.kind in POLICY | {"rate limit", "redirect", "bridge", "ifb"}]
    assert max(at[thing.key] for thing in before_port) < at[PORT.key]
    assert at[PORT.key] < at["fdb", "ep1", "02:02:14:01:01:01", "bridge"]


def test_a_port_that_goes_is_out_before_its_policy_changes() -> None:
    gone = diff(by_key(THINGS[:2]), by_key(THINGS))
    ops = plan(gone)
    assert ops[0] == Op("delete", old=PORT)
    assert {op.action for op in ops} == {"delete"}


def test_what_stands_on_a_device_goes_before_it() -> None:
    at = places(plan(diff({("namespace",): Namespace()}, by_key(THINGS))))
    for key in (("address", "br1", "20.1.1.254/24"), ("neighbour", "br1", "20.1.1.2")):
        assert at[key] < at["link", "br1"]
    assert at["redirect", "ep1"] < at["link", "fb1"]
    assert at["link", "vx1"] < at["link", "br1"] or at["link", "br1"] > at["fdb", "vx1", "02:02:14:01:01:02", "vxlan"]


def test_all_of_nft_stands_together() -> None:
    """It is one transaction, so nothing else can be meant to happen in the middle of it."""
    new = by_key(THINGS)
    old = by_key([*THINGS[:3], chain("inet", "forward", ("drop",)), Element("inet", "own", "20.1.1.9"), THINGS[6]])
    kinds = [op.subject.kind in POLICY for op in plan(diff(new, old))]
    assert "".join("x" if kind else "." for kind in kinds).strip(".").count(".") == 0


def test_where_the_namespace_goes_nothing_else_needs_to() -> None:
    assert plan(diff({}, by_key(THINGS))) == (Op("delete", old=Namespace()),)


def test_the_order_does_not_hang_on_the_order_of_the_delta() -> None:
    some = [THINGS[0], THINGS[6], THINGS[9], PORT]
    assert len({plan(diff(by_key(order), {})) for order in permutations(some)}) == 1


def test_nothing_to_do_is_no_plan() -> None:
    assert plan(diff(by_key(THINGS), by_key(THINGS))) == ()
    assert plan(Delta()) == ()


@pytest.mark.parametrize(
    ("op", "sentence"),
    [
        (Op("create", new=THINGS[9]), "The address br1 20.1.1.254/24 was missing."),
        (Op("delete", old=ForeignLink("x0", "dummy")), "The foreign device x0 was there though nothing asks for it."),
        (Op("update", Ifb("fb1", up=False), Ifb("fb1")), "The ifb fb1 differed: up was False, not True."),
        (
            Op("update", Port("ep1", Membership("br2", learning=True), 1450), PORT),
            "The port ep1 differed: bridge was br2, not br1, learning was True, not False.",
        ),
        (Op("update", ForeignLink("fb1", "dummy"), Ifb("fb1")), "The ifb fb1 was a foreign device."),
        (
            Op("update", chain("inet", "a", ()), chain("inet", "a", ("drop",))),
            "The chain inet a differed: 0 rules where 1 are wanted, or other ones.",
        ),
        (Op("create", new=Namespace()), "The namespace was missing."),
    ],
    ids=lambda value: value.subject.kind if isinstance(value, Op) else "",
)
def test_a_difference_is_told_as_a_sentence(op: Op, sentence: str) -> None:
    assert describe(op) == sentence
