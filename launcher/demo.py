"""The demonstration: two tenants with the same addresses, a policy, a limit; made once, through the verbs of everyone.

Its endpoints come to be when the lab plugs in the containers listed here.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction

from lab.containers import Container
from networks.actions import create_group, create_network
from networks.models import EndpointGroup
from policies.actions import add_rule, create_policy, create_profile
from tenants.actions import create_tenant
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant

TENANTS = ("blue", "green")
NETWORK = "contiv-net"
SUBNET4, GATEWAY4 = "20.1.1.0/24", "20.1.1.254"
SUBNET6, GATEWAY6 = "fd20:1:1::/64", "fd20:1:1::fe"
GROUPS = ("web", "db", "client")
ENDPOINTS_PER_GROUP = 2
DATABASE_PORT = "5432"
CLIENT_RATE_BPS = 10_000_000


def was_made() -> bool:
    """Whether it ever was, also when its tenants are gone since: what a person deleted does not come back."""
    return AuditEntry.objects.filter(verb="tenant.create", object_name__in=TENANTS).exists()


def make() -> None:
    """All of it or nothing."""
    with transaction.atomic():
        for name in TENANTS:
            _make_tenant(name)


def containers(nodes: list[str]) -> list[Container]:
    """The demonstration's containers, the groups of each tenant spread over the nodes."""
    return [
        Container(f"{group}-{number}", tenant, NETWORK, group, nodes[(place + shift) % len(nodes)])
        for shift, tenant in enumerate(TENANTS)
        for place, (group, number) in enumerate(
            (group, number) for group in GROUPS for number in range(1, ENDPOINTS_PER_GROUP + 1)
        )
    ]


def _make_tenant(name: str) -> None:
    tenant = create_tenant(actor=SYSTEM, name=name, description="Part of the demonstration.")
    network = create_network(
        actor=SYSTEM,
        tenant=tenant,
        name=NETWORK,
        subnet4=SUBNET4,
        gateway4=GATEWAY4,
        subnet6=SUBNET6,
        gateway6=GATEWAY6,
        encap="vxlan",
    )
    groups = {group: create_group(actor=SYSTEM, tenant=tenant, name=group, network=network) for group in GROUPS}
    _protect_database(tenant, groups)
    create_profile(actor=SYSTEM, tenant=tenant, name="client-10m", rate_bps=CLIENT_RATE_BPS, groups=[groups["client"]])


def _protect_database(tenant: Tenant, groups: dict[str, EndpointGroup]) -> None:
    policy = create_policy(actor=SYSTEM, tenant=tenant, name="db-policy", groups=[groups["db"]])
    incoming = partial(add_rule, actor=SYSTEM, tenant=tenant, policy=policy, direction="in")
    incoming(
        priority=10,
        action="allow",
        protocol="tcp",
        ports=DATABASE_PORT,
        peer="group",
        peer_group=groups["web"],
        description="The web tier asks the database.",
    )
    incoming(priority=1, action="deny", description="Nobody else does.")
