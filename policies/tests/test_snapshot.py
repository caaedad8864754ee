"""Rows to values: complete, of one moment, and quick."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from core.model import Peer, PortRange
from networks.actions import create_endpoint, create_group, create_network, create_node, delete_endpoint
from networks.models import Endpoint
from policies import snapshot
from policies.actions import add_rule, create_policy, create_profile
from policies.rules import rule_value
from policies.snapshot import tenant_intent
from tenants.change import SYSTEM
from tenants.models import Tenant
from tenants.testing import Cast

QUERIES = 11


def furnish(tenant: Tenant) -> None:
    """A tenant with one of everything, and a node that carries nothing of it."""
    net = create_network(actor=SYSTEM, tenant=tenant, name="net", subnet4="20.1.1.0/24", subnet6="fd00::/64")
    web = create_group(actor=SYSTEM, tenant=tenant, name="web", network=net)
    here, _ = create_node(actor=SYSTEM, name=f"{tenant}-node", vtep=f"10.0.{tenant.pk % 200}.1")
    create_node(actor=SYSTEM, name=f"{tenant}-idle", vtep=f"10.0.{tenant.pk % 200}.2")
    create_endpoint(actor=SYSTEM, tenant=tenant, name="a", network=net, group=web, node=here)
    create_endpoint(actor=SYSTEM, tenant=tenant, name="b", network=net)
    create_profile(actor=SYSTEM, tenant=tenant, name="slow", rate_bps=10**6, groups=[web])
    made = create_policy(actor=SYSTEM, tenant=tenant, name="p", groups=[web])
    add_rule(actor=SYSTEM, tenant=tenant, policy=made, peer="group", peer_group=web, protocol="tcp", ports="80-90,443")
    add_rule(actor=SYSTEM, tenant=tenant, policy=made, peer="address", peer_addresses="10.0.0.0/8", action="deny")


def test_it_reads_one_tenant_and_only_that(people: Cast) -> None:
    furnish(people.blue)
    furnish(people.green)
    intent = tenant_intent(people.blue.pk)
    assert (intent.name, intent.default) == ("blue", "allow")
    assert intent.generation == Tenant.objects.get(pk=people.blue.pk).generation
    net, web = intent.networks[0], intent.groups[0]
    assert (net.subnet4, net.gateway4, net.subnet6) == ("20.1.1.0/24", None, "fd00::/64")
    assert (web.network_id, web.profile_id) == (net.id, intent.profiles[0].id)
    assert [(e.name, e.ip4, e.ip6, e.group_id) for e in intent.endpoints] == [
        ("a", "20.1.1.1", "fd00::1", web.id),
        ("b", "20.1.1.2", "fd00::2", None),
    ]
    assert [node.name for node in intent.nodes] == ["blue-node"], "only nodes that carry an endpoint"
    rules = intent.policies[0].rules
    assert intent.policies[0].group_ids == (web.id,)
    assert rules[0].peer == Peer("group", web.id)
    assert (rules[0].protocol, rules[0].ports) == (6, (PortRange(80, 90), PortRange(443, 443)))
    assert (rules[1].peer, rules[1].action) == (Peer("address", ranges=("10.0.0.0/8",)), "deny")


def test_a_peer_that_is_gone_is_nothing_and_never_any(people: Cast) -> None:
    for peer in ("group", "network", "address", "a kind from tomorrow"):
        assert rule_value(1, "in", 1, "allow", "any", "", peer, None, None, "", "", {}).peer == Peer("nothing")
    assert rule_value(1, "in", 1, "allow", "any", "", "any", None, None, "", "", {"port": "-1"}).peer == Peer("nothing")


def test_it_reads_however_much_in_the_same_number_of_queries(people: Cast, django_assert_num_queries: Any) -> None:
    furnish(people.blue)
    with django_assert_num_queries(QUERIES):
        tenant_intent(people.blue.pk)
    for number in range(5):
        made = create_policy(actor=SYSTEM, tenant=people.blue, name=f"p{number}")
        add_rule(actor=SYSTEM, tenant=people.blue, policy=made)
    with django_assert_num_queries(QUERIES):
        tenant_intent(people.blue.pk)


@pytest.mark.django_db(transaction=True)
def test_where_only_endpoints_changed_the_rest_is_not_read_again(
    people: Cast, django_assert_max_num_queries: Any
) -> None:
    furnish(people.blue)
    before = tenant_intent(people.blue.pk)
    row = Endpoint.objects.get(tenant=people.blue, name="a")
    create_endpoint(actor=SYSTEM, tenant=people.blue, name="late", network=row.network, group=row.group)
    delete_endpoint(actor=SYSTEM, row=row)
    with django_assert_max_num_queries(QUERIES // 2):
        after = tenant_intent(people.blue.pk)
    assert {one.name for one in after.endpoints} ^ {one.name for one in before.endpoints} == {"a", "late"}
    assert (after.policies, after.generation) == (before.policies, before.generation + 2)
    create_policy(actor=SYSTEM, tenant=people.blue, name="new")
    assert tenant_intent(people.blue.pk).policies[-1].name == "new"


@pytest.mark.django_db(transaction=True)
def test_what_was_read_of_a_change_that_was_taken_back_is_not_remembered(people: Cast) -> None:
    furnish(people.blue)
    tenant_intent(people.blue.pk)
    with transaction.atomic():
        create_policy(actor=SYSTEM, tenant=people.blue, name="tried")
        assert tenant_intent(people.blue.pk).policies[-1].name == "tried"
        transaction.set_rollback(True)
    row = Endpoint.objects.get(tenant=people.blue, name="a")
    delete_endpoint(actor=SYSTEM, row=row)
    assert {policy.name for policy in tenant_intent(people.blue.pk).policies} == {"p"}


def test_it_reads_again_when_somebody_wrote_meanwhile(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer between two of its queries must not leave half of his change in the intent."""
    furnish(people.blue)
    read, writes = snapshot.endpoints_of, iter(["late", "later"])

    def disturbed(tenant_id: int) -> Any:
        found = read(tenant_id)
        if name := next(writes, None):
            create_policy(actor=SYSTEM, tenant=people.blue, name=name)
        return found

    monkeypatch.setattr(snapshot, "endpoints_of", disturbed)
    intent = tenant_intent(people.blue.pk)
    assert {policy.name for policy in intent.policies} == {"p", "late", "later"}
    assert intent.generation == Tenant.objects.get(pk=people.blue.pk).generation


def test_it_makes_writers_wait_when_they_never_pause(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(people.blue)
    read, count = snapshot.endpoints_of, iter(range(snapshot.ATTEMPTS))

    def disturbed(tenant_id: int) -> Any:
        if (number := next(count, None)) is not None:
            create_policy(actor=SYSTEM, tenant=people.blue, name=f"p{number}")
        return read(tenant_id)

    monkeypatch.setattr(snapshot, "endpoints_of", disturbed)
    assert tenant_intent(people.blue.pk).generation == Tenant.objects.get(pk=people.blue.pk).generation
