from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluate import Evaluator, verdict
from core.ipam import AddressError
from core.isolation import compile_policy
from core.model import Flow, Peer, Policy, PortRange, Rule, TenantIntent
from core.tests import oracle
from core.tests.cases import BLUE, flows, repeatable, tenants

WEB, WEB6, DB, STRANGER = "20.1.1.2", "fd00:1::2", "20.1.2.2", "10.0.0.9"


def blue(*rules: Rule, default: str = "allow", groups: tuple[int, ...] = (2,)) -> TenantIntent:
    """The tenant blue with one policy, on db if not said otherwise."""
    return replace(BLUE, default=default, policies=(Policy(1, "policy", groups, rules),))


def tcp(source: str, destination: str, port: int = 5432) -> Flow:
    return Flow(source, destination, 6, 40000, port)


@repeatable
@given(tenants(), st.lists(flows(), min_size=1, max_size=8))
def test_it_says_what_trying_rule_after_rule_says(intent: TenantIntent, some: list[Flow]) -> None:
    evaluator = Evaluator(compile_policy(intent))
    for flow in some:
        decision = evaluator.verdict(flow)
        action, outgoing, incoming = oracle.judge(intent, flow)
        assert decision.action == action
        for side, opinion in ((decision.outgoing, outgoing), (decision.incoming, incoming)):
            assert side.action == opinion.action
            assert (side.rule is None) == (not opinion.rules)
            assert side.rule is None or side.rule in opinion.rules


def test_a_higher_priority_wins_over_a_deny() -> None:
    intent = blue(
        Rule(1, "in", 1, "deny", Peer("any")), Rule(2, "in", 10, "allow", Peer("group", 1), 6, (PortRange(5432, 5432),))
    )
    decision = verdict(compile_policy(intent), tcp(WEB, DB))
    assert (decision.action, decision.incoming.rule) == ("allow", 2)
    assert verdict(compile_policy(intent), tcp(WEB, DB, 22)).incoming.rule == 1


def test_deny_wins_at_equal_priority() -> None:
    intent = blue(Rule(1, "in", 5, "allow", Peer("any")), Rule(2, "in", 5, "deny", Peer("any")))
    assert verdict(compile_policy(intent), tcp(WEB, DB)).incoming.rule == 2


def test_the_lowest_id_gets_the_hit_among_equals() -> None:
    intent = blue(
        Rule(8, "in", 5, "allow", Peer("any"), 6, (PortRange(1, 100),)),
        Rule(3, "in", 5, "allow", Peer("any"), 6, (PortRange(50, 200),)),
    )
    tables = compile_policy(intent)
    assert [verdict(tables, tcp(WEB, DB, port)).incoming.rule for port in (49, 50, 100, 101)] == [8, 3, 3, 3]


def test_both_ends_must_allow() -> None:
    intent = replace(
        blue(Rule(1, "in", 1, "allow", Peer("any"))),
        policies=(
            Policy(1, "in", (2,), (Rule(1, "in", 1, "allow", Peer("any")),)),
            Policy(2, "out", (1,), (Rule(2, "out", 1, "deny", Peer("group", 2)),)),
        ),
    )
    decision = verdict(compile_policy(intent), tcp(WEB, DB))
    assert (decision.action, decision.outgoing.action, decision.incoming.action) == ("deny", "deny", "allow")


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_the_default_speaks_where_no_rule_does(default: str) -> None:
    decision = verdict(compile_policy(blue(default=default)), tcp(WEB, DB))
    assert (decision.action, decision.incoming.rule) == (default, None)
    assert str(decision.incoming.reason) == f"The tenant's default is {default}; there are no rules for it."


def test_an_endpoint_in_no_group_is_left_to_the_default() -> None:
    decision = verdict(compile_policy(blue(default="deny")), tcp("20.1.1.5", STRANGER))
    assert (decision.outgoing.group, decision.outgoing.action) == (0, "deny")


def test_a_stranger_has_no_rules_of_its_own_and_matches_any_and_addresses_only() -> None:
    intent = blue(
        Rule(1, "in", 9, "deny", Peer("group", 1)),
        Rule(2, "in", 8, "deny", Peer("network", 1)),
        Rule(3, "in", 7, "allow", Peer("address", ranges=("10.0.0.0/8",))),
        default="deny",
    )
    decision = verdict(compile_policy(intent), tcp(STRANGER, DB))
    assert (decision.action, decision.outgoing.group, decision.incoming.rule) == ("allow", None, 3)


