"""Random work over all rooms, and what nodes are told after it."""

from __future__ import annotations

import json
import random
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from contivui.web.problem import Problem
from contivui.web.trace import traced
from core import wire
from core.compile import compile_tenant
from networks import actions as on_networks
from networks.models import Encap, EndpointGroup, Node
from policies import actions as on_policies
from policies.snapshot import tenant_intent
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast, client_of
from tests.undo.works import WORKS
from worker.models import SpecSection
from worker.publish import publish_tenant


def specs() -> str:
    """What the nodes are to be told of every tenant, as it travels."""
    told = {}
    for pk in Tenant.objects.order_by("pk").values_list("pk", flat=True):
        compiled = compile_tenant(tenant_intent(pk))
        told[pk] = {node: wire.encode_items(items) for node, items in sorted(compiled.items())}
    return json.dumps(told)


def stored() -> dict[tuple[int, int], Any]:
    for tenant in Tenant.objects.all():
        publish_tenant(tenant.pk)
    return {(s.node_id, s.tenant_id): s.items for s in SpecSection.objects.exclude(items=[])}


class Driver:
    """Does things at random, as people would: one object or many at once; what is refused, another thing instead."""

    def __init__(self, seed: int, people: Cast) -> None:
        self.chance = random.Random(seed)
        self.people = people
        self.made = 0
        self.client = client_of(people.root)
        for number in (1, 2):
            on_networks.create_node(actor=SYSTEM, name=f"node-{number}", vtep=f"192.0.2.{number}")
        for tenant in (people.blue, people.green):
            self._furnish(tenant)

    def _furnish(self, tenant: Tenant) -> None:
        give: dict[str, Any] = {"actor": SYSTEM, "tenant": tenant}
        for third, encap in ((1, Encap.VXLAN), (2, Encap.VLAN)):
            net = on_networks.create_network(
                **give,
                name=f"net-{third}",
                encap=encap,
                subnet4=f"20.1.{third}.0/24",
                gateway4=f"20.1.{third}.254",
                subnet6=f"fd00:{third}::/64" if third == 2 else "",
            )
            on_networks.create_reservation(**give, network=net, addresses=f"20.1.{third}.200-20.1.{third}.210")
            for name in ("web", "db"):
                pool = f"20.1.{third}.100-20.1.{third}.120" if name == "db" else ""
                group = on_networks.create_group(**give, name=f"{name}-{third}", network=net, pool4=pool)
                for node in Node.objects.all():
                    on_networks.create_endpoint(
                        **give, name=f"{group.name}-on-{node.pk}", network=net, group=group, node=node
                    )
        policy = on_policies.create_policy(**give, name="db", groups=list(EndpointGroup.objects.filter(tenant=tenant)))
        web = EndpointGroup.objects.get(tenant=tenant, name="web-1")
        on_policies.add_rule(**give, policy=policy, peer="group", peer_group=web, protocol="tcp", ports="5432")
        on_policies.add_rule(**give, policy=policy, action="deny", priority=2, protocol="udp")
        on_policies.create_profile(**give, name="slow", rate_bps=10**7, groups=[web])

    def step(self) -> str:
        """One request that does something."""
        while True:
            work = self.chance.choice(WORKS)
            before = AuditEntry.objects.count()
            try:
                with traced(), transaction.atomic():
                    work(self)
            except (ValidationError, Problem):
                continue
            if AuditEntry.objects.count() > before:
                return work.__name__

    def name(self) -> str:
        self.made += 1
        return f"thing-{self.made}"

    def one(self, model: Any) -> Any:
        rows = list(model.objects.order_by("pk"))
        if not rows:
            raise Problem("there is none", code="none")
        return self.chance.choice(rows)

    def some(self, rows: list[Any]) -> list[Any]:
        return self.chance.sample(rows, self.chance.randint(0, len(rows)))

    def bulk(self, plural: str, operations: list[dict[str, Any]]) -> None:
        answer = self.client.post(f"/api/v2/{plural}/bulk/", {"operations": operations}, format="json")
        if answer.status_code != 200:
            raise Problem("refused", code="refused")
