"""Is there a way at all? Policy says what may pass; what no node brings anywhere does not pass, whatever it says.

Within a network packets are bridged. Between networks of a tenant they are routed, from the gateway of the one to that
of the other, in each family by itself. Beyond its networks a tenant has nothing: there is no way out and none in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core import ipam
from core.evaluate import ONLY_UNICAST, Decision, Evaluator, Reason
from core.isolation import compile_policy
from core.model import Action, Flow, Network, TenantIntent

#: Why there is no way.
OUTSIDE = "%(address)s is in no network of the tenant, and a tenant has no way out, so nothing gets across."
NO_GATEWAY = "Network %(network)s has no gateway of IPv%(family)s, so nothing gets across."
SHADOWED = (
    "Network %(network)s shares addresses with %(other)s, which is the one of the two that nodes route, "
    "so nothing gets across."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What policy says of a flow, and why there is no way for it; None: there is one."""

    decision: Decision
    no_way: Reason | None

    @property
    def action(self) -> Action:
        """What becomes of the flow."""
        return "allow" if self.decision.action == "allow" and self.no_way is None else "deny"


class Judge:
    """Says of flows of one tenant what becomes of them, as the evaluator does, and knows the ways besides."""

    def __init__(self, intent: TenantIntent) -> None:
        self._evaluator = Evaluator(compile_policy(intent))
        self._ways = Ways(intent)

    def answer(self, flow: Flow) -> Answer:
        """Raises what Evaluator.verdict does."""
        decision = self._evaluator.verdict(flow)
        if decision.outgoing.reason.sentence == ONLY_UNICAST:
            return Answer(decision, None)  # Refused for what it is: such an address is in no network anyway.
        return Answer(decision, self._ways.missing(flow.source, flow.destination))


class Ways:
    """Which addresses of one tenant get to which, were everything allowed. The gateways of `intent` are those that
    nodes have: of networks that share addresses one alone has its own (core.ranges.routed)."""

    def __init__(self, intent: TenantIntent) -> None:
        self._networks = {network.id: network for network in intent.networks}
        self._homes: dict[str, Network] = {}
        for network in intent.networks:
            self._homes |= {gateway: network for gateway in (network.gateway4, network.gateway6) if gateway}
        for endpoint in intent.endpoints:
            if home := self._networks.get(endpoint.network_id):
                self._homes |= {address: home for address in (endpoint.ip4, endpoint.ip6) if address}

    def missing(self, source: str, destination: str) -> Reason | None:
        """Why nothing gets from one address to the other, which is of the same family; None when something does."""
        ends = [ipam.address(source), ipam.address(destination)]
        homes = [self._around(end) for end in ends]
        for end, around in zip(ends, homes, strict=True):
            if not around:
                return Reason(OUTSIDE, {"address": end})
        if any(network in homes[1] for network in homes[0]):
            return None
        family = ipam.family(ends[0])
        return next((why for around in homes if (why := self._not_routed(around, family))), None)

    def _around(self, address: str) -> list[Network]:
        """The network whose endpoint or gateway it is; of nobody's address those it could be in."""
        if home := self._homes.get(address):
            return [home]
        family = ipam.family(address)
        subnets = ((network, _subnet(network, family)) for network in self._networks.values())
        return [network for network, subnet in subnets if subnet and ipam.contains(subnet, address)]

    def _not_routed(self, around: list[Network], family: int) -> Reason | None:
        """Why none of these networks has a way to others."""
        if any(_gateway(network, family) for network in around):
            return None
        network = around[0]
        if other := next(self._before(network, family), None):
            return Reason(SHADOWED, {"network": network.name, "other": other.name})
        return Reason(NO_GATEWAY, {"network": network.name, "family": family})

    def _before(self, network: Network, family: int) -> Iterator[Network]:
        """Networks that are routed in the place of this one: with a gateway of its own it would have none on nodes."""
        own = _subnet(network, family)
        for other in self._networks.values():
            subnet = _subnet(other, family)
            if own and subnet and _gateway(other, family) and ipam.overlaps(own, subnet):
                yield other


def _subnet(network: Network, family: int) -> str | None:
    return network.subnet4 if family == 4 else network.subnet6


def _gateway(network: Network, family: int) -> str | None:
    return network.gateway4 if family == 4 else network.gateway6
