"""Networks, groups, endpoints, nodes and the fabric through the API."""

from __future__ import annotations

from typing import Any

import pytest

from core.joining import parse
from networks.actions import create_endpoint, create_group, create_network, create_node, create_reservation
from networks.actions.join_token import token_hash
from networks.models import Endpoint, JoinToken, Network, Node
from networks.resources import ENDPOINT, GROUP, NETWORK, RESERVATION
from tenants.change import SYSTEM
from tenants.models import Tenant
from tenants.testing import Cast, ResourceTests, client_of, codes


def network_in(tenant: Tenant, name: str = "net", third: int | None = None) -> Network:
    """A network of its own /24; the first of that name is made, later ones are found."""
    found = Network.objects.filter(tenant=tenant, name=name).first()
    octet = Network.objects.filter(tenant=tenant).count() if third is None else third
    return found or create_network(actor=SYSTEM, tenant=tenant, name=name, subnet4=f"20.1.{octet}.0/24")


class TestNetworks(ResourceTests):
    resource = NETWORK
    patch = {"gateway4": "20.1.0.254"}

    def make(self, tenant: Tenant, name: str) -> Any:
        return network_in(tenant, name)

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "name": "new", "subnet4": "30.0.0.0/24", "gateway4": "30.0.0.1"}


class TestGroups(ResourceTests):
    resource = GROUP
    patch = {"name": "renamed"}

    def make(self, tenant: Tenant, name: str) -> Any:
        return create_group(actor=SYSTEM, tenant=tenant, name=name, network=network_in(tenant))

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "name": "new", "network": network_in(people.blue).name}


class TestReservations(ResourceTests):
    resource = RESERVATION
    patch = {"note": "for the printer"}

    def make(self, tenant: Tenant, name: str) -> Any:
        net = network_in(tenant)
        return create_reservation(
            actor=SYSTEM, tenant=tenant, network=net, addresses=f"20.1.0.{100 + net.reservations.count()}"
        )

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "network": network_in(people.blue).name, "addresses": "20.1.0.7", "note": "router"}


class TestEndpoints(ResourceTests):
    resource = ENDPOINT
    patch = {"name": "renamed"}

    def make(self, tenant: Tenant, name: str) -> Any:
        return create_endpoint(actor=SYSTEM, tenant=tenant, name=name, network=network_in(tenant))

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "name": "new", "network": network_in(people.blue).pk}


def test_it_does_not_take_another_tenants_network_by_id_or_name(people: Cast) -> None:
    theirs = network_in(people.green, "secret")
    answers = [
        client_of(people.alice).post("/api/v2/groups/", {"tenant": "blue", "name": "g", "network": said}, format="json")
        for said in (theirs.pk, "secret", theirs.pk + 1000, 10**30)
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert [codes(answer) for answer in answers] == [{"network": "unknown"}] * 4
    shape = {
        answer.json()["detail"].replace(str(said), "…")
        for answer, said in zip(answers, (theirs.pk, "secret", theirs.pk + 1000, 10**30), strict=True)
    }
    assert shape == {"Tenant blue has no network …. Choose one from its list."}


def test_it_says_which_network_an_overlapping_subnet_overlaps(people: Cast) -> None:
    network_in(people.blue, "first", third=1)
    body = {"tenant": "blue", "name": "second", "subnet4": "20.1.0.0/16"}
    answer = client_of(people.alice).post("/api/v2/networks/", body, format="json")
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["type"], problem["status"], problem["users"]) == ("/problems/invalid", 400, [])
    assert problem["errors"] == [
        {
            "field": "subnet4",
            "code": "overlap",
            "message": "20.1.0.0/16 overlaps network first of this tenant, which has 20.1.1.0/24. "
            "Choose a subnet beside it.",
            "pointer": "#/subnet4",
        }
    ]


def test_it_answers_409_with_the_users_of_a_network(people: Cast) -> None:
    network = network_in(people.blue)
    create_group(actor=SYSTEM, tenant=people.blue, name="web", network=network)
    answer = client_of(people.alice).delete(f"/api/v2/networks/{network.pk}/")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/in_use")
    assert answer.json()["users"] == ["group web is in it"]


def test_it_refuses_to_move_an_object_to_another_tenant(people: Cast) -> None:
    network = network_in(people.blue)
    answer = client_of(people.root).patch(f"/api/v2/networks/{network.pk}/", {"tenant": "green"}, format="json")
    assert (answer.status_code, codes(answer)) == (400, {"tenant": "fixed"})


