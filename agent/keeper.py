"""Holds one tenant on this node to what it should be: observe, diff, plan, apply; nothing when nothing is new.

A keeper is called from worker threads, by one at a time. It remembers what it made true, so that a small change costs
no observing, and looks again as soon as the kernel disagrees.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.kernel.interface import ApplyError, Attachment, Kernel
from agent.plugs import Plug
from core.diff import diff
from core.plan import Op, describe, plan
from core.render import NodeFacts, mtu, render
from core.spec import EndpointItem, Item, NetworkItem
from core.state import KernelObject, Key

log = logging.getLogger("agent.keeper")

Items = Mapping[str, Item]
Objects = Mapping[Key, KernelObject]
NAMESPACE: Key = ("namespace",)
#: Sentences of one drift that are told; the rest is counted.
DIFFERENCES_TOLD = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of realizing. `ops`: steps carried out. `refused`: why the tenant stays as it was, "" when it does not.
    `failed`: endpoints that could not be plugged in, each with the reason; the next sweep tries again."""

    ops: int = 0
    refused: str = ""
    failed: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drift:
    """What was changed behind our back, as sentences. While it is not healed `problem` says why."""

    found_at: float
    healed_at: float | None
    difference: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: drift, and plugs whose container is gone, each with the reason."""

    drift: Drift | None = None
    gone: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """What was made true last: what it came from, how its ports are plugged in, and the objects it is made of."""

    items: Items
    plugs: Mapping[int, Plug]
    attachments: Mapping[int, Attachment]
    objects: Objects


class Keeper:
    """One tenant on this node. `refused` is why the newest that was wanted is not what is held; "" when it is."""

    def __init__(self, tenant: int, kernel: Kernel, node: NodeFacts, clock: Callable[[], float] = time.time) -> None:
        self.tenant = tenant
        self.refused = ""
        self._kernel = kernel
        self._node = node
        self._clock = clock
        self._held: Held | None = None
        #: What the kernel is believed to hold; None: look.
        self._believed: Objects | None = None
        self._veths: set[int] | None = None
        self._unhealed: tuple[str, ...] = ()

    @property
    def plugs(self) -> frozenset[int]:
        """Endpoints that are held plugged in."""
        return frozenset(self._held.plugs) if self._held else frozenset()

    def veths(self) -> set[int]:
        """Endpoints whose veth is in the kernel, as far as known without looking twice."""
        if self._veths is None:
            self._veths = set(self._kernel.attached(self.tenant))
        return self._veths

    def realize(self, items: Items, plugs: Mapping[int, Plug]) -> Outcome:
        """Make `items` true with the endpoints of `plugs` plugged in. When refused, the tenant is as it was before."""
        wanted = attachments(items, plugs, self._node)
        fresh = self._fresh(wanted)
        try:
            ops, failed = self._plug_in(items, wanted, fresh)
            held = self._hold(items, {e: p for e, p in plugs.items() if e in wanted}, wanted, failed)
            ops += self._reach(held.objects)
        except ApplyError as error:
            self.refused = error.reason
            self._restore(fresh)
            return Outcome(refused=error.reason)
        self.refused = ""
        self._held = held
        # Only now, when no object speaks of them any more: the other order would be drift of our own making.
        self._unplug(self.veths() - wanted.keys(), namespace_stays=bool(held.objects))
        return Outcome(ops, "", failed)

    def sweep(self) -> Swept:
        """Compare what is held with what is there, and heal the difference. Raises ApplyError when it cannot look."""
        if self._held is None:
            return Swept()
        found_at, held = self._clock(), self._held
        self._veths = set(self._kernel.attached(self.tenant))
        gone = {e: reason for e, plug in held.plugs.items() if (reason := plug.gone(e in self._veths))}
        missing = held.plugs.keys() - gone.keys() - self._veths
        staying = {e: p for e, p in held.plugs.items() if e not in gone}
        wanted = self._hold(held.items, staying, held.attachments)
        actual = self._kernel.observe(self.tenant)
        difference = [f"The veth of endpoint {endpoint} was gone." for endpoint in sorted(missing)]
        difference += _sentences(plan(diff(wanted.objects, actual)), owed=_keys_between(held.objects, wanted.objects))
        problem = self._heal(wanted, missing, actual)
        self._unplug(gone.keys() & self._veths)
        return Swept(self._drift(found_at, tuple(difference), problem), gone)

    def _heal(self, wanted: Held, missing: set[int], actual: Objects) -> str:
        """Make `wanted` true again, starting from `actual`. Returns what could not be healed, a sentence, or ""."""
        self._believed = actual
        failed: Mapping[int, str] = {}
        try:
            if missing:
                _, failed = self._plug_in(wanted.items, wanted.attachments, missing)
                # A veth made again is not where the old one was: what hung on that has to be looked for.
                self._believed = None
            self._held = self._hold(wanted.items, wanted.plugs, wanted.attachments, failed)
            healed = self._reach(self._held.objects)
            left = self._left(self._held.objects) if healed else ""
        except ApplyError as error:
            self._believed = None
            return error.reason
        return " ".join(
            [f"Endpoint {e} cannot be plugged in again: {why}" for e, why in failed.items()] + [left]
        ).strip()

    def _left(self, objects: Objects) -> str:
        """What still differs after healing, as a sentence: somebody undoes our work, or the kernel does not keep it."""
        left = plan(diff(objects, self._kernel.observe(self.tenant)))
        if not left:
            return ""
        self._believed = None
        return f"It was set right and differs again: {describe(left[0])}"

    def _drift(self, found_at: float, difference: tuple[str, ...], problem: str) -> Drift | None:
        """The drift to report, none if there is none or if the same, still unhealed, has been reported."""
        told_before = bool(problem) and difference == self._unhealed
        self._unhealed = difference if problem else ()
        if not (difference or problem) or told_before:
            return None
        return Drift(found_at, None if problem else self._clock(), difference, problem)

    def _hold(
        self,
        items: Items,
        plugs: Mapping[int, Plug],
        wanted: Mapping[int, Attachment],
        failed: Collection[int] = (),
    ) -> Held:
        """What is to be held, its objects without the ports of plugs that `failed`."""
        objects = render(items.values(), plugs.keys() - failed, self._node)
        return Held(items, plugs, {e: wanted[e] for e in plugs}, objects)

    def _fresh(self, wanted: Mapping[int, Attachment]) -> set[int]:
        """Endpoints to be plugged in anew: no veth is there, or it was made for another container or address."""
        before = self._held.attachments if self._held else {}
        moved = {e for e, a in wanted.items() if a.netns and before.get(e, a) != a}
        return moved | (wanted.keys() - self.veths())

    def _plug_in(self, items: Items, wanted: Mapping[int, Attachment], fresh: set[int]) -> tuple[int, dict[int, str]]:
        """Make the veths of `fresh`. Returns ops carried out before, and the reason of each that could not be made."""
        if not fresh:
            return 0, {}
        # A veth needs the namespace, and the namespace comes with the tenant's policy: closed before anything enters.
        ops = 0
        if NAMESPACE not in self._look():
            ops = self._reach(render(items.values(), wanted.keys() - fresh, self._node))
        failed: dict[int, str] = {}
        for endpoint in sorted(fresh):
            try:
                self._plug_one(wanted[endpoint])
            except ApplyError as error:
                failed[endpoint] = error.reason
        return ops, failed

    def _plug_one(self, attachment: Attachment) -> None:
        if not attachment.netns:
            raise ApplyError("its veth is gone and nobody noted where it was plugged in")
        if attachment.endpoint in self.veths():
            self._kernel.detach(self.tenant, attachment.endpoint)
            self.veths().discard(attachment.endpoint)
            self._believed = None
        self._kernel.attach(self.tenant, attachment)
        self.veths().add(attachment.endpoint)

    def _unplug(self, endpoints: Iterable[int], *, namespace_stays: bool = True) -> None:
        for endpoint in sorted(endpoints):
            if namespace_stays:
                self._kernel.detach(self.tenant, endpoint)
            self.veths().discard(endpoint)

    def _look(self) -> Objects:
        if self._believed is None:
            self._believed = self._kernel.observe(self.tenant)
        return self._believed

    def _reach(self, objects: Objects) -> int:
        """Apply what leads to `objects`, once more from what is really there if the kernel disagrees. Returns ops.

        Raises ApplyError; what the kernel holds is then unknown.
        """
        ops = plan(diff(objects, self._look()))
        try:
            self._apply(ops)
        except ApplyError as error:
            log.info("Tenant %s: %s Looking again.", self.tenant, error.reason)
            ops = plan(diff(objects, self._look()))
            self._apply(ops)
        self._believed = objects
        return len(ops)

    def _apply(self, ops: Sequence[Op]) -> None:
        if ops:
            self._believed = None
            self._kernel.apply(self.tenant, ops)

    def _restore(self, fresh: set[int]) -> None:
        """After a refusal: what was held before is held again, and nothing stays plugged in that was not."""
        self._believed = None
        try:
            if self._held is not None:
                self._reach(self._held.objects)
            self._unplug((self.veths() & fresh) - self.plugs)
        except ApplyError as error:
            log.error("Tenant %s: what was held before cannot be restored: %s", self.tenant, error.reason)


def attachments(items: Items, plugs: Mapping[int, Plug], node: NodeFacts) -> dict[int, Attachment]:
    """How each plugged endpoint that is among the items is to be plugged in."""
    made = {}
    for endpoint, plug in plugs.items():
        item = items.get(f"{plug.tenant}/endpoint/{endpoint}")
        network = items.get(f"{plug.tenant}/network/{item.network}") if isinstance(item, EndpointItem) else None
        if isinstance(item, EndpointItem) and isinstance(network, NetworkItem):
            made[endpoint] = _attachment(plug, item, network, node)
    return made


def _attachment(plug: Plug, item: EndpointItem, network: NetworkItem, node: NodeFacts) -> Attachment:
    return Attachment(
        endpoint=item.id,
        netns=plug.netns,
        mac=item.mac,
        ifname=plug.ifname,
        ip4=_with_length(item.ip4, network.subnet4),
        gateway4=network.gateway4 if item.ip4 else None,
        ip6=_with_length(item.ip6, network.subnet6),
        gateway6=network.gateway6 if item.ip6 else None,
        mtu=mtu(network, node),
    )


def _with_length(address: str | None, subnet: str | None) -> str | None:
    return f"{address}/{subnet.rpartition('/')[2]}" if address and subnet else None


def _keys_between(before: Objects, after: Objects) -> set[Key]:
    """Keys of what changes by our own doing, which is no drift."""
    step = diff(after, before)
    return {*step.create, *step.update, *step.delete}


def _sentences(ops: Sequence[Op], owed: set[Key]) -> list[str]:
    found = [op for op in ops if op.subject.key not in owed]
    told = [describe(op) for op in found[:DIFFERENCES_TOLD]]
    return [*told, f"And {len(found) - len(told)} more."] if len(found) > len(told) else told
