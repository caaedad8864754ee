"""Quotas: what is counted, that nothing goes beyond them, however many write at once, and who sets them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.urls import reverse

from networks.actions import create_endpoint, create_group, create_network, update_endpoint
from networks.models import Endpoint, Network
from policies.actions import create_policy, create_profile, replace_rules, update_profile
from policies.models import Rule
from routing.actions import create_service
from tenants import quotas
from tenants.actions import set_quota
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast, client_of, make_cast, people
from tests.pages import signed_in, unhashed

__all__ = ["people", "unhashed"]
WRITERS, LIMIT = 20, 7


def limited(tenant: Tenant, **limits: int | None) -> None:
    set_quota(actor=SYSTEM, row=tenant, **limits)


def refused(make: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        make()
    error = caught.value.error_dict["__all__"][0]
    assert error.code == "quota"
    return str(error.message)


def test_each_kind_stops_at_its_limit_and_the_sentence_says_how_much(people: Cast) -> None:
    give: Any = {"actor": SYSTEM, "tenant": people.blue}
    limited(people.blue, networks=1, groups=1, endpoints=1, policies=1, rules=2, services=1)
    net = create_network(**give, name="a", subnet4="20.1.1.0/24")
    said = refused(lambda: create_network(**give, name="b", subnet4="20.1.2.0/24"))
    assert said.startswith("Tenant blue may have 1 networks, has 1 and would have 2.")
    assert not Network.objects.filter(name="b").exists()
    create_group(**give, name="g", network=net)
    refused(lambda: create_group(**give, name="h", network=net))
    create_endpoint(**give, name="e", network=net)
    refused(lambda: create_endpoint(**give, name="f", network=net))
    policy = create_policy(**give, name="p")
    refused(lambda: create_policy(**give, name="q"))
    three: list[dict[str, Any]] = [{"protocol": "tcp", "ports": str(port)} for port in (1, 2, 3)]
    refused(lambda: replace_rules(actor=SYSTEM, policy=policy, rules=three))
    replace_rules(actor=SYSTEM, policy=policy, rules=three[:2])
    assert Rule.objects.count() == 2
    service: dict[str, Any] = {"network": net, "selectors": {"a": "b"}, "ports": ["80:80:TCP"]}
    create_service(**give, name="s", **service)
    refused(lambda: create_service(**give, name="t", **service))
    create_network(actor=SYSTEM, tenant=people.green, name="b", subnet4="20.1.2.0/24")


def test_bandwidth_is_what_profiles_give_all_endpoints_together(people: Cast) -> None:
    give: Any = {"actor": SYSTEM, "tenant": people.blue}
    net = create_network(**give, name="n", subnet4="20.1.1.0/24")
    slow, free = (create_group(**give, name=name, network=net) for name in ("slow", "free"))
    profile = create_profile(**give, name="ten", rate_bps=10_000_000, groups=[slow])
    for number in (1, 2):
        create_endpoint(**give, name=f"e{number}", network=net, group=slow)
    other = create_endpoint(**give, name="other", network=net, group=free)
    assert {use.name: use.used for use in quotas.use_of(people.blue)}["bandwidth_bps"] == 20_000_000
    limited(people.blue, bandwidth_bps=25_000_000)
    refused(lambda: create_endpoint(**give, name="e3", network=net, group=slow))
    refused(lambda: update_endpoint(actor=SYSTEM, row=other, group=slow))
    refused(lambda: update_profile(actor=SYSTEM, row=profile, rate_bps=13_000_000))
    refused(lambda: update_profile(actor=SYSTEM, row=profile, groups=[slow, free]))
    update_profile(actor=SYSTEM, row=profile, rate_bps=12_500_000)


def test_a_limit_below_what_there_is_keeps_it_and_lets_in_no_more(people: Cast) -> None:
    give: Any = {"actor": SYSTEM, "tenant": people.blue}
    net = create_network(**give, name="n", subnet4="20.1.1.0/24")
    one = create_endpoint(**give, name="one", network=net)
    create_endpoint(**give, name="two", network=net)
    limited(people.blue, endpoints=1)
    update_endpoint(actor=SYSTEM, row=one, name="uno")
    refused(lambda: create_endpoint(**give, name="three", network=net))
    limited(people.blue, endpoints=None)
    create_endpoint(**give, name="three", network=net)


def test_administrators_set_them_and_members_see_them(people: Cast) -> None:
    path = f"/api/v2/tenants/{people.blue.pk}/quota/"
    answer = client_of(people.root).patch(path, {"networks": 3}, format="json")
    assert (answer.status_code, answer.json()["networks"]) == (200, {"used": 0, "limit": 3})
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.verb, entry.before and entry.before["limits"], entry.after and entry.after["limits"]) == (
        "quota.update",
        {},
        {"networks": 3},
    )
    assert client_of(people.bob).get(path).json()["networks"]["limit"] == 3
    assert client_of(people.alice).patch(path, {"networks": 30}, format="json").status_code == 403
    assert client_of(people.charlie).get(path).status_code == 404
    for wrong in ({"networks": -1}, {"networks": "many"}):
        assert client_of(people.root).patch(path, wrong, format="json").status_code == 400
    assert client_of(people.root).patch(path, {"networks": None}, format="json").json()["networks"]["limit"] is None
    body = {"tenant": "blue", "name": "n", "subnet4": "20.1.1.0/24"}
    limited(people.blue, networks=0)
    said = client_of(people.alice).post("/api/v2/networks/", body, format="json").json()
    assert said["errors"][0]["code"] == "quota"


def test_they_are_changed_on_condition_that_they_are_what_was_seen(people: Cast) -> None:
    root, path = client_of(people.root), f"/api/v2/tenants/{people.blue.pk}/quota/"
    seen = root.get(path)["ETag"]
    made = root.patch(path, {"networks": 3}, format="json", headers={"If-Match": seen})
    assert (made.status_code, made["ETag"]) == (200, root.get(path)["ETag"])
    late = root.patch(path, {"networks": 4}, format="json", headers={"If-Match": seen})
    assert (late.status_code, late.json()["current"]["networks"]["limit"]) == (412, 3)


@pytest.mark.usefixtures("unhashed")
def test_the_form_says_what_is_left_and_the_page_how_much_is_in_use(people: Cast) -> None:
    limited(people.blue, networks=2)
    create_network(actor=SYSTEM, tenant=people.blue, name="n", subnet4="20.1.1.0/24")
    alice = signed_in(people.alice)
    assert "1 of 2 are in use, 1 are left." in alice.get(reverse("network.create")).content.decode()
    page = alice.get(reverse("tenant.detail", args=[people.blue.pk])).content.decode()
    assert '<progress class="bar-of" max="2" value="1"' in page
    root, url = signed_in(people.root), reverse("tenant.quota", args=[people.blue.pk])
    assert root.post(url, {"networks": "1", "rules": ""}).status_code == 302
    people.blue.refresh_from_db()
    assert people.blue.limits == {"networks": 1}
    full = alice.get(reverse("network.create")).content.decode()
    assert "has as many as it may: 1" in full


@pytest.mark.usefixtures("unhashed")
def test_a_form_that_was_refused_says_so_once_and_goes_on_saying_what_is_left_of_others(people: Cast) -> None:
    net = create_network(actor=SYSTEM, tenant=people.blue, name="n", subnet4="20.1.1.0/24")
    slow = create_group(actor=SYSTEM, tenant=people.blue, name="slow", network=net)
    create_profile(actor=SYSTEM, tenant=people.blue, name="ten", rate_bps=10_000_000, groups=[slow])
    limited(people.blue, networks=1, endpoints=5, bandwidth_bps=1)
    alice = signed_in(people.alice)
    typed = {"name": "m", "subnet4": "20.1.2.0/24", "encap": "vxlan"}
    page = alice.post(reverse("network.create"), typed).content.decode()
    assert page.count("ask a cluster administrator for more") == 1
    assert "may have 1 networks, has 1 and would have 2" in page
    page = alice.post(reverse("network.create"), {**typed, "name": "-"}).content.decode()
    assert page.count("ask a cluster administrator for more") == 1, "what is wrong besides does not hide it"
    page = alice.post(reverse("endpoint.create"), {"name": "e", "network": net.pk, "group": slow.pk}).content.decode()
    assert "may have 1 bit/s of bandwidth" in page and "0 of 5 are in use" in page


@pytest.mark.django_db(transaction=True)
def test_twenty_writers_at_the_edge_fill_it_and_never_go_beyond() -> None:
    """None too many, and none lost that fits; of two kinds at once, one of them limited by a sum."""
    people = make_cast()
    give: Any = {"actor": SYSTEM, "tenant": people.blue}
    net = create_network(**give, name="n", subnet4="20.1.0.0/16")
    group = create_group(**give, name="g", network=net)
    create_profile(**give, name="p", rate_bps=1_000_000, groups=[group])
    create_endpoint(**give, name="there", network=net, group=group)
    limited(people.blue, networks=LIMIT, bandwidth_bps=LIMIT * 1_000_000)
    meet = Barrier(WRITERS, timeout=60)

    def write(number: int) -> list[str]:
        try:
            meet.wait()
            return [
                "n " + tried(lambda: create_network(**give, name=f"n{number}", subnet4=f"30.{number}.0.0/24")),
                "e " + tried(lambda: create_endpoint(**give, name=f"e{number}", network=net, group=group)),
            ]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        said = Counter(one for both in pool.map(write, range(WRITERS)) for one in both)
    fits = LIMIT - 1
    assert said == {"n made": fits, "n quota": WRITERS - fits, "e made": fits, "e quota": WRITERS - fits}
    assert (Network.objects.count(), Endpoint.objects.count()) == (LIMIT, LIMIT)


def tried(make: Any) -> str:
    try:
        make()
    except ValidationError as error:
        return str(error.error_dict["__all__"][0].code)
    return "made"
