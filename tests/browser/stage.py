"""Fills the installation that the browser tests look at: `python -m tests.browser.stage`, in its own CONTIVUI_DATA."""

from __future__ import annotations

import os
from datetime import timedelta

import django

PASSWORD = "a-long-enough-password"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")
    django.setup()
    _people()
    _objects()
    _measurements()


def _people() -> None:
    from django.contrib.auth.models import User

    from tenants.testing import make_cast

    make_cast()
    for user in User.objects.all():
        user.set_password(PASSWORD)
        user.save()


def _objects() -> None:
    from networks.actions import create_endpoint, create_group, create_network, create_node, create_reservation
    from policies.actions import create_policy, create_profile, replace_rules
    from tenants.change import SYSTEM
    from tenants.models import Tenant

    nodes = [create_node(actor=SYSTEM, name=f"node-{n}", vtep=f"192.0.2.{n}")[0] for n in (1, 2)]
    for tenant in Tenant.objects.all():
        give = {"actor": SYSTEM, "tenant": tenant}
        net = create_network(**give, name="net", subnet4="20.1.1.0/24", gateway4="20.1.1.254", subnet6="fd00:1::/64")
        web, db = (create_group(**give, name=name, network=net) for name in ("web", "db"))
        create_group(**give, name="pooled", network=net, pool4="20.1.1.100-20.1.1.119")
        create_reservation(**give, network=net, addresses="20.1.1.50-20.1.1.59", note="printers")
        for n, group in enumerate((web, db)):
            create_endpoint(**give, name=f"{group.name}-1", network=net, group=group, node=nodes[n])
        policy = create_policy(**give, name="db-policy", groups=[db])
        allow = {"priority": 10, "peer": "group", "peer_group": web, "protocol": "tcp", "ports": "5432"}
        replace_rules(actor=SYSTEM, policy=policy, rules=[allow, {"priority": 1, "action": "deny"}])
        create_profile(**give, name="ten", rate_bps=10**7, groups=[web])


def _measurements() -> None:
    from django.utils import timezone

    from networks.models import Endpoint, Network, Node
    from policies.models import Rule
    from tenants.models import Tenant
    from worker.models import DeniedFlow, DriftEvent, EndpointTraffic, NodeSpec, NodeStatus, RuleHits, SpecSection
    from worker.models import TrafficSample as Sample

    now = timezone.now()
    missing = {"name": "8021q", "present": False, "why": "Load module 8021q for VLAN networks."}
    for n, node in enumerate(Node.objects.all()):
        NodeSpec.objects.create(node=node, revision=4)
        NodeStatus.objects.create(node=node, connected=not n, connected_at=now, seen_at=now, features=[missing])
        DriftEvent.objects.create(node=node, found_at=now, healed_at=now, difference=["chain forward was deleted"])
        for tenant in Tenant.objects.all():
            refused = "no such device" if n and tenant.name == "green" else ""
            SpecSection.objects.create(node=node, tenant=tenant, generation=9, applied_generation=9, refused=refused)
        RuleHits.objects.bulk_create(RuleHits(rule=r, node=node, packets=7, last_at=now) for r in Rule.objects.all())
    for tenant in Tenant.objects.all():
        net = Network.objects.get(tenant=tenant)
        times = [now - timedelta(seconds=10 * n) for n in range(60)]
        Sample.objects.bulk_create(
            Sample(tenant=tenant, at=at, network_bps={net.pk: 10**6 * (n % 7)}) for n, at in enumerate(times)
        )
        DeniedFlow.objects.create(
            tenant=tenant, node=node, at=now, source="20.1.1.1", destination="20.1.1.2", protocol=6, destination_port=22
        )
    later = now + timedelta(hours=1)
    EndpointTraffic.objects.bulk_create(
        EndpointTraffic(endpoint=e, at=later, tx_bps=10**6, rx_bps=10**5) for e in Endpoint.objects.all()
    )


if __name__ == "__main__":
    main()
