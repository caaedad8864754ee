"""Why a connection passes or does not: the decision the kernel takes, with the names people know, and whether there is
a way for it at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils.translation import gettext

from core import ipam
from core import rules as core_rules
from core.evaluate import Reason, Side
from core.model import PORT_PROTOCOLS, Action, Endpoint, Flow, Node, TenantIntent
from core.reach import Judge
from policies.snapshot import tenant_intent
from tenants.checks import refuse
from tenants.models import Tenant

#: Where endpoints are taken to be that are on no node.
NOWHERE = Node(0, "", "")


@dataclass(frozen=True, slots=True)
class End:
    """What one end of a connection says to it. `endpoint` None: the address is no endpoint's; `rule` None: no rule
    spoke, and `reason` says what did."""

    address: str
    endpoint: str | None
    endpoint_id: int | None
    group: str | None
    action: Action
    rule: int | None
    policy: str | None
    policy_id: int | None
    reason: Reason

    @property
    def said(self) -> str:
        """The reason in the reader's language; programs get it in English."""
        return _said(self.reason, action=gettext(self.action))


@dataclass(frozen=True, slots=True)
class Explanation:
    """A connection passes when the source's outgoing rules and the destination's incoming rules both let it, which is
    `action`, and there is a way for it: `no_way` says why there is none."""

    action: Action
    no_way: Reason | None
    protocol: str
    port: int | None
    outgoing: End
    incoming: End

    @property
    def outcome(self) -> Action:
        """What becomes of the connection."""
        return self.action if self.no_way is None else "deny"

    @property
    def unreachable(self) -> str:
        """Why there is no way, for programs; "" where there is one."""
        return str(self.no_way or "")

    @property
    def unreachable_said(self) -> str:
        """The same in the reader's language."""
        return _said(self.no_way) if self.no_way else ""


def explain(
    *, tenant: Tenant, source: str, destination: str, protocol: str = "tcp", port: int | None = None
) -> Explanation:
    """The decision on a connection between two endpoints or addresses, each by name or address. An endpoint that is
    on no node yet is judged as if it were on one. Raises ValidationError by field."""
    intent = tenant_intent(tenant.pk)
    number = _protocol(protocol, port)
    ends = _addresses(intent, source.strip(), destination.strip())
    known = {address: endpoint for endpoint in intent.endpoints for address in (endpoint.ip4, endpoint.ip6) if address}
    answer = Judge(_all_placed(intent)).answer(Flow(*ends, number, None, port))
    decision = answer.decision
    return Explanation(
        decision.action,
        answer.no_way,
        core_rules.protocol_text(number),
        port,
        _end(intent, ends[0], known.get(ends[0]), decision.outgoing),
        _end(intent, ends[1], known.get(ends[1]), decision.incoming),
    )


def _said(reason: Reason, **words: str) -> str:
    """A reason in the reader's language; `words` are those of its values that are to be translated, too."""
    return gettext(reason.sentence) % {**reason.values, **words}


def _all_placed(intent: TenantIntent) -> TenantIntent:
    """The intent with every endpoint on a node: rules on some of a group's endpoints are compiled from placed ones."""
    nodes = {node.id for node in intent.nodes}
    endpoints = tuple(e if e.node_id in nodes else replace(e, node_id=NOWHERE.id) for e in intent.endpoints)
    return replace(intent, endpoints=endpoints, nodes=(*intent.nodes, NOWHERE))


def _protocol(text: str, port: int | None) -> int:
    try:
        number = core_rules.protocol_number(text)
    except core_rules.RuleError as error:
        refuse("protocol", str(error), "protocol")
    if number is None:
        refuse("protocol", "A connection has one protocol. Write tcp, udp, icmp or a number from 0 to 255.", "protocol")
    if number in PORT_PROTOCOLS and port is None:
        refuse("port", "Give the destination port, 1 to 65535.", "needed")
    if number not in PORT_PROTOCOLS and port is not None:
        refuse("port", f"{core_rules.protocol_text(number)} has no ports. Leave this empty.", "unwanted")
    if port is not None and not 1 <= port <= core_rules.LAST_PORT:
        refuse("port", f"There is no port {port}. Ports are 1 to {core_rules.LAST_PORT}.", "ports")
    return number


def _addresses(intent: TenantIntent, source: str, destination: str) -> tuple[str, str]:
    """The two addresses, of one family: IPv4 where both ends have it, unless an address says otherwise."""
    ours = _addresses_of(intent, "source", source)
    theirs = _addresses_of(intent, "destination", destination)
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        refuse("destination", f"{source} and {destination} have no address family in common.", "family")
    return ours[shared[0]], theirs[shared[0]]


def _addresses_of(intent: TenantIntent, field: str, said: str) -> dict[int, str]:
    """An endpoint's addresses by family, or the one address that was given."""
    for endpoint in intent.endpoints:
        if endpoint.name == said:
            return {v: address for v, address in ((4, endpoint.ip4), (6, endpoint.ip6)) if address}
    try:
        return {ipam.family(said): ipam.address(said)}
    except ipam.AddressError:
        refuse(field, f"{intent.name} has no endpoint {said}. Give an endpoint's name or an address.", "unknown")


def _end(intent: TenantIntent, address: str, endpoint: Endpoint | None, side: Side) -> End:
    policy = next((p for p in intent.policies if any(r.id == side.rule for r in p.rules)), None)
    group = next((g.name for g in intent.groups if endpoint and g.id == endpoint.group_id), None)
    return End(
        address=address,
        endpoint=endpoint.name if endpoint else None,
        endpoint_id=endpoint.id if endpoint else None,
        group=group,
        action=side.action,
        rule=side.rule,
        policy=policy.name if policy else None,
        policy_id=policy.id if policy else None,
        reason=side.reason,
    )
