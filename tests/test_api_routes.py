"""Every route of the API, found by walking: none shows another tenant's things, and none breaks on rubbish."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.actions.groups import grant_group
from contivui.urls import router
from networks.actions import create_endpoint, create_group, create_network, create_node, create_reservation, turn_away
from networks.models import Endpoint, JoinToken, Knock, Node, NodeCertificate
from policies.actions import add_rule, create_policy, create_profile
from policies.models import Rule
from routing.actions import (
    create_app_profile,
    create_bgp_peer,
    create_contract_group,
    create_gateway,
    create_service,
)
from routing.models import AciGateway
from tenants.change import SYSTEM
from tenants.invitations import invite
from tenants.models import AuditEntry, Membership, Tenant
from tenants.testing import Cast, client_of, people
from tenants.users import create_user
from worker import intake
from worker.models import DeniedFlow, DriftEvent, NodeStatus, RuleHits, SpecSection, TenantDrops

__all__ = ["people"]

PREFIXES = [prefix for prefix, _, _ in router.registry]
#: What only cluster administrators may ask for at all.
OF_CLUSTER = {
    *("nodes", "join-tokens", "node-certificates", "knocks", "bgp-peers", "aci-gateways"),
    *("users", "group-grants"),
}
RUBBISH: list[Any] = [
    None,
    True,
    "",
    " ",
    "\0",
    "x" * 3000,
    "ü💥",
    -1,
    0,
    3.7,
    10**30,
    "1e9999",
    [],
    [[]],
    {},
    {"id": 1},
    [None],
    [1, "a", {}],
]


def furnish(
    tenant: Tenant, vtep: str, mark: str = "secret", subnet: str = "20.1.1", of_cluster: str = ""
) -> dict[str, int]:
    """One of everything the API has, by the prefix of its route. Names begin with `mark`, those of what belongs to the
    cluster with `of_cluster`."""
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": tenant}
    cluster = of_cluster or mark
    net = create_network(**give, name=f"{mark}-net", subnet4=f"{subnet}.0/24")
    group = create_group(**give, name=f"{mark}-group", network=net)
    policy = create_policy(**give, name=f"{mark}-policy", groups=[group])
    node, _ = create_node(actor=SYSTEM, name=f"{cluster}-node", vtep=vtep)
    turn_away(Knock.Why.FOREIGN, address=vtep)
    entry, membership = (
        AuditEntry.objects.filter(tenant=tenant).first(),
        Membership.objects.filter(tenant=tenant).first(),
    )
    assert entry and membership
    endpoint = create_endpoint(**give, name=f"{mark}-endpoint", network=net, group=group, node=node)
    rule = add_rule(**give, policy=policy, description=f"{mark}-rule")
    return {
        "group-grants": grant_group(actor=SYSTEM, group=f"{cluster}-people", tenant=tenant, role="viewer").pk,
        "users": create_user(actor=SYSTEM, username=f"{cluster}-person", password="c0rrect-horse").pk,
        "tenants": tenant.pk,
        "members": membership.pk,
        "audit": entry.pk,
        "invitations": invite(actor=SYSTEM, tenant=tenant, email=f"{mark}@example.com")[0].pk,
        "tokens": 1,
        "networks": net.pk,
        "reservations": create_reservation(**give, network=net, addresses=f"{subnet}.200", note=f"{mark}-note").pk,
        "groups": group.pk,
        "endpoints": endpoint.pk,
        "nodes": node.pk,
        "join-tokens": JoinToken.objects.get(node=node).pk,
        "node-certificates": certificate_of(node).pk,
        "knocks": Knock.objects.get(node=node).pk,
        "policies": policy.pk,
        "rules": rule.pk,
        "profiles": create_profile(**give, name=f"{mark}-profile", rate_bps=10**6).pk,
        "services": create_service(
            **give, name=f"{mark}-service", network=net, selectors={"app": mark}, ports=["80:80:TCP"]
        ).pk,
        "app-profiles": create_app_profile(**give, name=f"{mark}-app", groups=[]).pk,
        "contract-groups": create_contract_group(**give, name=f"{mark}-contract", kind="provided").pk,
        "bgp-peers": create_bgp_peer(actor=SYSTEM, name=f"{cluster}-peer", router_address="50.1.1.1/24").pk,
        "aci-gateways": (
            AciGateway.objects.first() or create_gateway(actor=SYSTEM, physical_domain=f"{cluster}-domain")
        ).pk,
        **reported(node, endpoint, rule, mark),
    }


def reported(node: Node, endpoint: Endpoint, rule: Rule, mark: str) -> dict[str, int]:
    """What a node says of them."""
    tenant = endpoint.tenant_id
    NodeStatus.objects.create(node=node, connected=True, connected_at=timezone.now())
    counted = {"rules": {str(rule.pk): [3, 180]}, "endpoints": {str(endpoint.pk): [10, 20, 1, 2]}, "denied": 2}
    SpecSection.objects.create(node=node, tenant_id=tenant)
    intake.report(node, {"tenants": {str(tenant): counted}})
    flow = {"tenant": tenant, "source": endpoint.ip4, "destination": "20.1.1.9", "protocol": 6, "destination_port": 22}
    intake.denied(node, {"flows": [flow]})
    difference = [f"{mark}-veth was gone."]
    intake.drift(node, {"tenant": tenant, "found_at": 1.0, "healed_at": 1.5, "difference": difference})
    return {
        "rule-hits": RuleHits.objects.get(rule=rule).pk,
        "traffic": endpoint.pk,
        "drops": TenantDrops.objects.get(node=node).pk,
        "denied": DeniedFlow.objects.get(node=node).pk,
        "drift": DriftEvent.objects.get(node=node).pk,
    }


def certificate_of(node: Node) -> NodeCertificate:
    """As one would be given; what it certifies is another test's."""
    now = timezone.now()
    lasts = {"issued_at": now, "expires_at": now + timedelta(days=7)}
    return NodeCertificate.objects.create(node=node, name=node.name, fingerprint=f"{node.pk:064x}", **lasts)


