from __future__ import annotations

import random
import sys
from dataclasses import replace
from itertools import combinations
from types import FrameType

from hypothesis import given
from hypothesis import strategies as st

from core.isolation import Tables, compile_policy, epoch
from core.model import Action, EndpointGroup, Peer, Policy, PortRange, Rule, TenantIntent
from core.spec import Layer, MatchItem
from core.tests.cases import BLUE, repeatable, tenants
from core.tests.geometry import box_of


def blue(*rules: Rule, groups: tuple[int, ...] = (2,)) -> TenantIntent:
    return replace(BLUE, policies=(Policy(1, "policy", groups, rules),))


def said(tables: Tables, group: int = 2) -> list[tuple[int, str, tuple[int, int], tuple[int, int]]]:
    """What the incoming chain of a group matches: rule, peer, protocols, ports."""
    return [(m.rule, m.peer, m.protocol, m.ports) for m in tables.chains[group, "in"].matches]


def test_each_kind_of_peer_becomes_its_matches() -> None:
    tables = compile_policy(
        blue(
            Rule(1, "in", 9, "allow", Peer("any"), 17),
            Rule(2, "in", 8, "allow", Peer("group", 3), 6, (PortRange(80, 90), PortRange(443, 443))),
            Rule(3, "in", 7, "allow", Peer("network", 1)),
            Rule(4, "in", 6, "allow", Peer("address", ranges=("20.1.1.5-20.1.1.6", "fd00::/8")), 47),
        )
    )
    assert said(tables) == [
        (1, "0.0.0.0/0", (17, 17), (0, 65535)),
        (1, "::/0", (17, 17), (0, 65535)),
        (2, "3", (6, 6), (80, 90)),
        (2, "3", (6, 6), (443, 443)),
        (3, "20.1.1.0/28", (0, 255), (0, 65535)),
        (3, "fd00:1::/124", (0, 255), (0, 65535)),
        (4, "20.1.1.5-20.1.1.6", (47, 47), (0, 65535)),
        (4, "fd00::/8", (47, 47), (0, 65535)),
    ]


def test_icmp_is_another_number_in_ipv6_and_both_for_a_group() -> None:
    tables = compile_policy(
        blue(Rule(1, "in", 9, "allow", Peer("any"), 1), Rule(2, "in", 8, "allow", Peer("group", 1), 1))
    )
    assert [(peer, protocol) for _, peer, protocol, _ in said(tables)] == [
        ("0.0.0.0/0", (1, 1)),
        ("::/0", (58, 58)),
        ("1", (1, 1)),
        ("1", (58, 58)),
    ]


def test_layers_are_asked_by_priority_then_denies_then_kind() -> None:
    any_peer, web = Peer("any"), Peer("group", 1)
    tables = compile_policy(
        blue(
            Rule(1, "in", 1, "allow", web, 6),
            Rule(2, "in", 1, "deny", any_peer, 6),
            Rule(3, "in", 100, "allow", web, 6),
            Rule(4, "in", 100, "allow", any_peer, 17),
        )
    )
    assert [(layer.priority, layer.action, layer.kind) for layer in tables.chains[2, "in"].item.layers] == [
        (100, "allow", "group"),
        (100, "allow", "net4"),
        (100, "allow", "net6"),
        (1, "deny", "net4"),
        (1, "deny", "net6"),
        (1, "allow", "group"),
    ]


def test_a_group_whose_rules_match_nothing_has_no_chain() -> None:
    assert compile_policy(blue(Rule(1, "in", 1, "deny", Peer("group", 99)))).chains == {}


def test_groups_under_the_same_policies_have_the_same_matches() -> None:
    tables = compile_policy(blue(Rule(1, "in", 1, "deny", Peer("any")), groups=(1, 2)))
    assert said(tables, 1) == said(tables, 2)
    assert {m.group for m in tables.chains[1, "in"].matches} == {1}


def test_members_are_the_addresses_of_placed_endpoints() -> None:
    assert compile_policy(BLUE).members == {
        "20.1.1.2": 1,
        "fd00:1::2": 1,
        "20.1.1.3": 1,
        "20.1.2.2": 2,
        "fd00:1::4": 3,
        "20.1.1.5": 0,
        "fd00:1::5": 0,
    }


@repeatable
@given(tenants())
def test_the_elements_of_a_set_never_overlap(intent: TenantIntent) -> None:
    for chain in compile_policy(intent).chains.values():
        assert {match.layer for match in chain.matches} == set(chain.item.layers), "no set is empty, none is missing"
        assert len({match.key for match in chain.matches}) == len(chain.matches)
        for one, other in combinations(chain.matches, 2):
            assert one.layer != other.layer or not box_of(one).overlaps(box_of(other))


@repeatable
@given(tenants(), st.randoms(use_true_random=False))
def test_the_order_of_the_intents_parts_does_not_matter(intent: TenantIntent, chance: random.Random) -> None:
    def shuffled(parts: tuple) -> tuple:
        return tuple(chance.sample(parts, len(parts)))

    policies = tuple(replace(p, rules=shuffled(p.rules), group_ids=shuffled(p.group_ids)) for p in intent.policies)
    other = replace(
        intent,
        policies=shuffled(policies),
        endpoints=shuffled(intent.endpoints),
        groups=shuffled(intent.groups),
        networks=shuffled(intent.networks),
    )
    one, two = compile_policy(intent), compile_policy(other)
    assert one.chains == two.chains
    assert epoch(one, {1, 2, 3}) == epoch(two, {1, 2, 3})


