"""The standing cast of the tests, and what every kind of object must do in the API, to be inherited.

Alice owns blue, Bob may only look at blue, Charlie owns green and must never learn what blue has, and root administers
the cluster. Blue and green have networks of the same subnet.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from contivui.web.resource import Resource
from tenants.actions import add_member, create_tenant
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Role, Tenant


@dataclass(frozen=True)
class Cast:
    alice: User
    bob: User
    charlie: User
    root: User
    blue: Tenant
    green: Tenant


def make_cast() -> Cast:
    alice, bob, charlie = (User.objects.create(username=name) for name in ("alice", "bob", "charlie"))
    root = User.objects.create(username="root", is_superuser=True)
    blue = create_tenant(actor=SYSTEM, name="blue", owner=alice)
    green = create_tenant(actor=SYSTEM, name="green", owner=charlie)
    add_member(actor=SYSTEM, tenant=blue, user=bob, role=Role.VIEWER)
    return Cast(alice, bob, charlie, root, blue, green)


@pytest.fixture
def people(db: None) -> Cast:
    """Alice, Bob, Charlie and root, with tenants blue and green."""
    return make_cast()


def client_of(user: User | None) -> APIClient:
    """The API as this person sees it; None for somebody who is not logged in."""
    client = APIClient()
    if user is not None:
        client.force_authenticate(User.objects.select_related("held_role").get(pk=user.pk))
    return client


def codes(answer: Any) -> dict[str, str]:
    """The errors of a problem document: field → code."""
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


class ResourceTests:
    """What holds for every kind of object a tenant owns. Subclasses say what it is and how one is made.

    `make(tenant, name)` makes a row through its verb; `body(people)` is a valid request for a new one in blue, and
    `patch` a change of one.
    """

    resource: ClassVar[Resource]
    patch: ClassVar[dict[str, Any]]

    def make(self, tenant: Tenant, name: str) -> Any:
        raise NotImplementedError

    def body(self, people: Cast) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def path(self) -> str:
        return f"/api/v2/{self.resource.plural}/"

    def rows(self, tenant: Tenant) -> Any:
        path = self.resource.model.tenant_path  # type: ignore[attr-defined]
        return self.resource.model._default_manager.filter(**{path: tenant})

    def test_it_asks_strangers_to_log_in(self, people: Cast) -> None:
        answer = client_of(None).get(self.path)
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["WWW-Authenticate"].startswith("Token")

    def test_it_lists_only_what_the_person_may_see(self, people: Cast) -> None:
        row = self.make(people.blue, "mine")
        for person, sees in ((people.alice, True), (people.bob, True), (people.root, True), (people.charlie, False)):
            results = client_of(person).get(self.path).json()["results"]
            assert (row.pk in [each["id"] for each in results]) is sees, person

    def test_it_hides_another_tenants_object_behind_404(self, people: Cast) -> None:
        row = self.make(people.blue, "mine")
        client, path = client_of(people.charlie), f"{self.path}{row.pk}/"
        answers = [
            client.get(path),
            client.get(f"{path}realization/"),
            client.patch(path, self.patch, format="json"),
            client.put(path, self.body(people), format="json"),
            client.delete(path),
        ]
        assert {answer.status_code for answer in answers} == {404}
        nothing = client.get(f"{self.path}{row.pk + 1000}/").json()
        assert answers[0].json() == nothing, "what is hidden and what is not there look alike"
        assert self.rows(people.blue).filter(pk=row.pk).exists()

    def test_it_refuses_to_make_one_in_another_tenant_as_if_that_did_not_exist(self, people: Cast) -> None:
        body, before = self.body(people), self.rows(people.blue).count()
        client = client_of(people.charlie)
        hidden = client.post(self.path, body, format="json")
        absent = client.post(self.path, {**body, "tenant": "nowhere"}, format="json")
        assert (hidden.status_code, codes(hidden)["tenant"]) == (400, "unknown")
        assert hidden.json()["errors"][0]["message"].replace("blue", "…") == absent.json()["errors"][0][
            "message"
        ].replace("nowhere", "…")
        assert self.rows(people.blue).count() == before

    def test_it_lets_a_viewer_read_and_nothing_else(self, people: Cast) -> None:
        row, body = self.make(people.blue, "mine"), self.body(people)
        client, path = client_of(people.bob), f"{self.path}{row.pk}/"
        assert client.get(path).status_code == 200
        answers = [
            client.post(self.path, body, format="json"),
            client.patch(path, self.patch, format="json"),
            client.put(path, body, format="json"),
            client.delete(path),
        ]
        assert {answer.status_code for answer in answers} == {403}
        assert "role of an" in answers[0].json()["detail"]
        assert self.rows(people.blue).filter(pk=row.pk).exists()

    def test_it_makes_one_and_records_who_did(self, people: Cast) -> None:
        body = self.body(people)
        generation = Tenant.objects.get(pk=people.blue.pk).generation
        answer = client_of(people.alice).post(self.path, body, format="json")
        assert answer.status_code == 201, answer.json()
        made = answer.json()
        assert made["tenant"] == "blue"
        assert answer["Location"] == f"{self.path}{made['id']}/"
        entry = AuditEntry.objects.first()
        assert entry is not None
        assert (entry.actor, entry.via, entry.verb) == ("alice", "api", f"{self.resource.name}.create")
        assert (entry.tenant, entry.object_id, entry.before) == (people.blue, made["id"], None)
        assert entry.generation == generation + 1 == Tenant.objects.get(pk=people.blue.pk).generation

    def test_it_changes_one_and_keeps_the_rest(self, people: Cast) -> None:
        row = self.make(people.blue, "mine")
        client, path = client_of(people.alice), f"{self.path}{row.pk}/"
        before = client.get(path).json()
        answer = client.patch(path, self.patch, format="json")
        assert answer.status_code == 200, answer.json()
        after = answer.json()
        changed = {name for name in after if after[name] != before[name]} - {"generation"}
        assert changed == set(self.patch)
        assert after == client.get(path).json()
        entry = AuditEntry.objects.first()
        assert entry is not None
        assert entry.verb == f"{self.resource.name}.update"
        assert entry.before != entry.after

    def test_it_deletes_one(self, people: Cast) -> None:
        row = self.make(people.blue, "mine")
        client, path = client_of(people.alice), f"{self.path}{row.pk}/"
        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404
        entry = AuditEntry.objects.first()
        assert entry is not None
        assert (entry.verb, entry.object_id, entry.after) == (f"{self.resource.name}.delete", row.pk, None)

    def test_it_answers_404_for_an_id_no_database_holds(self, people: Cast) -> None:
        for person in (people.alice, people.root):
            assert client_of(person).get(f"{self.path}{10**30}/").status_code == 404
            assert client_of(person).get(f"{self.path}0/").status_code == 404

    def test_it_refuses_a_filter_that_does_not_exist(self, people: Cast) -> None:
        answer = client_of(people.alice).get(f"{self.path}?colour=red")
        assert (answer.status_code, codes(answer)) == (400, {"colour": "filter"})

    def test_it_filters_by_tenant(self, people: Cast) -> None:
        blue, green = self.make(people.blue, "mine"), self.make(people.green, "mine")
        found = [each["id"] for each in client_of(people.root).get(f"{self.path}?tenant=green").json()["results"]]
        assert green.pk in found
        assert blue.pk not in found
        assert client_of(people.charlie).get(f"{self.path}?tenant=blue").json()["results"] == []

    def test_it_lists_many_with_as_many_queries_as_few(self, people: Cast) -> None:
        client = client_of(people.alice)
        self.make(people.blue, "first")
        few = self._queries(client)
        for number in range(12):
            self.make(people.blue, f"more-{number}")
        assert self._queries(client) == few <= 4

    def test_it_pages_through_all_rows_once_in_both_directions(self, people: Cast) -> None:
        for number in range(7):
            self.make(people.blue, f"row-{number}")
        client = client_of(people.alice)
        whole = [each["id"] for each in client.get(f"{self.path}?limit=500").json()["results"]]
        for ordering in ("", *self.resource.ordering):
            forth = self._walk(client, f"{self.path}?limit=3&ordering={ordering}", "next")
            assert sorted(chain(*forth)) == sorted(whole)
            back = self._walk(client, self._last, "previous")
            assert list(chain(*back[::-1])) == list(chain(*forth))

    def _queries(self, client: APIClient) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(self.path).status_code == 200
        return len(seen)

    def _walk(self, client: APIClient, url: str, direction: str) -> list[list[int]]:
        pages: list[list[int]] = []
        while url:
            self._last = url
            page = client.get(url).json()
            pages.append([each["id"] for each in page["results"]])
            url = page[direction] and f"{urlsplit(page[direction]).path}?{urlsplit(page[direction]).query}"
        return pages
