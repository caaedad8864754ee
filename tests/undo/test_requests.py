"""What is undone together, and who may."""

from __future__ import annotations

from networks import actions as on_networks
from networks.models import Endpoint, Network
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.testing import Cast, client_of, people
from tenants.undo import together
from tests.undo.taking import net, newest, undo

__all__ = ["net", "people"]


def test_a_bulk_is_undone_together_or_not_at_all(people: Cast, net: Network) -> None:
    alice = client_of(people.alice)
    bodies = [{"tenant": "blue", "network": "net", "name": f"web-{number}"} for number in range(3)]
    operations = {"operations": [{"op": "create", "body": body} for body in bodies]}
    answer = alice.post("/api/v2/endpoints/bulk/", operations, format="json", headers={"X-Request-ID": "deploy-41"})
    assert answer["X-Request-ID"] == "deploy-41"
    made = AuditEntry.objects.filter(request="deploy-41")
    assert [entry["id"] for entry in alice.get("/api/v2/audit/?request=deploy-41").json()["results"]] == [
        entry.pk for entry in made
    ]
    first = made.latest("pk")
    moved = Endpoint.objects.get(name="web-1")
    on_networks.update_endpoint(actor=SYSTEM, row=moved, name="moved")
    refused = alice.post(f"/api/v2/audit/{first.pk}/undo/")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "moved_on")
    assert Endpoint.objects.count() == 3
    undo("endpoint.update")
    tried = alice.post(f"/api/v2/audit/{first.pk}/undo/?dry_run=true")
    assert (tried.status_code, len(tried.json()["changes"]), Endpoint.objects.count()) == (200, 3, 3)
    done = alice.post(f"/api/v2/audit/{first.pk}/undo/")
    assert done.json()["undone"] == [entry.pk for entry in made]
    assert [change["verb"] for change in done.json()["changes"]] == ["endpoint.delete"] * 3
    assert done["Tenant-Generation"].startswith("blue=")
    assert Endpoint.objects.count() == 0


def test_a_request_id_sent_twice_is_two_requests(people: Cast) -> None:
    alice, headers = client_of(people.alice), {"X-Request-ID": "always-the-same"}
    for third in (1, 2):
        body = {"tenant": "blue", "name": f"net-{third}", "subnet4": f"20.1.{third}.0/24"}
        assert alice.post("/api/v2/networks/", body, format="json", headers=headers).status_code == 201
    assert len(together(newest())) == 1
    strange = alice.get("/api/v2/me/", headers={"X-Request-ID": "two words"})
    assert len(strange["X-Request-ID"]) == 32


def test_undo_takes_the_rights_for_what_is_undone(people: Cast, net: Network) -> None:
    path = f"/api/v2/audit/{newest().pk}/undo/"
    assert client_of(None).post(path).status_code == 401
    assert client_of(people.charlie).post(path).status_code == 404
    refused = client_of(people.bob).post(path)
    assert refused.status_code == 403
    assert "role of an" in refused.json()["detail"]
    made = f"/api/v2/audit/{newest('tenant.create').pk}/undo/"
    assert client_of(people.charlie).post(made).status_code == 403, "tenants are an administrator's"
    assert client_of(people.alice).post(path).status_code == 200
    assert Network.objects.count() == 0
