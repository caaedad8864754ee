from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import rules
from core.model import Flow, Peer, Policy, PortRange, Rule
from core.rules import RuleError
from core.tests import oracle
from core.tests.cases import BLUE, flows, repeatable
from core.tests.cases import rules as any_rule


@pytest.mark.parametrize(
    ("text", "canonical", "number"),
    [
        ("any", "any", None),
        ("", "any", None),
        (" TCP ", "tcp", 6),
        ("17", "udp", 17),
        ("1", "icmp", 1),
        ("0", "0", 0),
        ("047", "47", 47),
        ("255", "255", 255),
    ],
)
def test_protocols_become_a_name_where_there_is_one(text: str, canonical: str, number: int | None) -> None:
    assert (rules.protocol(text), rules.protocol_number(text)) == (canonical, number)
    assert rules.protocol(canonical) == canonical


@pytest.mark.parametrize("text", ["256", "-1", "tcpp", "6.0", "٦", "²"])
def test_what_is_no_protocol_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(RuleError, match=r"is no protocol\. Write any, icmp, tcp, udp or a number from 0 to 255\."):
        rules.protocol(text)


def test_ports_are_sorted_and_merged() -> None:
    assert rules.ports("443, 80,8000 - 8100,81, 8050-8200") == (
        PortRange(80, 81),
        PortRange(443, 443),
        PortRange(8000, 8200),
    )
    assert rules.ports("") == rules.ports("  ") == ()
    assert rules.ports_text(rules.ports("443,80")) == "80, 443"


@repeatable
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)), max_size=10))
def test_canonical_ports_are_the_same_ports_and_read_back(pairs: list[tuple[int, int]]) -> None:
    typed = ",".join(f"{first}-{first + length}" for first, length in pairs)
    ranges = rules.ports(typed)
    expected = {port for first, length in pairs for port in range(first, first + length + 1)}
    assert {port for r in ranges for port in range(r.first, r.last + 1)} == expected
    assert all(one.last + 1 < other.first for one, other in pairwise(ranges))
    assert rules.ports(rules.ports_text(ranges)) == ranges


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", r"There is no port 0\. Ports are 1 to 65535\."),
        ("70000", r"There is no port 70000\."),
        ("80-70000", r"There is no port 70000\."),
        ("90-80", r"The ports 90-80 run backwards; write 80-90\."),
        ("http", r"“http” is no port\. Write ports such as"),
        ("80,,90", r"“” is no port"),
        ("80-", r"“80-” is no port"),
        ("-80", r"“-80” is no port"),
        ("9" * 5000, "There is no port"),
        ("٨٠", "is no port"),
    ],
)
def test_what_is_no_port_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(RuleError, match=sentence):
        rules.ports(text)


@pytest.mark.parametrize("protocol", [None, 1, 47])
def test_ports_need_a_protocol_that_has_them(protocol: int | None) -> None:
    rules.check_ports(protocol, ())
    rules.check_ports(6, (PortRange(80, 80),))
    with pytest.raises(RuleError, match=r"Ports go with tcp or udp, not with (any|icmp|47)"):
        rules.check_ports(protocol, (PortRange(80, 80),))


def test_addresses_are_sorted_and_drawn_together() -> None:
    assert rules.addresses("fd00::/8, 20.1.1.5-20.1.1.9,10.0.0.0/8, 10.2.0.0/16, 20.1.1.7") == (
        "10.0.0.0/8",
        "20.1.1.5-20.1.1.9",
        "fd00::/8",
    )
    assert rules.addresses("20.1.1.0-20.1.1.255") == ("20.1.1.0/24",)
    assert rules.addresses("20.1.1.5") == ("20.1.1.5/32",)
    text = rules.addresses_text(rules.addresses("fd00::/8,10.0.0.0/8"))
    assert (text, rules.addresses(text)) == ("10.0.0.0/8, fd00::/8", ("10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one"),
        (" , ", "at least one"),
        ("10.0.0.1/8", r"Write 10\.0\.0\.0/8"),
        ("web", "is no address"),
        ("20.1.1.9-20.1.1.2", "backwards"),
    ],
)
def test_what_are_no_addresses_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(RuleError, match=sentence):
        rules.addresses(text)