@pytest.mark.parametrize("peer", [Peer("nothing"), Peer("group", 99), Peer("network", 99), Peer("address")])
def test_a_peer_that_is_not_there_matches_nothing(peer: Peer) -> None:
    intent = blue(Rule(1, "in", 9, "allow", peer), default="deny")
    assert verdict(compile_policy(intent), tcp(WEB, DB)).action == "deny"


def test_icmp_means_that_of_the_packets_family() -> None:
    intent = blue(Rule(1, "in", 9, "allow", Peer("any"), 1), default="allow", groups=(1, 3))
    intent = replace(intent, default="deny", policies=(*intent.policies, allow_out()))
    tables = compile_policy(intent)
    assert verdict(tables, Flow(STRANGER, WEB, 1)).incoming.rule == 1
    assert verdict(tables, Flow("fd00:9::9", WEB6, 58)).incoming.rule == 1
    assert verdict(tables, Flow("fd00:9::9", WEB6, 1)).incoming.rule == 1, "whoever says ICMP means ICMPv6 here"
    assert verdict(tables, Flow(STRANGER, WEB, 58)).action == "deny"


def allow_out() -> Policy:
    return Policy(2, "out", (1, 2, 3), (Rule(50, "out", 1, "allow", Peer("any")),))


def test_an_unplaced_endpoint_is_no_member() -> None:
    decision = verdict(compile_policy(blue(Rule(1, "in", 9, "deny", Peer("group", 1)))), tcp("20.1.1.6", DB))
    assert (decision.action, decision.outgoing.group) == ("allow", None)


@pytest.mark.parametrize("destination", ["20.1.1.15", "255.255.255.255", "224.0.0.5", "0.0.0.0"])
def test_only_unicast_passes(destination: str) -> None:
    decision = verdict(compile_policy(blue()), tcp(WEB, destination))
    assert decision.action == "deny"
    assert str(decision.outgoing.reason).startswith("Only unicast passes")


def test_a_gateway_answers_echo_only() -> None:
    tables = compile_policy(blue(Rule(1, "out", 9, "deny", Peer("any")), groups=(1,)))
    assert verdict(tables, Flow(WEB, "20.1.1.1", 1)).action == "allow"
    assert verdict(tables, tcp(WEB, "20.1.1.1", 22)).action == "deny"


def test_it_takes_addresses_in_any_form_and_refuses_what_is_no_flow() -> None:
    tables = compile_policy(blue(Rule(1, "in", 9, "deny", Peer("group", 1)), groups=(3,)))
    assert verdict(tables, tcp("FD00:1:0::2", "fd00:1::0004")).incoming.rule == 1
    with pytest.raises(AddressError, match="one family"):
        verdict(tables, tcp(WEB, WEB6))
    with pytest.raises(AddressError, match="no address"):
        verdict(tables, tcp("web-1", WEB))
    with pytest.raises(ValueError, match="needs a destination port"):
        verdict(tables, Flow(WEB, DB, 17))


def test_a_rule_narrowed_to_addresses_of_its_own_side_is_about_these_alone() -> None:
    intent = blue(
        Rule(1, "in", 5, "deny", Peer("any"), 6, own=("20.1.1.2/32", "fd00:1::2/128")),
        Rule(2, "out", 5, "deny", Peer("address", ranges=("10.0.0.0/8",)), own=("20.1.1.3/32",)),
        Rule(3, "in", 9, "allow", Peer("group", 2), 6, (PortRange(22, 22),), own=("20.1.1.0/29",)),
        groups=(1,),
    )
    evaluator = Evaluator(compile_policy(intent))
    asked = {
        (STRANGER, WEB, 80): ("deny", None, 1),
        (STRANGER, "20.1.1.3", 80): ("allow", None, None),
        (WEB, STRANGER, 80): ("allow", None, None),
        ("20.1.1.3", STRANGER, 80): ("deny", 2, None),
        (DB, WEB, 22): ("allow", None, 3),
        (DB, WEB, 23): ("deny", None, 1),
        ("fd00:1::4", WEB6, 80): ("deny", None, 1),
    }
    for (source, destination, port), expected in asked.items():
        decision = evaluator.verdict(tcp(source, destination, port))
        assert (decision.action, decision.outgoing.rule, decision.incoming.rule) == expected


def test_a_rule_whose_own_addresses_are_of_another_family_than_its_peer_matches_nothing() -> None:
    intent = blue(
        Rule(1, "in", 5, "deny", Peer("address", ranges=("10.0.0.0/8",)), own=("fd00:1::2/128",)), groups=(1,)
    )
    assert compile_policy(intent).chains == {}
