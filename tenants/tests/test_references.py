"""Activity names what the record keeps by its key."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from networks.actions import create_endpoint, create_group, create_network, create_node, delete_endpoint, update_network
from policies.actions import add_rule, create_policy
from tenants.actions import add_member
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.record import described
from tenants.references import names_of
from tenants.testing import Cast, people

__all__ = ["people"]


def lines(verb: str) -> dict[str, tuple[str | None, str | None]]:
    entry: Any = described(AuditEntry.objects.filter(verb=verb)[:1])[0]
    return {line.field: (line.before, line.after) for _title, line in entry.lines}


def test_ids_are_told_by_the_names_their_objects_have_now(people: Cast) -> None:
    net = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="10.1.0.0/24")
    group = create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1")
    create_endpoint(actor=SYSTEM, tenant=people.blue, name="e", network=net, group=group, node=node)
    told = lines("endpoint.create")
    assert (told["network"], told["group"], told["node"]) == ((None, "net"), (None, "web"), (None, "n1"))
    update_network(actor=SYSTEM, row=net, name="renamed")
    assert lines("group.create")["network"] == (None, "renamed")
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, peer="group", peer_group=group)
    assert lines("rule.create")["policy"] == (None, "p")
    add_member(actor=SYSTEM, tenant=people.green, user=people.alice, role="viewer")
    assert lines("member.create")["user"] == (None, "alice")


def test_what_is_gone_is_told_by_its_id(people: Cast) -> None:
    net = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="10.1.0.0/24")
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1")
    row = create_endpoint(actor=SYSTEM, tenant=people.blue, name="e", network=net, node=node)
    delete_endpoint(actor=SYSTEM, row=row)
    pk = node.pk
    node.delete()
    assert lines("endpoint.delete")["node"] == (str(pk), None)
    assert lines("endpoint.delete")["network"] == ("net", None)


def test_many_entries_cost_as_many_queries_as_few(people: Cast) -> None:
    for name in ("a", "b", "c", "d"):
        third = "abcd".index(name)
        net = create_network(actor=SYSTEM, tenant=people.blue, name=name, subnet4=f"10.1.{third}.0/24")
        create_group(actor=SYSTEM, tenant=people.blue, name=f"g{name}", network=net)
    entries = list(AuditEntry.objects.filter(verb="group.create"))
    counts = []
    for some in (entries[:1], entries):
        with CaptureQueriesContext(connection) as queries:
            assert len(names_of(some)["endpointgroup"]) >= len(some)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 2
