"""Several who write at the same moment: a condition lets one through, a key is used once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from networks.actions import create_network
from networks.models import Network
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.testing import client_of, make_cast

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 5
PATIENCE_S = 60


def at_once(ask: Callable[[Any, int], Any]) -> list[Any]:
    """The answers to `ask(client, number)` of Alice's programs, which all begin together."""
    alice, barrier, answers = User.objects.get(username="alice"), threading.Barrier(WRITERS), []

    def run(number: int) -> None:
        try:
            barrier.wait(PATIENCE_S)
            answers.append(ask(client_of(alice), number))
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