def test_it_filters_endpoints_by_the_id_and_the_name_of_their_network(people: Cast) -> None:
    one, other = network_in(people.blue, "one"), network_in(people.blue, "other")
    mine = create_endpoint(actor=SYSTEM, tenant=people.blue, name="a", network=one)
    create_endpoint(actor=SYSTEM, tenant=people.blue, name="b", network=other)
    client = client_of(people.alice)
    for said in (one.pk, "one"):
        found = client.get(f"/api/v2/endpoints/?network={said}").json()["results"]
        assert [each["id"] for each in found] == [mine.pk]
    assert client.get(f"/api/v2/endpoints/?network={10**40}").json()["results"] == []


def test_it_refuses_a_cursor_and_an_ordering_that_lead_nowhere(people: Cast) -> None:
    client = client_of(people.alice)
    for cursor in ("x", "W10", "WyJhIiwgMSwgInR3byJd", "bm90anNvbg"):
        assert client.get(f"/api/v2/networks/?cursor={cursor}").status_code == 404
    answer = client.get("/api/v2/networks/?ordering=tenant__memberships__user__password")
    assert (answer.status_code, codes(answer)) == (400, {"ordering": "order"})


@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_it_keeps_nodes_and_the_fabric_to_cluster_administrators(people: Cast, method: str) -> None:
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="10.0.0.1")
    client = client_of(people.alice)
    seen = getattr(client, method)(f"/api/v2/nodes/{node.pk}/" if method in ("patch", "delete") else "/api/v2/nodes/")
    assert seen.status_code in (403, 404)
    assert client.get(f"/api/v2/nodes/{node.pk}/").status_code in (403, 404)
    assert client.get("/api/v2/fabric/").status_code == 403
    assert client.patch("/api/v2/fabric/", {"vlan_first": 2}, format="json").status_code == 403
    assert Node.objects.get().name == "n1"


def test_it_shows_a_nodes_join_token_once_and_stores_only_its_hash(people: Cast) -> None:
    client = client_of(people.root)
    made = client.post("/api/v2/nodes/", {"name": "n1", "vtep": "10.0.0.1"}, format="json").json()
    assert "token" not in client.get(f"/api/v2/nodes/{made['id']}/").json()
    again = client.post(f"/api/v2/nodes/{made['id']}/token/").json()["token"]
    assert again != made["token"]
    stored = {row.token_hash for row in JoinToken.objects.filter(node=made["id"])}
    assert stored == {token_hash(parse(text).secret) for text in (made["token"], again)}


def test_it_lets_only_an_administrator_choose_an_endpoints_node(people: Cast) -> None:
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="10.0.0.1")
    row = create_endpoint(actor=SYSTEM, tenant=people.blue, name="a", network=network_in(people.blue))
    path = f"/api/v2/endpoints/{row.pk}/"
    answer = client_of(people.alice).patch(path, {"node": node.pk}, format="json")
    assert (answer.status_code, codes(answer)) == (400, {"node": "unknown"})
    assert client_of(people.root).patch(path, {"node": "n1"}, format="json").status_code == 200
    assert Endpoint.objects.get(pk=row.pk).node == node
    # Sending back what one was shown changes nothing, whoever does it.
    assert client_of(people.alice).patch(path, {"name": "b"}, format="json").json()["node"]["name"] == "n1"


def test_it_reads_and_sets_the_fabric(people: Cast) -> None:
    client = client_of(people.root)
    assert client.get("/api/v2/fabric/").json()["vxlan_last"] == 10000
    assert client.patch("/api/v2/fabric/", {"vxlan_last": 99}, format="json").json()["vxlan_last"] == 99
    assert client.get("/api/v2/fabric/").json()["vxlan_last"] == 99
    answer = client.patch("/api/v2/fabric/", {"vlan_last": 5000}, format="json")
    assert answer.status_code == 400
    assert list(codes(answer)) == ["vlan_last"]


def test_it_says_how_far_an_object_is_live(people: Cast) -> None:
    network = network_in(people.blue)
    answer = client_of(people.bob).get(f"/api/v2/networks/{network.pk}/realization/").json()
    assert answer["generation"] == network.generation
    assert answer["saved_at"] is not None
    assert (answer["stage"], answer["live_at"], answer["live_ms"], answer["live"]) == ("saved", None, None, 0)
    assert (answer["waiting"], answer["refused"]) == ([], [])


def test_a_name_is_looked_for_in_the_objects_own_tenant_only(people: Cast) -> None:
    """An administrator sees both networks of that name; only one of them can be meant."""
    for tenant in (people.green, people.blue):
        theirs, mine = network_in(people.green, "same"), network_in(people.blue, "same")
        body = {"tenant": tenant.name, "name": "g", "network": "same"}
        answer = client_of(people.root).post("/api/v2/groups/", body, format="json")
        assert answer.status_code == 201, answer.json()
        assert answer.json()["network"]["id"] == (theirs if tenant == people.green else mine).pk
