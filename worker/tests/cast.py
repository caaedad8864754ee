"""Rows the worker's tests start from: one tenant with two groups on two nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.joining import new_request
from core.joining import parse
from networks.actions import join_node, make_join_token
from networks.models import Endpoint, EndpointGroup, Network, Node
from policies.models import Policy, Rule
from tenants.change import SYSTEM, change
from tenants.models import Tenant
from worker.models import SpecSection


@dataclass(frozen=True, slots=True)
class Stage:
    tenant: Tenant
    network: Network
    web: EndpointGroup
    db: EndpointGroup
    nodes: tuple[Node, Node]
    policy: Policy


def shows(certificate: str) -> dict[str, Any]:
    """The part of a connection's scope that says which certificate it was made with; "" is none."""
    return {"extensions": {"tls": {"client_cert_chain": [certificate] if certificate else []}}}


def joined(node: Node) -> str:
    """Let the node's machine in. Answers its certificate."""
    _, text = make_join_token(actor=SYSTEM, node=node)
    _, request = new_request(node.name)
    given = join_node(actor=SYSTEM, secret=parse(text).secret, name=node.name, vtep=node.vtep, request=request)
    return given.pem


def stage(name: str = "blue", tag: int = 1) -> Stage:
    """Web's endpoint on the first node, db's on the second; db lets web in on tcp 5432 and nobody else."""
    nodes = tuple(Node.objects.get_or_create(name=f"n{i}", defaults={"vtep": f"192.0.2.{i}"})[0] for i in (1, 2))
    tenant = Tenant.objects.create(name=name)
    network = Network.objects.create(tenant=tenant, name="net", tag=tag, subnet4="20.1.1.0/24", gateway4="20.1.1.254")
    web = EndpointGroup.objects.create(tenant=tenant, name="web", network=network)
    db = EndpointGroup.objects.create(tenant=tenant, name="db", network=network)
    for i, group in ((1, web), (2, db)):
        Endpoint.objects.create(
            tenant=tenant,
            name=f"{group.name}-1",
            network=network,
            group=group,
            node=nodes[i - 1],
            mac=f"02:02:14:01:01:0{i}",
            ip4=f"20.1.1.{i}",
        )
    policy = Policy.objects.create(tenant=tenant, name="db")
    policy.groups.add(db)
    Rule.objects.create(policy=policy, priority=10, peer="group", peer_group=web, protocol="tcp", ports="5432")
    Rule.objects.create(policy=policy, priority=1, action="deny")
    return Stage(tenant, network, web, db, nodes, policy)  # type: ignore[arg-type]


def told(made: Stage) -> None:
    """Both nodes have something of the tenant in their specs, and so may speak of it."""
    SpecSection.objects.bulk_create(SpecSection(node=node, tenant=made.tenant) for node in made.nodes)


def touch(tenant: Tenant) -> int:
    """A change that alters no row the specs are made from. Answers the generation it made."""
    with change(actor=SYSTEM, tenant=tenant, verb="tenant.update") as step:
        step.updated(tenant, {})
    assert step.generation
    return step.generation
