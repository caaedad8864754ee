"""Services, application profiles and contract groups in the API: what every kind does, and what is theirs."""

from __future__ import annotations

from typing import Any

import pytest

from networks.actions import create_group, create_network, delete_network
from networks.models import AddressReservation, EndpointGroup, Network
from routing import actions
from routing.models import STORED_ONLY, AciGateway, AppProfile, BgpPeer, Service
from routing.resources import APP_PROFILE, CONTRACT_GROUP, SERVICE
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast, ResourceTests, client_of, codes


def network_in(tenant: Tenant) -> Network:
    found = Network.objects.filter(tenant=tenant).first()
    return found or create_network(
        actor=SYSTEM, tenant=tenant, name="net", subnet4="20.1.1.0/24", gateway4="20.1.1.254"
    )


def group_in(tenant: Tenant, name: str) -> EndpointGroup:
    return create_group(actor=SYSTEM, tenant=tenant, name=name, network=network_in(tenant))


def service_in(tenant: Tenant, name: str, **fields: Any) -> Service:
    said = {"selectors": {"app": "web"}, "ports": ["80:8080:TCP"], "network": network_in(tenant)} | fields
    return actions.create_service(actor=SYSTEM, tenant=tenant, name=name, **said)


class TestServices(ResourceTests):
    resource = SERVICE
    patch = {"ports": ["81:8081:UDP"]}

    def make(self, tenant: Tenant, name: str) -> Any:
        return service_in(tenant, name)

    def body(self, people: Cast) -> dict[str, Any]:
        network = network_in(people.blue)
        return {"tenant": "blue", "name": "new", "network": network.pk, "selectors": {"a": "b"}, "ports": ["1:2:TCP"]}


class TestAppProfiles(ResourceTests):
    resource = APP_PROFILE
    patch = {"name": "renamed"}

    def make(self, tenant: Tenant, name: str) -> Any:
        return actions.create_app_profile(actor=SYSTEM, tenant=tenant, name=name)

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "name": "new", "groups": [group_in(people.blue, "web").pk]}


class TestContractGroups(ResourceTests):
    resource = CONTRACT_GROUP
    patch = {"kind": "consumed"}

    def make(self, tenant: Tenant, name: str) -> Any:
        return actions.create_contract_group(actor=SYSTEM, tenant=tenant, name=name, kind="provided")

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "name": "new", "kind": "provided", "contracts": ["uni/tn-common/brc-default"]}


def test_each_answer_says_that_it_is_not_in_effect(people: Cast) -> None:
    service_in(people.blue, "svc")
    assert client_of(people.alice).get("/api/v2/services/").json()["results"][0]["state"] == STORED_ONLY


def test_a_service_keeps_an_address_that_nobody_else_gets(people: Cast) -> None:
    first, second = service_in(people.blue, "one"), service_in(people.blue, "two", address="20.1.1.9")
    assert (first.address, second.address) == ("20.1.1.1", "20.1.1.9")
    assert service_in(people.blue, "three").address == "20.1.1.2"
    body = {"tenant": "blue", "name": "x", "network": first.network_id, "selectors": {"a": "b"}, "ports": ["1:2:TCP"]}
    answer = client_of(people.alice).post("/api/v2/services/", {**body, "address": "20.1.1.9"}, format="json")
    assert (answer.status_code, codes(answer)["address"]) == (400, "reserved")
    moved = actions.update_service(actor=SYSTEM, row=second, address="20.1.1.10")
    assert moved.address == "20.1.1.10"
    actions.delete_service(actor=SYSTEM, row=moved)
    kept = AddressReservation.objects.order_by("id").values_list("addresses", flat=True)
    assert list(kept) == ["20.1.1.1-20.1.1.1", "20.1.1.2-20.1.1.2"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"selectors": {}}, "selectors"),
        ({"ports": []}, "ports"),
        ({"ports": ["80:8080"]}, "ports"),
        ({"ports": ["80:8080:TCP", "0:1:TCP"]}, "ports"),
        ({"ports": ["80:70000:TCP"]}, "ports"),
        ({"address": "30.1.1.1"}, "address"),
    ],
)
def test_a_service_that_cannot_be_is_refused_at_its_field(people: Cast, fields: dict[str, Any], field: str) -> None:
    net = network_in(people.blue)
    body = {"tenant": "blue", "name": "svc", "network": net.pk, "selectors": {"app": "web"}, "ports": ["80:80:TCP"]}
    answer = client_of(people.alice).post("/api/v2/services/", body | fields, format="json")
    assert answer.status_code == 400
    assert field in codes(answer)
    assert not Service.objects.exists()