WEB = Rule(1, "in", 10, "allow", Peer("group", 1), 6, (PortRange(80, 90),))


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (replace(WEB, id=2), r"is there already, with the same priority and action \(rule 2, priority 10, allow\)"),
        (replace(WEB, id=2, ports=(PortRange(80, 85), PortRange(86, 90))), "is there already"),
        (replace(WEB, id=2, priority=11), "never be reached: rule 2, priority 11, allow decides all of it first"),
        (replace(WEB, id=2, action="deny"), "never be reached: rule 2, priority 10, deny"),
        (replace(WEB, id=2, priority=11, peer=Peer("any")), "never be reached"),
        (replace(WEB, id=2, priority=11, protocol=None, ports=()), "never be reached"),
        (replace(WEB, id=2, priority=11, ports=(PortRange(1, 85), PortRange(86, 100))), "never be reached"),
    ],
)
def test_a_rule_that_another_decides_first_has_no_effect(other: Rule, sentence: str) -> None:
    assert (said := rules.without_effect(WEB, [other])) is not None
    assert re.search(sentence, said)


@pytest.mark.parametrize(
    "other",
    [
        WEB,
        replace(WEB, id=2, direction="out"),
        replace(WEB, id=2, priority=9),
        replace(WEB, id=2, priority=9, action="deny"),
        replace(WEB, id=2, priority=11, peer=Peer("group", 2)),
        replace(WEB, id=2, priority=11, peer=Peer("network", 1)),
        replace(WEB, id=2, priority=11, peer=Peer("nothing")),
        replace(WEB, id=2, priority=11, protocol=17),
        replace(WEB, id=2, priority=11, ports=(PortRange(81, 90),)),
        replace(WEB, id=2, ports=(PortRange(80, 99),)),
    ],
)
def test_a_rule_that_can_decide_something_has_effect(other: Rule) -> None:
    assert rules.without_effect(WEB, [other]) is None


def test_address_peers_are_compared_by_what_they_hold() -> None:
    inner = replace(WEB, peer=Peer("address", ranges=("20.1.1.5/32", "fd00::/64")))
    outer = replace(WEB, id=2, priority=11, peer=Peer("address", ranges=("20.1.1.0-20.1.1.9", "fd00::/8")))
    assert rules.without_effect(inner, [outer])
    assert rules.without_effect(replace(outer, id=3), [replace(inner, priority=12)]) is None


def test_a_rule_is_covered_by_one_for_more_of_its_own_side() -> None:
    inner = replace(WEB, own=("20.1.1.5/32",))
    assert rules.without_effect(inner, [replace(WEB, id=2, priority=11)])
    assert rules.without_effect(inner, [replace(WEB, id=2, priority=11, own=("20.1.1.0/29",))])
    assert rules.without_effect(inner, [replace(WEB, id=2, own=("20.1.1.5-20.1.1.5",))])
    for other in (replace(WEB, id=2, own=("20.1.1.6/32",)), replace(WEB, id=2, priority=11, own=("20.1.1.6/31",))):
        assert rules.without_effect(inner, [other]) is None
    assert rules.without_effect(WEB, [replace(inner, id=2, priority=11)]) is None


def test_own_addresses_of_another_family_than_the_peers_match_nothing() -> None:
    says = "The rule matches nothing: its own addresses are of another family than its peer's."
    rule = replace(WEB, peer=Peer("address", ranges=("fd00::/8",)), own=("20.1.1.5/32",))
    assert rules.without_effect(rule) == says
    assert rules.without_effect(replace(rule, own=("20.1.1.5/32", "fd00::1/128"))) is None


@pytest.mark.parametrize("peer", [Peer("nothing"), Peer("address")])
def test_a_rule_whose_peer_is_nothing_has_no_effect(peer: Peer) -> None:
    assert rules.without_effect(replace(WEB, peer=peer)) == "The rule matches nothing: choose a peer that exists."


@repeatable
@given(st.lists(any_rule(), min_size=4, max_size=9), st.lists(flows(), min_size=10, max_size=10))
def test_leaving_out_a_rule_said_to_be_without_effect_changes_no_verdict(drawn: list[Rule], some: list[Flow]) -> None:
    those = [replace(rule, id=id) for id, rule in enumerate(drawn, start=1)]
    for idle in [rule for rule in those if rules.without_effect(rule, those)]:
        with_it = replace(BLUE, policies=(Policy(1, "p", (1, 2, 3), tuple(those)),))
        without = replace(BLUE, policies=(Policy(1, "p", (1, 2, 3), tuple(r for r in those if r != idle)),))
        for flow in some:
            assert oracle.judge(with_it, flow)[0] == oracle.judge(without, flow)[0]
