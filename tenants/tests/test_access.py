"""Roles in the cluster: what each sees and may do, and how they are given and taken."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from networks.actions import create_endpoint, create_network, create_node
from networks.models import Endpoint, Network, Node
from tenants.access import ClusterRole, Right, cluster_role, missing, rights_of
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry, HeldRole, Tenant
from tenants.testing import Cast, client_of, people
from tenants.tokens import cut_to
from tenants.users import change_user, set_cluster_role, update_user

__all__ = ["people"]


@pytest.mark.parametrize("kind", ["users", "tenants", "nodes", "join-tokens", "bgp-peers", "aci-gateways"])
@pytest.mark.parametrize("role", ["auditor", None])
def test_many_at_once_take_the_rights_that_one_takes(people: Cast, kind: str, role: str | None) -> None:
    """Also of who may see what she would have made."""
    set_cluster_role(actor=SYSTEM, row=people.alice, role=role)
    body = {
        "users": {"username": "mallory", "password": "correct-horse-battery-7", "cluster_role": "administrator"},
        "tenants": {"name": "mine"},
        "nodes": {"name": "n1", "vtep": "192.0.2.1"},
        "join-tokens": {},
        "bgp-peers": {"name": "peer", "router_address": "50.1.1.1/24"},
        "aci-gateways": {"physical_domain": "x"},
    }[kind]
    said = {"operations": [{"op": "create", "body": body}]}
    answer = client_of(people.alice).post(f"/api/v2/{kind}/bulk/", said, format="json")
    assert answer.status_code == 403, answer.content
    assert client_of(people.root).post(f"/api/v2/{kind}/bulk/", said, format="json").status_code == 200


def test_a_role_is_given_taken_and_recorded(people: Cast) -> None:
    for role in (ClusterRole.OPERATOR, ClusterRole.AUDITOR, ClusterRole.ADMINISTRATOR, None):
        account = set_cluster_role(actor=SYSTEM, row=people.charlie, role=role)
        assert (account.cluster_role, cluster_role(account)) == (role, role)
        entry = AuditEntry.objects.first()
        assert entry is not None
        assert (entry.verb, entry.after and entry.after["cluster_role"]) == ("user.role", role)
    count = AuditEntry.objects.count()
    set_cluster_role(actor=SYSTEM, row=people.charlie, role=None)
    assert AuditEntry.objects.count() == count, "nothing to do is no change"
    assert not HeldRole.objects.exists()


def test_there_is_always_an_administrator(people: Cast) -> None:
    for take in (
        lambda: set_cluster_role(actor=SYSTEM, row=people.root, role=ClusterRole.AUDITOR),
        lambda: update_user(actor=SYSTEM, row=people.root, is_active=False),
        lambda: change_user(actor=SYSTEM, row=people.root, first_name="R", cluster_role=None),
    ):
        with pytest.raises(Refused, match="last who administers"):
            take()
    people.root.refresh_from_db()
    assert (people.root.is_superuser, people.root.first_name) == (True, "")
    with pytest.raises(ValidationError, match="Choose one of"):
        set_cluster_role(actor=SYSTEM, row=people.bob, role="king")


def test_an_auditor_sees_everything_and_changes_nothing(people: Cast) -> None:
    auditor = set_cluster_role(actor=SYSTEM, row=people.charlie, role=ClusterRole.AUDITOR)
    net = create_network(actor=SYSTEM, tenant=people.blue, name="n", subnet4="20.1.1.0/24")
    rights = rights_of(auditor)
    assert list(Network.objects.visible_to(auditor)) == [net]
    assert Tenant.objects.visible_to(auditor).count() == 2
    assert rights.may("network.view", people.blue)
    assert rights.may("user.view")
    assert not rights.may("network.update", people.blue)
    assert not rights.may("node.update")
    assert not rights.may("token.create", people.blue)
    assert rights.of(people.green) is Right.OWNER, "her role in a tenant stands beside it"
    client = client_of(auditor)
    assert client.get(f"/api/v2/networks/{net.pk}/").status_code == 200
    refused = client.patch(f"/api/v2/networks/{net.pk}/", {"name": "m"}, format="json")
    assert (refused.status_code, refused.json()["detail"]) == (403, missing("network.update", people.blue))


def test_an_operator_runs_the_cluster_and_sees_nothing_of_tenants(people: Cast) -> None:
    operator = set_cluster_role(actor=SYSTEM, row=people.bob, role=ClusterRole.OPERATOR)
    people.blue.memberships.filter(user=operator).delete()
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="10.0.0.1")
    net = create_network(actor=SYSTEM, tenant=people.blue, name="n", subnet4="20.1.1.0/24")
    create_endpoint(actor=SYSTEM, tenant=people.blue, name="hidden", network=net, node=node)
    assert list(Node.objects.visible_to(operator)) == [node]
    assert not Network.objects.visible_to(operator).exists()
    assert not Tenant.objects.visible_to(operator).exists()
    client = client_of(operator)
    assert client.patch(f"/api/v2/nodes/{node.pk}/", {"name": "n2"}, format="json").status_code == 200
    assert client.patch("/api/v2/fabric/", {"vlan_first": 2}, format="json").status_code == 200
    assert client.get("/api/v2/users/").status_code == 403
    refused = client.delete(f"/api/v2/nodes/{node.pk}/").json()
    assert refused["users"] == ["1 of tenants that you may not see are there"]
    assert "endpoint hidden" in client_of(people.root).delete(f"/api/v2/nodes/{node.pk}/").json()["users"][0]
    seen = {each["object_type"] for each in client.get("/api/v2/audit/").json()["results"]}
    assert seen == {"node", "fabric"}


def test_a_token_for_reading_reads_whatever_asks(people: Cast) -> None:
    from tenants.models import Token

    token, _ = Token.objects.create(people.root, None, rights="read")
    cut_to(people.root, token)
    rights = rights_of(people.root)
    assert rights.may("network.view", people.blue)
    assert not rights.may("network.update", people.blue)
    assert Endpoint.objects.visible_to(people.root) is not None


def test_accounts_are_kept_by_administrators_and_seen_by_auditors(people: Cast) -> None:
    root, body = (
        client_of(people.root),
        {"username": "dora", "password": "a-long-one-of-hers", "cluster_role": "auditor"},
    )
    made = root.post("/api/v2/users/", body, format="json")
    assert (made.status_code, made.json()["cluster_role"], "password" in made.json()) == (201, "auditor", False)
    path = f"/api/v2/users/{made.json()['id']}/"
    assert root.patch(path, {"cluster_role": "operator"}, format="json").json()["cluster_role"] == "operator"
    assert root.patch(path, {"username": "doris"}, format="json").json()["errors"][0]["code"] == "fixed"
    assert root.patch(path, {"cluster_role": None, "is_active": False}, format="json").json()["is_active"] is False
    set_cluster_role(actor=SYSTEM, row=people.charlie, role=ClusterRole.AUDITOR)
    auditor = client_of(people.charlie)
    assert auditor.get(path).status_code == 200
    assert auditor.patch(path, {"first_name": "D"}, format="json").status_code == 403
    assert client_of(people.alice).get(path).status_code == 403
