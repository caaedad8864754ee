from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from core import bandwidth
from core.compile import compile_tenant
from core.isolation import compile_policy
from core.model import Endpoint, Peer, Policy, Rule, TenantIntent
from core.spec import ChainItem, EndpointItem, Item, MatchItem, NetworkItem, RemoteItem, TenantItem, by_key
from core.tests.cases import BLUE, repeatable, tenants

DENY_DB = Policy(1, "db", (2,), (Rule(1, "in", 1, "deny", Peer("any")),))


def of_kind(items: tuple[Item, ...], kind: type) -> list[Item]:
    return [item for item in items if isinstance(item, kind)]


def test_nodes_with_an_endpoint_of_the_tenant_get_a_spec_and_no_other() -> None:
    assert set(compile_tenant(BLUE)) == {1, 2}
    assert compile_tenant(replace(BLUE, endpoints=())) == {}


def test_each_node_gets_the_tenant_and_all_its_networks() -> None:
    for items in compile_tenant(BLUE).values():
        assert isinstance(items[0], TenantItem)
        assert (items[0].name, items[0].default) == ("blue", "allow")
        assert of_kind(items, NetworkItem)[1] == NetworkItem(
            7, 2, "back", "vxlan", 101, "02:01:00:00:00:02", "20.1.2.0/28", "20.1.2.1"
        )
        assert len(of_kind(items, NetworkItem)) == 2


def test_an_endpoint_is_local_on_its_node_and_remote_on_the_others() -> None:
    specs = compile_tenant(BLUE)
    assert [item.id for item in of_kind(specs[1], EndpointItem)] == [1, 4, 5]
    assert of_kind(specs[1], RemoteItem) == [
        RemoteItem(7, 2, 1, 1, "02:02:14:01:01:03", "192.0.2.2", "20.1.1.3"),
        RemoteItem(7, 3, 2, 2, "02:02:14:01:02:02", "192.0.2.2", "20.1.2.2"),
    ]
    assert [item.id for item in of_kind(specs[2], RemoteItem)] == [1, 4, 5]


def test_an_endpoint_that_is_nowhere_is_in_no_spec() -> None:
    unplaced = BLUE.endpoints[5]
    nowhere = replace(BLUE.endpoints[0], node_id=99)
    for intent in (BLUE, replace(BLUE, endpoints=(nowhere, *BLUE.endpoints[1:]))):
        names = {key for items in compile_tenant(intent).values() for key in by_key(items)}
        assert not any(key.endswith(f"/{unplaced.id}") and "/network/" not in key for key in names)
    assert not any(key in {"7/endpoint/1", "7/remote/1"} for key in names)


def test_limits_come_from_the_groups_profile() -> None:
    specs = compile_tenant(BLUE)
    db = next(item for item in of_kind(specs[2], EndpointItem) if item.id == 3)
    assert (db.rate_bps, db.burst_bytes, db.dscp) == (10_000_000, bandwidth.default_burst(10_000_000), 10)
    web = next(item for item in of_kind(specs[1], EndpointItem) if item.id == 1)
    assert (web.rate_bps, web.burst_bytes, web.dscp) == (0, 0, None)
    own = replace(BLUE, profiles=(replace(BLUE.profiles[0], burst_bytes=99_000),))
    assert next(i for i in of_kind(compile_tenant(own)[2], EndpointItem) if i.id == 3).burst_bytes == 99_000


def test_rules_go_to_the_nodes_of_their_group_only() -> None:
    specs = compile_tenant(replace(BLUE, policies=(DENY_DB,)))
    assert (of_kind(specs[1], ChainItem), of_kind(specs[1], MatchItem)) == ([], [])
    assert [item.key for item in of_kind(specs[2], ChainItem)] == ["7/chain/in/2"]
    assert [item.peer for item in of_kind(specs[2], MatchItem)] == ["0.0.0.0/0", "::/0"]


def test_a_rule_leaves_nodes_without_its_group_untouched() -> None:
    before, after = compile_tenant(BLUE), compile_tenant(replace(BLUE, policies=(DENY_DB,)))
    assert before[1] == after[1]
    assert before[2] != after[2]


def test_a_new_member_changes_the_epoch_everywhere() -> None:
    moved = replace(BLUE.endpoints[0], group_id=3)
    before, after = compile_tenant(BLUE), compile_tenant(replace(BLUE, endpoints=(moved, *BLUE.endpoints[1:])))
    assert all(before[node][0].epoch != after[node][0].epoch for node in (1, 2))


@repeatable
@given(tenants())
def test_the_nodes_together_hold_the_whole_policy_where_it_is_judged(intent: TenantIntent) -> None:
    tables = compile_policy(intent)
    for node, items in compile_tenant(intent).items():
        groups = {e.group_id for e in intent.endpoints if e.node_id == node}
        wanted = {item for key, chain in tables.chains.items() if key[0] in groups for item in chain.matches}
        assert set(of_kind(items, MatchItem)) == wanted
        assert len(by_key(items)) == len(items), "no key comes twice"
        members = {
            address: item.group
            for item in (*of_kind(items, EndpointItem), *of_kind(items, RemoteItem))
            for address in (item.ip4, item.ip6)
            if address
        }
        assert members == tables.members


def test_the_order_of_rows_does_not_change_a_spec() -> None:
    assert compile_tenant(
        replace(BLUE, endpoints=BLUE.endpoints[::-1], networks=BLUE.networks[::-1])
    ) == compile_tenant(BLUE)


def test_each_of_three_nodes_gets_all_of_ten_thousand_endpoints() -> None:
    endpoints = tuple(
        Endpoint(n, f"e{n}", 1, "02:02:00:00:00:01", 1 + n % 3, 1 + n % 3, f"20.1.{n >> 8}.{n & 255}", f"fd00:1::{n:x}")
        for n in range(1, 10_001)
    )
    specs = compile_tenant(replace(BLUE, endpoints=endpoints))
    assert [len(items) for items in specs.values()] == [10_003] * 3
