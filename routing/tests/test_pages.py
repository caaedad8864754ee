"""The pages of what is stored only: forms that speak to the verbs, and the words that say so."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from networks.actions import create_group, create_network
from routing.models import AciGateway, AppProfile, BgpPeer, ContractGroup, Service
from tenants.change import SYSTEM
from tenants.testing import Cast
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


@pytest.fixture
def net(people: Cast) -> Any:
    return create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")


def test_a_service_is_made_changed_and_says_that_it_is_not_in_effect(people: Cast, net: Any) -> None:
    alice = signed_in(people.alice)
    posted = {"name": "shop", "network": net.pk, "selectors": "app=web\n\ntier = front", "ports": "80:8080:TCP"}
    answer = alice.post(reverse("service.create"), posted)
    assert answer.status_code == 302, answer.context["form"].errors
    row = Service.objects.get()
    assert (row.selectors, row.ports, row.address) == ({"app": "web", "tier": "front"}, ["80:8080:TCP"], "20.1.1.1")
    for page in (reverse("service.list"), reverse("service.detail", args=[row.pk])):
        assert b"stored, not yet in effect" in alice.get(page).content
    page = reverse("service.edit", args=[row.pk])
    assert "app=web\ntier=front" in alice.get(page).content.decode()
    assert alice.post(page, posted | {"address": "20.1.1.9"}).status_code == 302
    assert Service.objects.get().address == "20.1.1.9"


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"selectors": "app"}, "selectors"), ({"ports": "80"}, "ports"), ({"address": "30.1.1.1"}, "address")],
)
def test_what_is_wrong_is_said_at_its_field(people: Cast, net: Any, fields: dict[str, str], field: str) -> None:
    posted = {"name": "shop", "network": net.pk, "selectors": "app=web", "ports": "80:8080:TCP"} | fields
    answer = signed_in(people.alice).post(reverse("service.create"), posted)
    assert list(answer.context["form"].errors) == [field]
    assert not Service.objects.exists()


def test_profiles_and_contracts(people: Cast, net: Any) -> None:
    web, alice = create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net), signed_in(people.alice)
    assert alice.post(reverse("app.create"), {"name": "shop", "groups": [web.pk]}).status_code == 302
    assert list(AppProfile.objects.get().groups.all()) == [web]
    posted = {"name": "c", "kind": "provided", "contracts": "uni/a\nuni/b", "groups": [web.pk]}
    assert alice.post(reverse("contract.create"), posted).status_code == 302
    assert ContractGroup.objects.get().contracts == ["uni/a", "uni/b"]


def test_bgp_and_aci_are_administrators_pages(people: Cast) -> None:
    for page in ("bgp.list", "aci.list", "bgp.create", "aci.create"):
        assert signed_in(people.alice).get(reverse(page)).status_code == 403
    root = signed_in(people.root)
    posted = {"name": "node-1", "router_address": "50.1.1.1/24", "asn": "65001", "neighbor": "", "neighbor_asn": ""}
    assert root.post(reverse("bgp.create"), posted).status_code == 302
    assert BgpPeer.objects.get().neighbor is None
    paths = ",".join(f"topology/pod-1/paths-{n}/pathep-[eth1/14]" for n in range(101, 140))
    answer = root.post(reverse("aci.create"), {"physical_domain": "dom1", "path_bindings": paths})
    assert answer.status_code == 302, answer.context["form"].errors
    assert (AciGateway.objects.get().path_bindings, AciGateway.objects.get().enforce_policies) == (paths, False)


def test_they_speak_chinese(people: Cast) -> None:
    client = signed_in(people.root)
    client.cookies["django_language"] = "zh-hans"
    page = client.get(reverse("service.list"), headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "已保存，尚未生效" in page
