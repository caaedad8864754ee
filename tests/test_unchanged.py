"""What is asked to be as it is already: nothing is done, nothing is written down, and whoever asked is told so."""

from __future__ import annotations

from typing import Any

import pytest

from networks.actions import create_group
from networks.models import Network
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Realization, Tenant
from tenants.testing import Cast, client_of, people
from tests.pages import furnish, page_routes, signed_in, unhashed, url_of

__all__ = ["people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")
#: Kinds whose objects can be changed, as their addresses in the API say them.
KINDS = (
    *("networks", "reservations", "groups", "endpoints", "policies", "rules", "profiles", "nodes", "tenants"),
    *("members", "users", "services", "app-profiles", "contract-groups", "bgp-peers", "aci-gateways"),
)


def standing() -> tuple[Any, ...]:
    """All that a change of anything moves."""
    generations = list(Tenant.objects.order_by("pk").values_list("pk", "generation"))
    return generations, AuditEntry.objects.count(), Realization.objects.count()


def written(data: dict[str, Any]) -> dict[str, Any]:
    """An object as it is read, as it is written: others by their ids."""
    return {name: _written(value) for name, value in data.items()}


def _written(value: Any) -> Any:
    if isinstance(value, list):
        return [_written(one) for one in value]
    return value["id"] if isinstance(value, dict) and value.keys() == {"id", "name"} else value


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_sent_back_as_it_was_read_is_not_changed(people: Cast, kind: str) -> None:
    keys = furnish(people.blue, "192.0.2.1")
    root, where = client_of(people.root), f"/api/v2/{kind}/{keys[kind]}/"
    read, before = root.get(where), standing()
    answer = root.patch(where, written(read.json()), format="json")
    assert (answer.status_code, answer.json()) == (200, read.json())
    assert answer["ETag"] == read["ETag"]
    assert standing() == before
    assert root.patch(where, {}, format="json").json() == read.json()
    assert standing() == before


def typed(form: Any) -> dict[str, Any]:
    """What a browser sends of a form that nobody typed into."""
    values = {name: form[name].value() for name, field in form.fields.items() if not field.disabled}
    return {name: value for name, value in values.items() if value not in (None, False)}


EDITED = [name for name, keyed in page_routes() if keyed and name.endswith(".edit")]


@pytest.mark.parametrize("name", [name for name in EDITED if not name.startswith("user.")])
def test_a_form_saved_as_it_was_changes_nothing_and_says_so(people: Cast, name: str) -> None:
    keys = furnish(people.blue, "192.0.2.1")
    root, page = signed_in(people.root), url_of(name, keys)
    form = root.get(page).context["form"]
    before = standing()
    answer = root.post(page, typed(form), follow=True)
    assert answer.redirect_chain, answer.context["form"].errors
    said = answer.content.decode()
    assert "Nothing was changed:" in said and "is saved." not in said
    assert "?saved=" not in answer.redirect_chain[0][0]
    assert standing() == before


def test_what_is_only_typed_otherwise_is_the_same(people: Cast) -> None:
    keys, root = furnish(people.blue, "192.0.2.1"), client_of(people.root)
    rule, policy = f"/api/v2/rules/{keys['rules']}/", f"/api/v2/policies/{keys['policies']}/"
    assert root.patch(rule, {"protocol": "tcp", "ports": "80, 443"}, format="json").status_code == 200
    other = create_group(
        actor=SYSTEM, tenant=people.blue, name="other", network=Network.objects.get(pk=keys["networks"])
    )
    assert root.patch(policy, {"groups": [keys["groups"], other.pk]}, format="json").status_code == 200
    before = standing()
    assert root.patch(rule, {"protocol": "TCP", "ports": "443,80"}, format="json").json()["ports"] == "80, 443"
    assert root.patch(policy, {"groups": [other.pk, keys["groups"]]}, format="json").status_code == 200
    assert standing() == before


@pytest.mark.parametrize("kind", ["policies", "profiles", "app-profiles", "contract-groups"])
def test_other_groups_alone_are_a_change(people: Cast, kind: str) -> None:
    keys, root = furnish(people.blue, "192.0.2.1"), client_of(people.root)
    where, number = f"/api/v2/{kind}/{keys[kind]}/", AuditEntry.objects.count()
    for n, groups in enumerate(([], [keys["groups"]], [])):
        generation = root.patch(where, {"groups": groups}, format="json").json()["generation"]
        already = kind != "policies" and n == 0
        number += not already
        assert AuditEntry.objects.count() == number
        assert already or generation == Tenant.objects.get(pk=people.blue.pk).generation