def details(prefix: str, pk: int) -> list[str]:
    """The addresses of one object: its own, and those of what else can be asked of it."""
    patterns = [str(route.pattern) for route in router.urls if str(route.pattern).startswith(f"^{prefix}/(?P")]
    assert patterns
    return [
        f"/api/v2/{prefix}/{pk}/" + pattern.rpartition(")/")[2].rstrip("$").removesuffix("\\Z") for pattern in patterns
    ]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_route_knows_another_tenants_object(people: Cast, prefix: str) -> None:
    pk = furnish(people.blue, "10.0.0.1")[prefix]
    client = client_of(people.charlie)
    for path in details(prefix, pk):
        for method in ("get", "put", "patch", "post", "delete"):
            answer = getattr(client, method)(path, {}, format="json")
            refused = {403, 404, 405} if prefix in OF_CLUSTER else {404, 405}
            assert answer.status_code in refused, (method, path)
    listed = client.get(f"/api/v2/{prefix}/").content.decode()
    assert "secret" not in listed
    assert "blue" not in listed
    assert "alice" not in listed


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_route_breaks_on_rubbish(people: Cast, prefix: str) -> None:
    rows = furnish(people.blue, "10.0.0.1")
    client = client_of(people.root)
    own = client.get(f"/api/v2/{prefix}/{rows[prefix]}/")
    good = own.json() if own.status_code == 200 else {"days": 3}
    bodies = [{**good, field: junk} for field in good for junk in RUBBISH] + [junk for junk in RUBBISH if junk]
    for body in bodies:
        for method, path in (("post", f"/api/v2/{prefix}/"), ("patch", f"/api/v2/{prefix}/{rows[prefix]}/")):
            with transaction.atomic():
                answer = getattr(client, method)(path, body, format="json")
                assert answer.status_code < 500, (method, body)
                if answer.status_code >= 400:
                    assert answer["Content-Type"] == "application/problem+json", (method, body)
                transaction.set_rollback(True)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_list_breaks_on_rubbish_in_its_filters(people: Cast, prefix: str) -> None:
    rows, client = furnish(people.blue, "10.0.0.1"), client_of(people.root)
    assert rows
    known = client.get(f"/api/v2/{prefix}/?colour=red")
    names = (
        known.json()["detail"].partition("There are: ")[2].rstrip(".").split(", ") if known.status_code == 400 else []
    )
    for name in names:
        for junk in ("", "x", "-1", "1e9999", "9" * 5000, "\x01", "%", "٣", "secret-net", "NaN"):
            answer = client.get(f"/api/v2/{prefix}/", {name: junk})
            assert answer.status_code in (200, 400, 404), (name, junk)


def test_explain_does_not_break_on_rubbish(people: Cast) -> None:
    furnish(people.blue, "10.0.0.1")
    good = {"tenant": "blue", "source": "secret-endpoint", "destination": "20.1.1.9", "protocol": "tcp", "port": 80}
    client = client_of(people.root)
    assert client.post("/api/v2/explain/", good, format="json").status_code == 200
    for field in good:
        for junk in RUBBISH:
            answer = client.post("/api/v2/explain/", {**good, field: junk}, format="json")
            assert answer.status_code in (200, 400), (field, junk)
