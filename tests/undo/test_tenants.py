"""Undo of tenants and their quotas."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from contivui.web.problem import Problem
from networks import actions as on_networks
from networks.models import Network
from tenants import actions as on_tenants
from tenants.change import SYSTEM
from tenants.models import Tenant
from tenants.testing import Cast, client_of, people
from tenants.undo import take_back
from tenants.verify import Verification
from tests.undo.taking import net, newest, undo

__all__ = ["net", "people"]


def test_a_tenant_comes_back_with_its_members_and_its_record_goes_on(people: Cast) -> None:
    before = set(people.blue.memberships.values_list("pk", "user", "role"))
    on_tenants.delete_tenant(actor=SYSTEM, row=people.blue)
    undo("tenant.delete")
    tenant = Tenant.objects.get(name="blue")
    assert set(tenant.memberships.values_list("pk", "user", "role")) == before
    assert client_of(people.bob).get("/api/v2/audit/").json()["results"][-1]["verb"] == "tenant.create"
    assert list(Verification().faults()) == []


def limits(tenant: Tenant) -> dict[str, int | None]:
    return {name: limit for name, limit in Tenant.objects.get(pk=tenant.pk).limits.items() if limit is not None}


def test_a_quota_is_what_it_was_limited_or_not(people: Cast) -> None:
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=3, rules=50)
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=5, endpoints=9, rules=None)
    (set_back,) = undo("quota.update")
    assert (set_back.verb, set_back.object_id) == ("quota.update", people.blue.pk)
    assert limits(people.blue) == {"networks": 3, "rules": 50}
    take_back([set_back], SYSTEM)
    assert limits(people.blue) == {"networks": 5, "endpoints": 9}


def test_a_quota_that_was_set_again_is_not_undone_and_the_later_change_is_named(people: Cast) -> None:
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=3)
    first = newest()
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=4)
    with pytest.raises(Problem) as refused:
        take_back([first], SYSTEM)
    assert f"changed since: system, quota.update (change {newest().pk})" in refused.value.message
    assert limits(people.blue) == {"networks": 4}


def test_a_lower_quota_comes_back_over_what_there_is_and_lets_no_more_in(people: Cast, net: Network) -> None:
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=1)
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=2)
    raised = newest()
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    on_networks.create_network(**give, name="second", subnet4="20.1.2.0/24")
    take_back([raised], SYSTEM)
    assert (limits(people.blue), Network.objects.count()) == ({"networks": 1}, 2)
    with pytest.raises(ValidationError, match="may have 1 networks, has 2"):
        on_networks.create_network(**give, name="third", subnet4="20.1.3.0/24")


def test_a_quota_is_set_back_by_who_may_set_it(people: Cast) -> None:
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=3)
    path = f"/api/v2/audit/{newest().pk}/undo/"
    refused = client_of(people.alice).post(path)
    assert (refused.status_code, "cluster administrators" in refused.json()["detail"]) == (403, True)
    assert limits(people.blue) == {"networks": 3}
    assert client_of(people.root).post(path).status_code == 200
    assert limits(people.blue) == {}


def test_a_tenant_comes_back_with_its_quota(people: Cast) -> None:
    on_tenants.set_quota(actor=SYSTEM, row=people.blue, networks=3, bandwidth_bps=10**9)
    on_tenants.delete_tenant(actor=SYSTEM, row=people.blue)
    undo("tenant.delete")
    assert limits(people.blue) == {"networks": 3, "bandwidth_bps": 10**9}
