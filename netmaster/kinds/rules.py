"""rules."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models import Q

from core import ipam
from core import rules as core_rules
from core.model import PORT_PROTOCOLS
from netmaster.kinds.base import Kind, Links, Sets, split, tenant_called
from netmaster.refusal import Refusal
from netmaster.structs import RULE, Body
from netmaster.versions import Changed
from networks.models import Endpoint, EndpointGroup, Network
from policies.actions import add_rule, delete_rule, id_of, lose_peer, rule_called
from policies.models import Policy, Rule, RulePeer
from tenants import standing
from tenants.change import Actor
from tenants.checks import named_in
from tenants.lookup import Columns
from tenants.models import Tenant

LAST_PROTOCOL = 255


#: By the names of tenant and policy, and its own; or, of one without a name, its key.
NAMED = Columns(
    lambda tenant, policy, name, pk: (
        Rule.objects.filter(policy__tenant__name=tenant, policy__name=policy)
        .filter(Q(name=name) | Q(name="", pk=pk))
        .order_by("-name")
        .values_list("pk")
    ),
    str,
    str,
    str,
    int,
)


class Rules(Kind):
    """A rule made elsewhere may have no name: then its number is its id. Several ports cannot be said in Contiv's
    shape, and no port is shown for them."""

    collection, word, struct = "rules", "rule", RULE

    def rows(self) -> models.QuerySet[Any]:
        rows = Rule.objects.select_related("policy__tenant", "peer_group", "peer_network")
        return rows.order_by("pk")

    def rows_of(self, tenants: Collection[int]) -> models.QuerySet[Any]:
        return self.rows().filter(policy__tenant__in=tenants)

    def touched(self, entry: Changed) -> set[int] | None:
        if entry.kind == "rule":
            return {entry.pk}
        # What is new is named by no rule yet.
        new = entry.kind in {"policy", "endpointgroup", "network"} and entry.before is None
        return set() if new else super().touched(entry)

    def find(self, key: str) -> Any | None:
        parts = split(key, 3)
        if parts is None:
            return None
        found = NAMED.all(*parts, id_of(parts[2]))
        return self.rows().get(pk=found[0][0]) if found else None

    def held(self, key: str) -> Any | None:
        parts = split(key, 3)
        if parts is None:
            return None
        tenant = standing.locked_by_name(parts[0])
        policy = named_in(tenant, Policy, parts[1]) if tenant else None
        found = rule_called(policy, parts[2]) if policy else None
        return self.rows().get(pk=found.pk) if found else None

    def key(self, row: Rule) -> str:
        return f"{row.policy.tenant.name}:{row.policy.name}:{row.name or row.pk}"

    def members(self, row: Rule) -> Body:
        side, own = ("from", "to") if row.direction == "in" else ("to", "from")
        return {
            "tenantName": row.policy.tenant.name,
            "policyName": row.policy.name,
            "ruleId": row.name or str(row.pk),
            "direction": row.direction,
            "priority": row.priority,
            "action": row.action,
            "protocol": row.missing.get("protocol") or ("" if row.protocol == "any" else row.protocol),
            "port": int(row.missing.get("port") or (row.ports if row.ports.isdigit() else 0)),
            **{f"{end}{what}": "" for end in ("from", "to") for what in ("EndpointGroup", "Network", "IpAddress")},
            f"{side}EndpointGroup": _group_of(row),
            f"{side}Network": row.peer_network.name if row.peer_network else row.missing.get("network", ""),
            f"{side}IpAddress": row.peer_addresses.removesuffix("/32"),
            f"{own}IpAddress": row.own_addresses.removesuffix("/32"),
        }

    def sets(self, row: Rule) -> Sets:
        return {"Policies": [("policy", f"{row.policy.tenant.name}:{row.policy.name}")]}

    def links(self, row: Rule) -> Links:
        group = _group_of(row)
        return {"MatchEndpointGroup": ("endpointGroup", f"{row.policy.tenant.name}:{group}") if group else None}

    def create(self, actor: Actor, body: Body) -> Rule:
        _refuse_peers(body)
        tenant = tenant_called(body["tenantName"])
        group, network = _peers(tenant, body)
        policy = named_in(tenant, Policy, body["policyName"]) if tenant else None
        if tenant is None or policy is None:
            raise Refusal("Policy not found")
        own = body["toIpAddress"] if body["direction"] == "in" else ""
        if own:
            _require_own(tenant, policy, own)
        missing = _missing(body)
        protocol = core_rules.protocol("" if "protocol" in missing else body["protocol"])
        has_ports = core_rules.protocol_number(protocol) in PORT_PROTOCOLS and "port" not in missing
        addresses = _range_text(body[_side(body, "IpAddress")])
        peer = RulePeer.GROUP if group else RulePeer.NETWORK if network else RulePeer.ADDRESS
        return add_rule(
            actor=actor,
            tenant=tenant,
            policy=policy,
            name=body["ruleId"],
            direction=body["direction"],
            priority=body["priority"],
            action=body["action"],
            protocol=protocol,
            # With other protocols a port means nothing, as in Contiv.
            ports=str(body["port"] or "") if has_ports else "",
            peer=peer if group or network or addresses else RulePeer.ANY,
            peer_group=group,
            peer_network=network,
            peer_addresses=addresses,
            own_addresses=own,
            missing=missing,
            idle=True,
        )

    def made(self, row: Rule) -> Rule:
        return row

    def update(self, actor: Actor, row: Rule, body: Body) -> Rule:
        raise Refusal("can not update a rule after its created")

    def delete(self, actor: Actor, row: Rule) -> None:
        delete_rule(actor=actor, row=row)

    def tenant_of(self, row: Rule) -> Tenant:
        return row.policy.tenant


def _missing(body: Body) -> dict[str, str]:
    """What Contiv takes for a protocol or a port though there is none such. The rule is kept, and matches nothing."""
    protocol, port = body["protocol"], body["port"]
    found = {"protocol": protocol} if protocol.isdigit() and int(protocol) > LAST_PROTOCOL else {}
    return found | ({"port": str(port)} if port < 0 else {})


def _group_of(row: Rule) -> str:
    """The group a rule names, also one that is gone."""
    return row.peer_group.name if row.peer_group else row.missing.get("group", "")


def lose(actor: Actor, rules: models.QuerySet[Rule]) -> None:
    """Of the rules that name what is about to be deleted, let those go on without it that are in effect nowhere. The
    others keep it from being deleted."""
    for rule in rules.filter(policy__groups=None).select_related("policy__tenant").order_by("pk"):
        lose_peer(actor=actor, row=rule)


def _side(body: Body, what: str) -> str:
    return f"{'from' if body['direction'] == 'in' else 'to'}{what}"


def _refuse_peers(body: Body) -> None:
    if body["direction"] == "in":
        if body["toNetwork"] or body["toEndpointGroup"]:
            raise Refusal("can not specify 'to' parameters in incoming rule")
        if body["fromNetwork"] and body["fromIpAddress"]:
            raise Refusal("can not specify both from network and from ip address")
        if body["fromNetwork"] and body["fromEndpointGroup"]:
            raise Refusal("can not specify both from network and from EndpointGroup")
        return
    if body["fromNetwork"] or body["fromEndpointGroup"] or body["fromIpAddress"]:
        raise Refusal("can not specify 'from' parameters in outgoing rule")
    if body["toNetwork"] and body["toIpAddress"]:
        raise Refusal("can not specify both to-network and to-ip address")
    if body["toNetwork"] and body["toEndpointGroup"]:
        raise Refusal("can not specify both to-network and to-EndpointGroup")


def _peers(tenant: Tenant | None, body: Body) -> tuple[EndpointGroup | None, Network | None]:
    """The group and the network that the rule names."""
    group_name, network_name = body[_side(body, "EndpointGroup")], body[_side(body, "Network")]
    group = named_in(tenant, EndpointGroup, group_name) if tenant and group_name else None
    if group_name and group is None:
        raise Refusal("endpoint group not found")
    network = named_in(tenant, Network, network_name) if tenant and network_name else None
    if network_name and network is None:
        raise Refusal(f"{'from' if body['direction'] == 'in' else 'to'} Network not found")
    return group, network


def _require_own(tenant: Tenant, policy: Policy, address: str) -> None:
    """An incoming rule may be about one address of its own side: of an endpoint of the only group the policy is on."""
    groups = list(policy.groups.values_list("pk", "name"))
    if len(groups) != 1:
        raise Refusal(f"failed to configure {address}, {len(groups)} endpoint groups linked to policy {policy.name} ")
    ((group, name),) = groups
    single = re.fullmatch(r"[0-9.]+", address, re.ASCII) is not None
    if not single or not Endpoint.objects.filter(group=group, ip4=address).exists():
        raise Refusal(f"failed to configure {address}, ip address is not in epg {name}:{tenant.name}")


def _range_text(text: str) -> str:
    """Contiv's "10.1.1.1-20" as a range of whole addresses, also where it runs backwards; a prefix with host bits as
    the prefix."""
    address, _, length = text.partition("/")
    first, dash, last = address.partition("-")
    if dash:
        start, _, end = first.rpartition(".")
        low, high = sorted((int(end), int(last)))
        return f"{start}.{low}-{start}.{high}"
    return ipam.prefix_around(first, length, 4) if length else first
