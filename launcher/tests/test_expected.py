from __future__ import annotations

from collections import Counter

from core.model import (
    TCP,
    UDP,
    BandwidthProfile,
    Endpoint,
    EndpointGroup,
    Network,
    Node,
    Peer,
    Policy,
    PortRange,
    Rule,
    TenantIntent,
)
from launcher.check import Measured, Seen, cell, counted
from launcher.expected import Question, Seat, Tenant, across, candidate_ports

WEB, DB, CLIENT = 1, 2, 3


def intent(tenant: int = 1, name: str = "blue") -> TenantIntent:
    """The demonstration's tenant, small: one endpoint a group, on one node each."""
    rules = (
        Rule(1, "in", 10, "allow", Peer("group", WEB), TCP, (PortRange(5432, 5432),)),
        Rule(2, "in", 1, "deny", Peer("any")),
    )
    endpoints = tuple(
        Endpoint(n + 10 * tenant, f"e{n}", 1, f"02:00:00:00:00:0{n}", n, n, f"20.1.1.{n}", f"fd00::{n}")
        for n in (1, 2, 3)
    )
    return TenantIntent(
        tenant,
        name,
        1,
        "allow",
        networks=(Network(1, "net", "vxlan", 1, "20.1.1.0/24", None, "fd00::/64"),),
        groups=(EndpointGroup(WEB, "web", 1), EndpointGroup(DB, "db", 1), EndpointGroup(CLIENT, "client", 1, 9)),
        endpoints=endpoints,
        policies=(Policy(1, "db", (DB,), rules),),
        nodes=tuple(Node(n, f"node-{n}", f"192.0.2.{n}") for n in (1, 2, 3)),
        profiles=(BandwidthProfile(9, "slow", 10_000_000, 20_000),),
    )


def tenant(number: int = 1, name: str = "blue") -> Tenant:
    wanted = intent(number, name)
    return Tenant(wanted, [Seat(f"{name}/{e.name}", name, e) for e in wanted.endpoints])


def of(questions: list[Question], source: str, destination: str, kind: str) -> set[tuple[int | None, bool]]:
    return {
        (q.port, q.passes)
        for q in questions
        if (q.source.key, q.destination.key, q.kind) == (f"blue/{source}", f"blue/{destination}", kind)
    }


def test_every_ordered_pair_is_asked_about_in_both_families() -> None:
    questions = list(tenant().questions())
    pairs = Counter((q.source.key, q.destination.key, q.kind, q.family) for q in questions)
    assert set(pairs.values()) == {1}
    assert len({(source, destination) for source, destination, *_ in pairs}) == 6


def test_what_is_expected_is_what_the_rules_say() -> None:
    questions = list(tenant().questions())
    assert of(questions, "e1", "e2", "tcp allowed") == {(5432, True)}
    assert of(questions, "e1", "e2", "tcp denied") == {(5431, False)}
    assert of(questions, "e3", "e2", "tcp allowed") == set()
    assert of(questions, "e3", "e2", "icmp") == {(None, False)}
    assert of(questions, "e2", "e3", "icmp") == {(None, True)}
    assert of(questions, "e2", "e3", "tcp denied") == set()
    assert of(questions, "e1", "e2", "udp") == {(53, False)}


def test_an_endpoint_on_no_node_is_not_asked_about() -> None:
    wanted = intent()
    out = Endpoint(99, "out", 1, "02:00:00:00:00:63", WEB, None, "20.1.1.99", None)
    asked = Tenant(wanted, [Seat("blue/out", "blue", out), Seat("blue/e1", "blue", wanted.endpoints[0])])
    assert list(asked.questions()) == []


def test_nothing_is_expected_to_pass_between_tenants_though_addresses_are_the_same() -> None:
    blue, green = tenant(1, "blue"), tenant(2, "green")
    questions = list(across([blue, green]))
    assert len(questions) == 2 * 9 * 2 * 3
    assert not any(q.passes for q in questions)
    assert {q.protocol for q in questions} == {1, 58, TCP, UDP}
    assert any(q.source.address(4) == q.address for q in questions)


def test_a_limit_is_measured_both_ways_to_a_peer_the_rules_let_through() -> None:
    ways = [(m.source.key, m.destination.key, m.rate_bps) for m in tenant().limits()]
    assert ways == [("blue/e3", "blue/e1", 10_000_000), ("blue/e1", "blue/e3", 10_000_000)]


def test_the_ports_tried_are_those_at_the_edges_of_rules_and_some_known_ones() -> None:
    assert candidate_ports(intent())[:3] == (5432, 5431, 5433)
    assert 80 in candidate_ports(intent())
    assert all(1 <= port <= 65535 for port in candidate_ports(intent()))


def test_a_mismatch_shows_what_was_seen_and_is_counted() -> None:
    allowed = next(q for q in tenant().questions() if q.kind == "tcp allowed")
    denied = next(q for q in tenant().questions() if q.kind == "tcp denied")
    seen = [Seen(allowed, "answered"), Seen(allowed, "silence"), Seen(denied, "silence"), Seen(denied, "refused")]
    assert [cell(one) for one in seen] == ["yes 5432", "yes 5432≠silence", "no 5431", "no 5431≠refused"]
    assert counted(seen, "flows") == "2 of 4 flows as expected"
    assert not Seen(allowed, "other").right


def test_between_tenants_only_an_answer_of_the_destination_itself_is_wrong() -> None:
    question = next(across([tenant(1, "blue"), tenant(2, "green")]))
    seen = {how: Seen(question, how).right for how in ("answered", "other", "refused", "unreachable", "silence")}
    assert [how for how, right in seen.items() if not right] == ["answered"]


def test_a_rate_is_right_within_ten_percent() -> None:
    limit = next(tenant().limits())
    rates = [Measured(limit, bps, None) for bps in (8.9e6, 9.1e6, 10.9e6, 11.1e6)]
    assert [rate.right for rate in rates] == [False, True, True, False]
    assert not Measured(limit, 10e6, None, "no way").right
