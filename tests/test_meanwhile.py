"""Two people with the same form open: whoever saves last is told, instead of setting back what the other has done."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from networks.actions import update_fabric
from networks.models import Network
from policies.models import Policy
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Membership, Tenant
from tenants.testing import Cast, people
from tests.pages import furnish, page_routes, signed_in, unhashed, url_of
from tests.test_unchanged import typed

__all__ = ["people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")
SAID = "Somebody changed it meanwhile. Open the page anew to see it; what you typed is still here."
EDITED = [name for name, keyed in page_routes() if keyed and name.endswith(".edit")]
#: What the other one typed, by a field of the form.
OTHERS = {
    "labels": "by=other",
    "first_name": "Other",
    "role": "editor",
    "neighbor": "50.1.1.9",
    "node_bindings": "topology/pod-1/node-9",
}


def opened(client: Client, page: str) -> dict[str, Any]:
    return typed(client.get(page).context["form"])


@pytest.mark.parametrize("name", EDITED)
def test_the_last_one_is_told_and_keeps_what_she_typed(people: Cast, name: str) -> None:
    keys = furnish(people.blue, "192.0.2.1")
    Membership.objects.create(tenant=people.blue, user=people.charlie, role="owner")
    page, hers, other = url_of(name, keys), signed_in(people.root), signed_in(people.root)
    shown = hers.get(page).context["form"].fields
    field, value = next(one for one in OTHERS.items() if one[0] in shown)
    mine = opened(hers, page)
    theirs = {**opened(other, page), field: value}
    answer = other.post(page, theirs)
    assert answer.status_code == 302, answer.context["form"].errors
    count = AuditEntry.objects.count()
    refused = hers.post(page, {**mine, field: mine.get(field, "")})
    assert (refused.status_code, AuditEntry.objects.count()) == (409, count)
    assert SAID in refused.content.decode()
    kept = typed(refused.context["form"])
    assert {name: str(value).replace("'", "") for name, value in kept.items() if value} == {
        name: str(value) for name, value in mine.items() if value
    }
    assert hers.post(page, {**opened(hers, page), field: mine.get(field, "")}).status_code == 302, (
        "who looked again may"
    )


def test_a_program_that_does_not_say_what_it_saw_is_let_through(people: Cast) -> None:
    keys, root = furnish(people.blue, "192.0.2.1"), signed_in(people.root)
    page = url_of("network.edit", keys)
    mine = {name: value for name, value in opened(root, page).items() if name != "as_seen"}
    Network.objects.filter(pk=keys["networks"]).update(label="other")
    assert root.post(page, {**mine, "label": "mine"}).status_code == 302
    assert Network.objects.get(pk=keys["networks"]).label == "mine"


def test_what_the_form_does_not_show_is_not_set_back_and_refuses_nothing(people: Cast) -> None:
    keys, root = furnish(people.blue, "192.0.2.1"), signed_in(people.root)
    page = url_of("policy.edit", keys)
    mine = opened(root, page)
    Policy.objects.filter(pk=keys["policies"]).update(generation=99)
    assert root.post(page, {**mine, "labels": "by=me"}).status_code == 302


def test_quotas_and_the_fabric_are_asked_the_same(people: Cast) -> None:
    root = signed_in(people.root)
    quota, fabric = reverse("tenant.quota", args=[people.blue.pk]), reverse("fabric")
    mine, ours = opened(root, quota), opened(root, fabric)
    Tenant.objects.filter(pk=people.blue.pk).update(limits={"networks": 7})
    update_fabric(actor=SYSTEM, vlan_last=4000)
    for page, said in ((quota, mine), (fabric, ours)):
        answer = root.post(page, said)
        assert (answer.status_code, SAID in answer.content.decode()) == (409, True), page
    assert opened(root, quota)["networks"] == 7
    assert root.post(quota, {**opened(root, quota), "groups": "3"}).status_code == 302
    assert Tenant.objects.get(pk=people.blue.pk).limits == {"networks": 7, "groups": 3}
