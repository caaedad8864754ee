"""endpointGroups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core import ipam, ranges
from netmaster.addresses import octets
from netmaster.group_numbers import give_number, skip_number
from netmaster.kinds.base import Links, OwnedKind, Sets, its, tenant_named
from netmaster.kinds.rules import lose
from netmaster.oper import group_oper
from netmaster.refusal import Refusal
from netmaster.structs import GROUP, Body
from netmaster.versions import Changed
from netmaster.world import World, spans_of
from networks.actions import create_group, delete_group
from networks.models import AddressReservation, Encap, Endpoint, EndpointGroup, InfraType, Network
from networks.tags import current_fabric
from policies.actions import update_policy, update_profile
from policies.models import BandwidthProfile, Policy, Rule
from routing.actions import update_contract_group
from routing.models import AppProfileGroup, ContractGroup
from tenants.change import Actor
from tenants.checks import named_in
from tenants.models import Tenant

#: What of a request puts something on the group.
ATTACHED = ("policies", "netProfile", "extContractsGrps")


class Groups(OwnedKind):
    collection, word, struct, model = "endpointGroups", "endpointGroup", GROUP, EndpointGroup
    select = ("tenant", "network", "app_profile__profile")
    prefetch = (
        its("policies"),
        its("bandwidth_profiles"),
        its("contract_groups"),
        its("peer_rules", Rule.objects.select_related("policy")),
    )

    def members(self, row: Any) -> Body:
        profile = next(iter(row.its_bandwidth_profiles), None)
        return {
            "groupName": row.name,
            "tenantName": row.tenant.name,
            "networkName": row.network.name,
            "ipPool": row.pool4,
            "policies": [one.name for one in row.its_policies],
            "extContractsGrps": [one.name for one in row.its_contract_groups],
            "netProfile": profile.name if profile else "",
            "cfgdTag": row.label,
        }

    def sets(self, row: Any) -> Sets:
        tenant = row.tenant.name
        return {
            "ExtContractsGrps": [("extContractsGroup", f"{tenant}:{one.name}") for one in row.its_contract_groups],
            "MatchRules": [("rule", f"{tenant}:{one.policy.name}:{one.name or one.pk}") for one in row.its_peer_rules],
            "Policies": [("policy", f"{tenant}:{one.name}") for one in row.its_policies],
        }

    def links(self, row: Any) -> Links:
        tenant = row.tenant.name
        profile = next(iter(row.its_bandwidth_profiles), None)
        member = getattr(row, "app_profile", None)
        return {
            "AppProfile": ("appProfile", f"{tenant}:{member.profile.name}") if member else None,
            "NetProfile": ("netprofile", f"{tenant}:{profile.name}") if profile else None,
            "Network": ("network", f"{tenant}:{row.network.name}"),
            "Tenant": ("tenant", tenant),
        }

    def touched(self, entry: Changed) -> set[int] | None:
        if entry.kind == "endpointgroup":
            return {entry.pk}
        if entry.kind == "rule":
            return entry.either("peer_group_id")
        return set() if entry.kind == "network" and entry.before is None else super().touched(entry)

    def create(self, actor: Actor, body: Body) -> EndpointGroup:
        tenant, name = tenant_named(body["tenantName"]), body["groupName"]
        network: Network | None = named_in(tenant, Network, body["networkName"])
        if network is None:
            raise Refusal(f"Network {body['networkName']} not found")
        if named_in(tenant, Network, name):
            raise Refusal(f"Network {name} conflicts with the endpointGroup name")
        if body["ipPool"]:
            _refuse_pool(network, body["ipPool"])
        if network.encap == Encap.VXLAN and current_fabric().infra_type == InfraType.ACI:
            raise Refusal("network type must be VLAN for ACI mode", leaves=skip_number)
        row = create_group(
            actor=actor, tenant=tenant, name=name, network=network, label=body["cfgdTag"], pool4=body["ipPool"]
        )
        give_number(row, new=True)
        if not any(body[name] for name in ATTACHED):
            return _alone(row)
        try:
            _refuse_twice(body["policies"])
            attach(actor, row, body)
        except Refusal as refusal:
            refusal.leaves = skip_number
            raise
        return row

    def made(self, row: Any) -> Any:
        return row if hasattr(row, "its_policies") else super().made(row)

    def update(self, actor: Actor, row: EndpointGroup, body: Body) -> EndpointGroup:
        if body["networkName"] != row.network.name:
            raise Refusal("Cannot change network association after epg is created.")
        if body["ipPool"] != row.pool4:
            raise Refusal("Cannot change IP pool after epg is created.")
        attach(actor, row, body)
        return row

    def delete(self, actor: Actor, row: Any) -> None:
        member = getattr(row, "app_profile", None)
        if member is not None:
            raise Refusal(f"Cannot delete {row.name}, associated to appProfile {row.tenant.name}:{member.profile.name}")
        if row.endpoints.exists():
            raise Refusal(f"Error: EPG {row.name} has active endpoints")
        attach(actor, row, {"policies": [], "netProfile": "", "extContractsGrps": []})
        lose(actor, row.peer_rules.all())
        delete_group(actor=actor, row=row)

    def spare(self, body: Body) -> Body:
        """A tag is given once: another one is ignored."""
        return {name: value for name, value in body.items() if name != "cfgdTag"}

    def oper(self, row: EndpointGroup) -> Body:
        return group_oper(World(row.tenant, row.network), row)


def _alone(row: EndpointGroup) -> EndpointGroup:
    """A new group that nothing is on, with that known of it."""
    alone: Any = row
    alone.its_policies, alone.its_bandwidth_profiles, alone.its_contract_groups, alone.its_peer_rules = [], [], [], []
    AppProfileGroup._meta.get_field("group").remote_field.set_cached_value(alone, None)
    return row


def attach(actor: Actor, row: EndpointGroup, body: Body) -> None:
    """Put on the group exactly the policies, the profile and the contract groups that are named."""
    policies = _all(Policy, row.tenant, body["policies"], "Policy not found")
    names = [body["netProfile"]] if body["netProfile"] else []
    profiles = _all(BandwidthProfile, row.tenant, names, "netprofile not found")
    contracts = _all(ContractGroup, row.tenant, body["extContractsGrps"], "External contracts group {} not found")
    _replace(actor, row, row.policies.all(), policies, update_policy)
    _replace(actor, row, row.bandwidth_profiles.all(), profiles, update_profile)
    _replace(actor, row, row.contract_groups.all(), contracts, update_contract_group)


def _refuse_twice(policies: Sequence[str]) -> None:
    """A new group with a policy that is named twice; an update does not mind."""
    if len(set(policies)) < len(policies) and current_fabric().infra_type != InfraType.ACI:
        raise Refusal("Epg policy exists")


def _all(model: Any, tenant: Tenant, names: Sequence[str], missing: str) -> list[Any]:
    found = {row.name: row for row in model.objects.filter(tenant=tenant, name__in=names)}
    for name in names:
        if name not in found:
            raise Refusal(missing.format(name))
    return list(found.values())


def _replace(actor: Actor, group: EndpointGroup, there: Any, wanted: list[Any], update: Any) -> None:
    """Take the group off what it is no longer on before it is put on what it is not on yet."""
    before = {row.pk: row for row in there}
    after = {row.pk: row for row in wanted}
    for pk, row in before.items():
        if pk not in after:
            update(actor=actor, row=row, groups=[one for one in row.groups.all() if one.pk != group.pk])
    for pk, row in after.items():
        if pk not in before:
            update(actor=actor, row=row, groups=[*row.groups.all(), group])


def _refuse_pool(network: Network, pool: str) -> None:
    """A pool is refused that ends before it begins or beyond a prefix of the network's length, that lies elsewhere, or
    that has an address which is not free."""
    first, _, last = pool.partition("-")
    low, high = octets(first), octets(last)
    around = ipam.prefix_around(first, network.subnet4.partition("/")[2] or "32", 4)
    if low > high or high not in ipam.span(around):
        raise Refusal(f"invalid ip-pool {pool}")
    if around != network.subnet4:
        raise Refusal(f"bad ip-pool {pool}, EPG ip-pool must be a subset of network {network.subnet4}")
    room = ranges.room(network.subnet4, network.range4)
    clash = [max(low, span.first) for span in _taken(network) if span.first <= high and low <= span.last]
    clash += [low] if low < room.first else [max(low, room.last + 1)] if high > room.last else []
    if clash:
        raise Refusal(f"ip address {ipam.text_of(4, min(clash))} is not available")


def _taken(network: Network) -> list[ipam.Span]:
    endpoints = Endpoint.objects.filter(network=network, ip4__isnull=False).values_list("ip4", flat=True)
    pools = EndpointGroup.objects.filter(network=network).exclude(pool4="").values_list("pool4", flat=True)
    kept = AddressReservation.objects.filter(network=network).values_list("addresses", flat=True)
    return spans_of([network.gateway4 or None, *endpoints, *pools, *kept], 4)