def test_the_epoch_changes_with_rules_default_and_membership() -> None:
    moved = replace(BLUE.endpoints[0], group_id=3)
    placed = replace(BLUE.endpoints[5], node_id=1)
    variants = [
        BLUE,
        replace(BLUE, default="deny"),
        blue(Rule(1, "in", 1, "deny", Peer("any"))),
        blue(Rule(1, "in", 2, "deny", Peer("any"))),
        blue(Rule(1, "in", 1, "allow", Peer("any"))),
        blue(Rule(1, "out", 1, "deny", Peer("any"))),
        blue(Rule(1, "in", 1, "deny", Peer("any"), 6)),
        blue(Rule(1, "in", 1, "deny", Peer("any")), groups=(1,)),
        replace(BLUE, endpoints=(moved, *BLUE.endpoints[1:])),
        replace(BLUE, endpoints=(*BLUE.endpoints[:5], placed)),
    ]
    epochs = [epoch(compile_policy(intent), {1, 2, 3}) for intent in variants]
    assert len(set(epochs)) == len(variants)
    assert all(1 <= number < 2**31 for number in epochs)


def test_the_epoch_stays_when_nothing_that_is_judged_changes() -> None:
    renamed = replace(BLUE, name="azure", generation=99, groups=(*BLUE.groups, EndpointGroup(77, "new", 1)))
    elsewhere = replace(BLUE, endpoints=(replace(BLUE.endpoints[0], node_id=3), *BLUE.endpoints[1:]))
    assert len({epoch(compile_policy(intent), {1, 2, 3}) for intent in (BLUE, renamed, elsewhere)}) == 1


def test_rules_of_groups_a_node_does_not_judge_leave_its_epoch_alone() -> None:
    other = blue(Rule(1, "in", 1, "deny", Peer("any")), groups=(2,))
    assert epoch(compile_policy(BLUE), {1, 3}) == epoch(compile_policy(other), {1, 3})
    assert epoch(compile_policy(BLUE), {1, 2}) != epoch(compile_policy(other), {1, 2})


def many(count: int, seed: int = 1) -> TenantIntent:
    """As many rules, of every kind of overlap: prefixes within prefixes, ranges across each other, anyone."""
    chance = random.Random(seed)

    def rule(id: int) -> Rule:
        length = chance.randrange(8, 33)
        host = chance.getrandbits(24) >> (32 - length) << (32 - length)
        prefix = f"20.{host >> 16}.{host >> 8 & 255}.{host & 255}/{length}"
        peer = Peer("any") if id % 2 else Peer("address", ranges=(prefix,))
        first = chance.randrange(1, 60000)
        action: Action = "deny" if id % 3 else "allow"
        return Rule(id, "in", 1 + id % 2, action, peer, 6, (PortRange(first, first + chance.randrange(50)),))

    return blue(*map(rule, range(1, count + 1)))


def steps(intent: TenantIntent) -> int:
    """Calls made to compile it, of Python's and of built-in functions: the same on any machine."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        compile_policy(intent)
    finally:
        sys.setprofile(None)
    return calls


def test_ten_times_the_rules_take_not_much_more_than_ten_times_the_steps() -> None:
    # Quadratic work would be a hundredfold.
    assert steps(many(5_000)) < 15 * steps(many(500))


def test_hits_stay_countable_when_a_rule_is_in_several_pieces() -> None:
    tables = compile_policy(
        blue(
            Rule(1, "in", 1, "allow", Peer("any"), 6, (PortRange(10, 20),)),
            Rule(2, "in", 1, "allow", Peer("any"), 6, (PortRange(1, 100),)),
        )
    )
    layer = Layer(1, "allow", "net4")
    assert tables.chains[2, "in"].matches[:3] == (
        MatchItem(7, 2, "in", 1, 0, layer, "0.0.0.0/0", (6, 6), (10, 20)),
        MatchItem(7, 2, "in", 2, 0, layer, "0.0.0.0/0", (6, 6), (1, 9)),
        MatchItem(7, 2, "in", 2, 1, layer, "0.0.0.0/0", (6, 6), (21, 100)),
    )


def test_rules_for_many_own_addresses_are_one_look_up() -> None:
    rules = [Rule(n, "in", 1, "allow", Peer("group", 1), 6, own=(f"20.1.2.{n}/32",)) for n in range(1, 9)]
    chain = compile_policy(blue(*rules)).chains[2, "in"]
    layer = Layer(1, "allow", "group", 0, 4)
    assert chain.item.layers == (layer,)
    assert chain.matches[0] == MatchItem(7, 2, "in", 1, 0, layer, "1", (6, 6), (0, 65535), "20.1.2.1/32")


def test_so_do_ten_times_the_rules_for_an_own_address_each() -> None:
    def narrowed(count: int) -> TenantIntent:
        own = [(f"20.1.{n // 250}.{n % 250}/32",) for n in range(count)]
        return blue(*(Rule(n, "in", 1, "allow", Peer("any"), own=one) for n, one in enumerate(own, 1)))

    assert steps(narrowed(2_000)) < 15 * steps(narrowed(200))
