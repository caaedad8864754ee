"""policys."""

from __future__ import annotations

from typing import Any

from netmaster.kinds.base import Links, OwnedKind, Sets, its, tenant_named
from netmaster.oper import endpoint_oper
from netmaster.refusal import Refusal
from netmaster.structs import POLICY, Body
from netmaster.versions import Changed
from netmaster.wire import filled
from networks.models import Endpoint
from policies.actions import create_policy, delete_policy
from policies.models import Policy
from tenants.change import Actor


class Policies(OwnedKind):
    collection, word, struct, model = "policys", "policy", POLICY, Policy
    prefetch = (its("groups"), its("rules"))

    def members(self, row: Policy) -> Body:
        return {"policyName": row.name, "tenantName": row.tenant.name}

    def sets(self, row: Any) -> Sets:
        tenant = row.tenant.name
        return {
            "EndpointGroups": [("endpointGroup", f"{tenant}:{one.name}") for one in row.its_groups],
            "Rules": [("rule", f"{tenant}:{row.name}:{one.name or one.pk}") for one in row.its_rules],
        }

    def links(self, row: Policy) -> Links:
        return {"Tenant": ("tenant", row.tenant.name)}

    def touched(self, entry: Changed) -> set[int] | None:
        if entry.kind == "policy":
            return {entry.pk}
        if entry.kind == "rule":
            return entry.either("policy_id")
        new = entry.kind in {"endpointgroup", "network"} and entry.before is None
        return set() if new else super().touched(entry)

    def create(self, actor: Actor, body: Body) -> Policy:
        return create_policy(actor=actor, tenant=tenant_named(body["tenantName"]), name=body["policyName"])

    def made(self, row: Any) -> Any:
        row.its_groups, row.its_rules = [], []
        return row

    def update(self, actor: Actor, row: Policy, body: Body) -> Policy:
        return row

    def delete(self, actor: Actor, row: Policy) -> None:
        if row.groups.exists():
            raise Refusal("Policy is being used")
        delete_policy(actor=actor, row=row)

    def oper(self, row: Policy) -> Body:
        endpoints = Endpoint.objects.filter(group__policies=row).order_by("pk")
        endpoints = endpoints.select_related("tenant", "network", "group__contiv_number", "node", "container")
        shown = [endpoint_oper(one) for one in endpoints]
        return filled({"endpoints": shown, "numEndpoints": len(shown)})
