"""Several who write at the same moment: a condition lets one through, a key is used once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from agent.joining import new_request
from core.joining import parse
from networks.actions import (
    TurnedAway,
    create_network,
    create_node,
    end_join_token,
    join_node,
    make_join_token,
    update_fabric,
    update_node,
)
from networks.models import JoinToken, Knock, Network, Node
from tenants.change import SYSTEM
from tenants.models import AuditEntry, ClusterRecord
from tenants.testing import client_of, make_cast
from tests.meeting import meeting
from tests.test_api_routes import furnish

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 5
PATIENCE_S = 60


def at_once(ask: Callable[[Any, int], Any], name: str = "alice") -> list[Any]:
    """The answers to `ask(client, number)` of one person's programs, which all begin together."""
    person, barrier, answers = User.objects.get(username=name), threading.Barrier(WRITERS), []

    def run(number: int) -> None:
        try:
            barrier.wait(PATIENCE_S)
            answers.append(ask(client_of(person), number))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(answers) == WRITERS
    return answers


def test_of_several_who_saw_the_same_one_changes_it() -> None:
    people = make_cast()
    net = create_network(actor=SYSTEM, tenant=people.blue, name="app", subnet4="20.1.1.0/24")
    where = f"/api/v2/networks/{net.pk}/"
    tag = client_of(people.alice).get(where)["ETag"]

    def change(client: Any, number: int) -> Any:
        body = {"gateway4": f"20.1.1.{number + 1}"}
        return client.patch(where, body, format="json", headers={"If-Match": tag})

    answers = at_once(change)
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * (WRITERS - 1)
    assert AuditEntry.objects.filter(verb="network.update").count() == 1


#: What belongs to no tenant, by a change of it that each writer makes in her own way.
OF_CLUSTER: dict[str, Callable[[int], dict[str, Any]]] = {
    "nodes": lambda number: {"vtep": f"192.0.2.{number + 10}"},
    "bgp-peers": lambda number: {"asn": str(65000 + number)},
    "aci-gateways": lambda number: {"physical_domain": f"domain-{number}"},
    "tenants": lambda number: {"description": f"said by {number}"},
    "fabric": lambda number: {"vxlan_last": 20_000 + number},
}


@pytest.mark.parametrize("kind", OF_CLUSTER)
def test_of_several_administrators_who_saw_the_same_one_changes_it(kind: str) -> None:
    rows = furnish(make_cast().blue, "192.0.2.1")
    where = "/api/v2/fabric/" if kind == "fabric" else f"/api/v2/{kind}/{rows[kind]}/"
    root = client_of(User.objects.get(username="root"))
    tag = root.get(where)["ETag"]

    def change(client: Any, number: int) -> Any:
        return client.patch(where, OF_CLUSTER[kind](number), format="json", headers={"If-Match": tag})

    answers = at_once(change, "root")
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * (WRITERS - 1)
    now = root.get(where)
    assert now["ETag"] == next(answer["ETag"] for answer in answers if answer.status_code == 200) != tag
    assert all(answer.json()["current"] == now.json() for answer in answers if answer.status_code == 412)


def test_bulks_of_the_same_nodes_in_another_order_do_not_wait_for_each_other_for_ever() -> None:
    make_cast()
    nodes = [create_node(actor=SYSTEM, name=f"n{n}", vtep=f"192.0.2.{n}")[0].pk for n in (1, 2, 3)]

    def change(client: Any, number: int) -> Any:
        order = nodes if number % 2 else nodes[::-1]
        operations = [{"op": "update", "id": pk, "body": {"labels": {"by": str(number)}}} for pk in order]
        return client.post("/api/v2/nodes/bulk/", {"operations": operations}, format="json")

    assert {answer.status_code for answer in at_once(change, "root")} == {200}
    assert len({str(node.labels) for node in Node.objects.all()}) == 1


def test_one_key_makes_one_thing_and_all_get_the_same_answer() -> None:
    make_cast()

    def make(client: Any, number: int) -> Any:
        body = {"tenant": "blue", "name": "app", "subnet4": "20.1.1.0/24"}
        return client.post("/api/v2/networks/", body, format="json", headers={"Idempotency-Key": "one"})

    answers = at_once(make)
    assert [answer.status_code for answer in answers] == [201] * WRITERS
    assert len({answer.json()["id"] for answer in answers}) == Network.objects.count() == 1


def test_bulks_of_the_same_tenants_in_another_order_do_not_wait_for_each_other_for_ever() -> None:
    people = make_cast()
    from tenants.actions import add_member

    add_member(actor=SYSTEM, tenant=people.green, user=people.alice, role="editor")

    def make(client: Any, number: int) -> Any:
        tenants = ["blue", "green"] if number % 2 else ["green", "blue"]
        operations = [
            {"op": "create", "body": {"tenant": name, "name": f"n{number}", "subnet4": f"20.{number}.0.0/24"}}
            for name in tenants
        ]
        return client.post("/api/v2/networks/bulk/", {"operations": operations}, format="json")

    assert {answer.status_code for answer in at_once(make)} == {200}
    assert Network.objects.count() == 2 * WRITERS


def test_a_conditional_change_of_a_node_and_another_change_of_it_wait_in_one_line() -> None:
    """Every change of the cluster locks the cluster's record first: so does one with a condition."""
    people = make_cast()
    node = create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1")[0]
    root, where = client_of(people.root), f"/api/v2/nodes/{node.pk}/"
    tag = root.get(where)["ETag"]
    answers: list[Any] = []

    def conditional() -> None:
        answers.append(root.patch(where, {"vtep": "192.0.2.2"}, format="json", headers={"If-Match": tag}))

    meeting(ClusterRecord.locked, conditional, lambda: update_node(actor=SYSTEM, row=node, vtep="192.0.2.3"))
    assert answers[0].status_code == 412
    assert Node.objects.get().vtep == "192.0.2.3"


def test_a_machine_that_joins_and_a_token_that_is_ended_wait_in_one_line() -> None:
    make_cast()
    _, text = make_join_token(actor=SYSTEM)
    row, (_, request) = JoinToken.objects.get(), new_request("n9")
    give = {"actor": SYSTEM, "name": "n9", "vtep": "192.0.2.9", "request": request}
    outcome: list[str] = []

    def join() -> None:
        try:
            join_node(secret=parse(text).secret, **give)
            outcome.append("in")
        except TurnedAway as error:
            outcome.append(error.why)

    meeting(ClusterRecord.locked, join, lambda: end_join_token(actor=SYSTEM, row=row))
    assert outcome == [Knock.Why.ENDED_TOKEN]


def test_a_conditional_change_of_the_fabric_waits_in_the_same_line() -> None:
    people = make_cast()
    root, where = client_of(people.root), "/api/v2/fabric/"
    tag = root.get(where)["ETag"]
    answers: list[Any] = []

    def conditional() -> None:
        answers.append(root.patch(where, {"vlan_last": 3000}, format="json", headers={"If-Match": tag}))

    meeting(ClusterRecord.locked, conditional, lambda: update_fabric(actor=SYSTEM, vlan_last=2000))
    assert answers[0].status_code == 412
