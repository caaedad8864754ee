"""The slow obvious twin of the policy compiler and its evaluator: it reads the intent and tries rule after rule."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from core.model import Action, Direction, Endpoint, Flow, Network, Peer, Rule, TenantIntent


@dataclass(frozen=True)
class Opinion:
    """One end's verdict, and every rule of the deciding priority and action that matches; none: not a rule's doing."""

    action: Action
    rules: tuple[int, ...]


def judge(intent: TenantIntent, flow: Flow) -> tuple[Action, Opinion, Opinion]:
    """What becomes of the flow, what its source says, what its destination says."""
    beyond = before_any_rule(intent, flow)
    if beyond:
        return beyond, Opinion(beyond, ()), Opinion(beyond, ())
    out = opinion(intent, flow, "out", flow.source, flow.destination)
    into = opinion(intent, flow, "in", flow.destination, flow.source)
    return ("allow" if out.action == into.action == "allow" else "deny"), out, into


def before_any_rule(intent: TenantIntent, flow: Flow) -> Action | None:
    destination = ip_address(flow.destination)
    subnets = [ip_network(network.subnet4) for network in intent.networks if network.subnet4]
    if destination.is_multicast or destination in [subnet.broadcast_address for subnet in subnets]:
        return "deny"
    gateways = [text for network in intent.networks for text in (network.gateway4, network.gateway6) if text]
    if destination in [ip_address(text) for text in gateways]:
        return "allow" if flow.protocol in (1, 58) else "deny"
    return None


def opinion(intent: TenantIntent, flow: Flow, direction: Direction, own: str, peer: str) -> Opinion:
    endpoint = endpoint_at(intent, own)
    if endpoint is None:
        return Opinion("allow", ())
    rules = [
        rule
        for policy in intent.policies
        if endpoint.group_id in policy.group_ids
        for rule in policy.rules
        if rule.direction == direction
    ]
    found = [rule for rule in rules if matches(intent, rule, flow, peer) and own_matches(rule, own)]
    found.sort(key=lambda rule: (-rule.priority, 0 if rule.action == "deny" else 1, rule.id))
    if not found:
        return Opinion(intent.default, ())
    first = found[0]
    return Opinion(first.action, tuple(r.id for r in found if (r.priority, r.action) == (first.priority, first.action)))


def endpoint_at(intent: TenantIntent, text: str) -> Endpoint | None:
    nodes = [node.id for node in intent.nodes]
    for endpoint in intent.endpoints:
        if endpoint.node_id in nodes:
            for address in (endpoint.ip4, endpoint.ip6):
                if address and ip_address(address) == ip_address(text):
                    return endpoint
    return None


def matches(intent: TenantIntent, rule: Rule, flow: Flow, peer: str) -> bool:
    return peer_matches(intent, rule.peer, peer) and protocol_matches(rule, flow) and ports_match(rule, flow)


def own_matches(rule: Rule, own: str) -> bool:
    return not rule.own or any(in_range(ranges, own) for ranges in rule.own)


def peer_matches(intent: TenantIntent, peer: Peer, text: str) -> bool:
    if peer.kind == "any":
        return True
    if peer.kind == "group":
        endpoint = endpoint_at(intent, text)
        known = [group.id for group in intent.groups]
        inside = not peer.ranges or any(in_range(ranges, text) for ranges in peer.ranges)
        return endpoint is not None and endpoint.group_id == peer.id and peer.id in known and inside
    if peer.kind == "network":
        return any(in_network(network, text) for network in intent.networks if network.id == peer.id)
    if peer.kind == "address":
        return any(in_range(ranges, text) for ranges in peer.ranges)
    return False


def in_network(network: Network, text: str) -> bool:
    return any(subnet and in_range(subnet, text) for subnet in (network.subnet4, network.subnet6))


def in_range(ranges: str, text: str) -> bool:
    address = ip_address(text)
    if "-" in ranges:
        first, last = (ip_address(end) for end in ranges.split("-"))
        return first.version == address.version and int(first) <= int(address) <= int(last)
    return address in ip_network(ranges)


def protocol_matches(rule: Rule, flow: Flow) -> bool:
    if rule.protocol is None:
        return True
    if rule.protocol == 1:
        return flow.protocol == (1 if ip_address(flow.source).version == 4 else 58)
    return flow.protocol == rule.protocol


def ports_match(rule: Rule, flow: Flow) -> bool:
    if not rule.ports or rule.protocol not in (6, 17):
        return True
    return any(ports.first <= (flow.destination_port or 0) <= ports.last for ports in rule.ports)
