"""Coming from Contiv: a netmaster's objects made here, as if its clients had asked for them, in an order that works."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction

from contivui.web.problem import Problem
from netmaster import plugin
from netmaster.calls import read
from netmaster.endpoints import endpoint_in
from netmaster.kinds import KINDS
from netmaster.kinds.base import Kind
from netmaster.refusal import Refusal, text_of
from netmaster.scanner import decode
from netmaster.source import Held, Member, Source, whole
from netmaster.wire import compact
from networks.models import Network, Node
from tenants.change import Actor
from transfer.reading import hold
from transfer.steps import Does, Outcome, Step

#: Collections in the order in which their objects need each other.
ORDER = (
    "globals",
    "tenants",
    "netprofiles",
    "networks",
    "extContractsGroups",
    "policys",
    "endpointGroups",
    "rules",
    "appProfiles",
    "serviceLBs",
    "Bgps",
    "aciGws",
)
#: Members that say how an object is connected; they follow from the others.
DERIVED = frozenset({"key", "link-sets", "links"})


class _Undo(Exception):
    """Leaves the transaction, and nothing of it behind."""


def carry_over(source: Source, actor: Actor, *, only_plan: bool = False, without_refused: bool = False) -> Outcome:
    """Make what the source holds, in one transaction. With `only_plan` nothing is stored; neither is when something is
    refused, unless it is to be left out. What is here and not there stays. Doing it again changes nothing. The
    source is read before anybody is locked out."""
    source, outcome = Held(whole(source, ORDER)), Outcome()
    try:
        with transaction.atomic():
            hold({str(member.get("tenantName")) for member in source.collection("tenants")})
            for name in ORDER:
                for member in sorted(source.collection(name), key=lambda member: str(member.get("key"))):
                    _object(outcome, source, KINDS[name], member, actor)
            for member in source.collection("networks"):
                _endpoints(outcome, source, str(member.get("key")), actor)
            if only_plan or (outcome.refused and not without_refused):
                raise _Undo
    except _Undo:
        pass
    return outcome


def _step(outcome: Outcome, what: str, work: Callable[[], tuple[Does, str]]) -> None:
    """One object in a savepoint of its own, so that all that cannot be is found in one go."""
    try:
        with transaction.atomic():
            does, why = work()
    except (Refusal, ValidationError, Problem) as error:
        does, why = "refused", text_of(error)
    outcome.steps.append(Step(does, what, why))


def _object(outcome: Outcome, source: Source, kind: Kind, member: Member, actor: Actor) -> None:
    if kind.collection == "networks":
        member = _with_its_tag(source, member)
    _step(outcome, f"{kind.word} {member.get('key')}", partial(_make, kind, member, actor))


def _with_its_tag(source: Source, network: Member) -> Member:
    """A network keeps the tag that was chosen for it: the wire goes on carrying it meanwhile."""
    if network.get("pktTag"):
        return network
    state = source.state(str(network["key"]))
    tag = state.get("externalPktTag") if network.get("encap") == "vxlan" else state.get("pktTag")
    return {**network, **({"pktTag": tag} if tag else {})}


def _make(kind: Kind, member: Member, actor: Actor) -> tuple[Does, str]:
    key = str(member.get("key"))
    asked = {name: value for name, value in member.items() if name not in DERIVED}
    row = kind.find(key)
    if row is not None:
        shown = {name: value for name, value in kind.show(row).items() if name not in DERIVED}
        changed = sorted(name for name in shown.keys() | asked.keys() if shown.get(name) != asked.get(name))
        if not changed:
            return "same", ""
    # Once as text and back: numbers must be what the dialect's own reader makes of them.
    kind.save(actor, key, kind.struct.read(decode(compact(asked))))
    return ("create", "") if row is None else ("update", ", ".join(changed))


def _endpoints(outcome: Outcome, source: Source, key: str, actor: Actor) -> None:
    tenant, _, name = key.partition(":")
    network = Network.objects.select_related("tenant").filter(tenant__name=tenant, name=name).first()
    if network is None:
        return
    for endpoint in source.state(key).get("endpoints", []):
        what = f"endpoint {key}/{endpoint.get('endpointID')}"
        _step(outcome, what, partial(_endpoint, network, endpoint, actor))


def _endpoint(network: Network, endpoint: Member, actor: Actor) -> tuple[Does, str]:
    """On the node that has its host's name here; else it is addressed, and plugged in nowhere yet."""
    name = str(endpoint.get("endpointID", ""))
    if endpoint_in(network, name) is not None:
        return "same", ""
    ip4, ip6 = [*endpoint.get("ipAddress", []), "", ""][:2]
    host = str(endpoint.get("homingHost", ""))
    said = {
        "TenantName": network.tenant.name,
        "NetworkName": network.name,
        "ServiceName": endpoint.get("serviceName", ""),
        "EndpointID": name,
        "EPCommonName": endpoint.get("containerName", ""),
        "ConfigEP": {"Host": host, "IPAddress": ip4, "IPv6Address": ip6},
    }
    plugin.create(actor, read("createEndpoint", said))
    return "create", "" if Node.objects.filter(name=host).exists() else f"there is no node {host} here yet"
