"""appProfiles, extContractsGroups and aciGws: stored and shown, not in effect."""

from __future__ import annotations

from typing import Any

from django.db import models

from netmaster.kinds.base import Kind, Links, OwnedKind, Sets, its, tenant_named
from netmaster.refusal import Refusal
from netmaster.structs import ACI, APP_PROFILE, CONTRACTS, Body
from netmaster.wire import filled
from networks.models import EndpointGroup
from routing import actions
from routing.models import AciGateway, AppProfile, ContractGroup, ContractKind
from tenants.change import Actor
from tenants.models import Tenant


class AppProfiles(OwnedKind):
    collection, word, struct, model = "appProfiles", "appProfile", APP_PROFILE, AppProfile
    prefetch = (its("groups"),)

    def members(self, row: Any) -> Body:
        groups = sorted(one.name for one in row.its_groups)
        return {"appProfileName": row.name, "tenantName": row.tenant.name, "endpointGroups": groups}

    def sets(self, row: Any) -> Sets:
        return {"EndpointGroups": [("endpointGroup", f"{row.tenant.name}:{one.name}") for one in row.its_groups]}

    def links(self, row: AppProfile) -> Links:
        return {"Tenant": ("tenant", row.tenant.name)}

    def create(self, actor: Actor, body: Body) -> AppProfile:
        tenant = tenant_named(body["tenantName"], f"Tenant {body['tenantName']} not found")
        groups = _groups(tenant, body["endpointGroups"])
        return actions.create_app_profile(actor=actor, tenant=tenant, name=body["appProfileName"], groups=groups)

    def update(self, actor: Actor, row: AppProfile, body: Body) -> AppProfile:
        groups = _groups(row.tenant, body["endpointGroups"])
        return actions.update_app_profile(actor=actor, row=row, groups=groups)

    def echo(self, row: Any, body: Body) -> Body:
        """Contiv links the groups anew, and so answers with these links."""
        sets = self.show(row, {})["link-sets"]
        return super().echo(row, body) | {"link-sets": sets}

    def delete(self, actor: Actor, row: AppProfile) -> None:
        actions.delete_app_profile(actor=actor, row=row)


def _groups(tenant: Tenant, names: list[str]) -> list[EndpointGroup]:
    found = {row.name: row for row in EndpointGroup.objects.filter(tenant=tenant, name__in=names)}
    for name in names:
        if name not in found:
            raise Refusal(f"EndpointGroup {tenant.name}:{name} not found")
    return [found[name] for name in names]


class ContractGroups(OwnedKind):
    collection, word, struct, model = "extContractsGroups", "extContractsGroup", CONTRACTS, ContractGroup
    prefetch = (its("groups"),)

    def members(self, row: ContractGroup) -> Body:
        return {
            "contractsGroupName": row.name,
            "tenantName": row.tenant.name,
            "contractsType": row.kind,
            "contracts": row.contracts,
        }

    def sets(self, row: Any) -> Sets:
        return {"EndpointGroups": [("endpointGroup", f"{row.tenant.name}:{one.name}") for one in row.its_groups]}

    def create(self, actor: Actor, body: Body) -> ContractGroup:
        if body["contractsType"] not in ContractKind.values:
            raise Refusal("Contracts group need to be either 'provided' or 'consumed'")
        tenant = tenant_named(body["tenantName"], f"Tenant {body['tenantName']} not found")
        return actions.create_contract_group(
            actor=actor,
            tenant=tenant,
            name=body["contractsGroupName"],
            kind=body["contractsType"],
            # An empty name is kept as it was written, and stands for nothing.
            contracts=[contract for contract in body["contracts"] if contract],
        )

    def update(self, actor: Actor, row: ContractGroup, body: Body) -> ContractGroup:
        raise Refusal("external contracts update not supported")

    def delete(self, actor: Actor, row: ContractGroup) -> None:
        if row.groups.exists():
            raise Refusal("External contracts group is in-use")
        actions.delete_contract_group(actor=actor, row=row)


class AciGateways(Kind):
    collection, word, struct, owned = "aciGws", "aciGw", ACI, False

    def rows(self) -> models.QuerySet[Any]:
        return AciGateway.objects.order_by("pk")

    def find(self, key: str) -> Any | None:
        return self.rows().filter(name=key).first()

    def key(self, row: AciGateway) -> str:
        return row.name

    def members(self, row: AciGateway) -> Body:
        return {
            "name": row.name,
            "physicalDomain": row.physical_domain,
            "pathBindings": row.path_bindings,
            "nodeBindings": row.node_bindings,
            "enforcePolicies": "yes" if row.enforce_policies else "no",
            "includeCommonTenant": "yes" if row.include_common_tenant else "no",
        }

    def create(self, actor: Actor, body: Body) -> AciGateway:
        return actions.create_gateway(actor=actor, **_gateway(body))

    def update(self, actor: Actor, row: AciGateway, body: Body) -> AciGateway:
        return actions.update_gateway(actor=actor, row=row, **_gateway(body))

    def delete(self, actor: Actor, row: AciGateway) -> None:
        if count := AppProfile.objects.count():
            raise Refusal(f"{count} App-Profiles found. Delete them first")
        actions.delete_gateway(actor=actor, row=row)

    def oper(self, row: AciGateway) -> Body:
        return filled({"numAppProfiles": AppProfile.objects.count()})


def _gateway(body: Body) -> Body:
    return {
        "physical_domain": body["physicalDomain"],
        "path_bindings": body["pathBindings"],
        "node_bindings": body["nodeBindings"],
        "enforce_policies": body["enforcePolicies"] == "yes",
        "include_common_tenant": body["includeCommonTenant"] == "yes",
    }
