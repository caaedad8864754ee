"""Undo of what is in networks, and of nodes."""

from __future__ import annotations

from typing import Any

import pytest

from contivui.web.problem import Problem
from contivui.web.trace import traced
from networks import actions as on_networks
from networks.check import differences
from networks.models import Endpoint, Network, Node
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.testing import Cast, client_of, people
from tenants.undo import take_back
from tenants.verify import Verification
from tests.undo.taking import net, newest, refusal, undo

__all__ = ["net", "people"]


def test_an_undo_is_a_change_that_can_be_undone(people: Cast, net: Network) -> None:
    endpoint = on_networks.create_endpoint(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    on_networks.delete_endpoint(actor=SYSTEM, row=endpoint)
    deleted = newest()
    (made,) = undo()
    assert (made.verb, made.undoes, made.object_id) == ("endpoint.create", deleted.pk, endpoint.pk)
    again = Endpoint.objects.get()
    assert (again.pk, again.mac, again.ip4) == (endpoint.pk, endpoint.mac, endpoint.ip4)
    (gone,) = take_back([made], SYSTEM)
    assert (gone.verb, Endpoint.objects.count()) == ("endpoint.delete", 0)
    take_back([deleted], SYSTEM)
    assert Endpoint.objects.get().pk == endpoint.pk
    assert list(Verification().faults()) == []


def test_ids_go_on_after_one_was_brought_back(people: Cast, net: Network) -> None:
    endpoint = on_networks.create_endpoint(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    on_networks.delete_endpoint(actor=SYSTEM, row=endpoint)
    undo()
    other = on_networks.create_endpoint(actor=SYSTEM, tenant=people.blue, name="next", network=net)
    assert other.pk > endpoint.pk


def test_what_was_changed_since_is_not_undone_and_the_change_is_named(people: Cast, net: Network) -> None:
    on_networks.update_network(actor=SYSTEM, row=net, name="other")
    on_networks.update_network(actor=SYSTEM, row=net, label="mine")
    later = newest()
    first = AuditEntry.objects.filter(verb="network.update").earliest("pk")
    with pytest.raises(Problem) as refused:
        take_back([first], SYSTEM)
    assert f"changed since: system, network.update (change {later.pk})" in refused.value.message
    assert Network.objects.get().name == "other"
    on_networks.delete_network(actor=SYSTEM, row=net)
    assert f"not there any more: system, network.delete (change {newest().pk})." in refusal("network.create")


def test_a_name_or_an_address_that_is_somebody_elses_now_is_named(people: Cast, net: Network) -> None:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue, "network": net}
    on_networks.delete_endpoint(actor=SYSTEM, row=on_networks.create_endpoint(**give, name="web"))
    other = on_networks.create_endpoint(**give, name="other")
    assert refusal("endpoint.delete").startswith("Endpoint other has 20.1.1.1 already")
    on_networks.update_endpoint(actor=SYSTEM, row=other, name="web")
    on_networks.create_reservation(**give, addresses="20.1.1.77")
    assert Endpoint.objects.get().pk == other.pk
    on_networks.delete_endpoint(actor=SYSTEM, row=on_networks.create_endpoint(**give, name="db", ip4="20.1.1.9"))
    on_networks.create_endpoint(**give, name="db", ip4="20.1.1.10")
    assert refusal("endpoint.delete") == "Tenant blue has a endpoint named db already. Choose another name."


def test_what_is_needed_by_others_and_what_it_needs_itself_is_named(people: Cast, net: Network) -> None:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    group = on_networks.create_group(**give, name="web", network=net)
    assert "group web is in it" in refusal("network.create")
    on_networks.delete_group(actor=SYSTEM, row=group)
    on_networks.create_reservation(**give, network=net, addresses="20.1.1.77")
    assert "20.1.1.77-20.1.1.77 of it was reserved" in refusal("network.create")
    on_networks.delete_network(actor=SYSTEM, row=net)
    gone = newest()
    why = f"which is not there any more: system, network.delete (change {gone.pk}). Undo that first."
    assert refusal("group.delete") == f"It needs network net, {why}"


def test_a_pool_comes_back_over_what_its_endpoints_have_of_it(people: Cast, net: Network) -> None:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue, "network": net}
    group = on_networks.create_group(**give, name="db", pool4="20.1.1.100-20.1.1.110")
    endpoint = on_networks.create_endpoint(**give, name="db-1", group=group)
    assert endpoint.ip4 == "20.1.1.100"
    on_networks.update_group(actor=SYSTEM, row=group, pool4="20.1.1.130-20.1.1.140")
    moved = newest()
    undo("group.update")
    assert on_networks.create_endpoint(**give, name="db-2", group=group).ip4 == "20.1.1.101"
    on_networks.update_group(actor=SYSTEM, row=group, pool4="20.1.1.130-20.1.1.140")
    on_networks.create_endpoint(**give, name="web", ip4="20.1.1.105")
    assert newest("group.update").pk > moved.pk
    assert refusal("group.update") == "Endpoint web has 20.1.1.105 now."
    assert list(differences()) == []


def test_a_label_comes_back_where_lists_look_for_it(people: Cast, net: Network) -> None:
    on_networks.update_network(actor=SYSTEM, row=net, labels={"id": "7", "name": "store"})
    on_networks.update_network(actor=SYSTEM, row=net, labels={"id": "7", "name": "other"})
    undo("network.update")
    found = client_of(people.alice).get("/api/v2/networks/?labels=name=store").json()["results"]
    assert [one["id"] for one in found] == [net.pk]


def test_a_node_goes_with_its_token_and_comes_back_without(people: Cast) -> None:
    with traced():
        node, _ = on_networks.create_node(actor=SYSTEM, name="node", vtep="192.0.2.1")
        on_networks.make_join_token(actor=SYSTEM, node=node)
    gone = undo("node.create")
    assert [entry.verb for entry in gone] == ["node.token_end", "node.delete"]
    back = undo("node.delete")
    assert [entry.verb for entry in back] == ["node.create"]
    assert (Node.objects.get().pk, node.join_tokens.count()) == (node.pk, 0)


def test_what_is_never_undone_says_why(people: Cast) -> None:
    node, _ = on_networks.create_node(actor=SYSTEM, name="node", vtep="192.0.2.1")
    token, _ = on_networks.make_join_token(actor=SYSTEM, node=node)
    on_networks.end_join_token(actor=SYSTEM, row=token)
    answer = client_of(people.root).post(f"/api/v2/audit/{newest().pk}/undo/")
    assert (answer.status_code, answer.json()["detail"].partition("undone. ")[2]) == (
        409,
        "A join token that was withdrawn opens nothing any more: its text was never kept. Make another.",
    )