def test_a_network_with_a_service_stays_although_its_room_knows_of_none(people: Cast) -> None:
    service_in(people.blue, "svc")
    with pytest.raises(Refused, match="service svc needs it"):
        delete_network(actor=SYSTEM, row=network_in(people.blue))


def test_a_group_is_in_one_profile_at_a_time_and_both_say_so(people: Cast) -> None:
    web = group_in(people.blue, "web")
    first = actions.create_app_profile(actor=SYSTEM, tenant=people.blue, name="first", groups=[web])
    second = actions.create_app_profile(actor=SYSTEM, tenant=people.blue, name="second", groups=[web])
    assert (list(first.groups.all()), list(second.groups.all())) == ([], [web])
    entry = AuditEntry.objects.first()
    assert entry is not None and entry.after
    assert entry.after["groups"] == [{"id": web.pk, "name": "web"}]


def test_a_contract_group_on_a_group_stays(people: Cast) -> None:
    web = group_in(people.blue, "web")
    row = actions.create_contract_group(actor=SYSTEM, tenant=people.blue, name="c", kind="provided", groups=[web])
    with pytest.raises(Refused, match="it is on group web"):
        actions.delete_contract_group(actor=SYSTEM, row=row)
    actions.delete_contract_group(actor=SYSTEM, row=actions.update_contract_group(actor=SYSTEM, row=row, groups=[]))


def test_bgp_and_aci_are_for_cluster_administrators(people: Cast) -> None:
    body = {"name": "node-1", "router_address": "50.1.1.1/24", "asn": "65001", "neighbor": "50.1.1.2"}
    assert client_of(people.alice).post("/api/v2/bgp-peers/", body, format="json").status_code == 403
    root = client_of(people.root)
    assert root.post("/api/v2/bgp-peers/", body, format="json").status_code == 201
    for wrong in ({"asn": "x"}, {"router_address": "50.1.1.1"}, {"router_address": "50.1.1.1/32"}):
        answer = root.post("/api/v2/bgp-peers/", body | {"name": "node-2"} | wrong, format="json")
        assert set(codes(answer)) == set(wrong)
    assert BgpPeer.objects.count() == 1
    assert root.post("/api/v2/aci-gateways/", {"physical_domain": "dom1"}, format="json").status_code == 201
    assert root.post("/api/v2/aci-gateways/", {"physical_domain": "dom2"}, format="json").status_code == 400
    answer = root.patch(f"/api/v2/aci-gateways/{AciGateway.objects.get().pk}/", {"path_bindings": "bad"}, format="json")
    assert codes(answer) == {"path_bindings": "path"}


def test_the_gateway_stays_while_there_are_application_profiles(people: Cast) -> None:
    gateway = actions.create_gateway(actor=SYSTEM, physical_domain="dom1")
    actions.create_app_profile(actor=SYSTEM, tenant=people.blue, name="shop")
    with pytest.raises(Refused, match="tenant blue has application profile shop"):
        actions.delete_gateway(actor=SYSTEM, row=gateway)
    AppProfile.objects.all().delete()
    actions.delete_gateway(actor=SYSTEM, row=gateway)
