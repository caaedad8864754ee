"""Holds one tenant on this node to what it should be: observe, diff, plan, apply; nothing when nothing is new.

A keeper is called from worker threads, by one at a time. It remembers what it made true, so that a small change costs
no observing, and looks again as soon as the kernel disagrees.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from agent.attachments import attachment, attachments
from agent.kernel.interface import ApplyError, Attachment, Kernel, nothing
from agent.plugs import Plug
from agent.reasons import network_of, told
from core import ids
from core.diff import diff
from core.plan import Op, describe, plan
from core.render import NodeFacts
from core.rendering import Rendering, rerender
from core.spec import Item, NetworkItem
from core.state import KernelObject, Key

log = logging.getLogger("agent.keeper")

Items = Mapping[str, Item]
Objects = Mapping[Key, KernelObject]
#: Hears of endpoints, by id, from the thread that plugged them in.
Plugged = Callable[[Set[int]], None]
NAMESPACE: Key = ("namespace",)
#: Sentences of one drift that are told; the rest is counted.
DIFFERENCES_TOLD = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of realizing. `ops`: steps carried out. `refused`: why the tenant is not as wanted, "" when it is.
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
    """What was made true last: the items and plugs it came from, and the objects it is made of."""

    items: Items
    plugs: Mapping[int, Plug]
    objects: Objects


@dataclass(frozen=True, slots=True)
class Tried:
    """What was wanted while nothing was held yet and could not be made true: the items and plugs, and the objects they
    are made of. `owed` are the keys of those that differed when it had been tried."""

    items: Items
    plugs: Mapping[int, Plug]
    objects: Objects
    owed: Set[Key]


class Keeper:
    """One tenant on this node. `refused` is why the newest that was wanted is not what is held; "" when it is."""

    def __init__(self, tenant: int, kernel: Kernel, node: NodeFacts, clock: Callable[[], float] = time.time) -> None:
        self.tenant = tenant
        self.refused = ""
        self._kernel = kernel
        self._node = node
        self._clock = clock
        self._held: Held | None = None
        #: Only while nothing is held: an earlier process may have left what must not be changed by others meanwhile.
        self._tried: Tried | None = None
        self._rendering: Rendering | None = None
        #: What the kernel is believed to hold; None: look.
        self._believed: Objects | None = None
        #: How each veth that is there was made, None for one of an earlier process; None as a whole: look.
        self._veths: dict[int, Attachment | None] | None = None
        self._unhealed: tuple[str, ...] = ()

    def veths(self) -> dict[int, Attachment | None]:
        """Endpoints whose veth is in the kernel, as far as known without looking twice."""
        if self._veths is None:
            self._veths = dict.fromkeys(self._kernel.attached(self.tenant))
        return self._veths

    @property
    def is_new(self) -> bool:
        """Whether nobody has looked yet what an earlier process left."""
        return self._veths is None

    def plugged(self, endpoint: int) -> bool:
        """Whether the endpoint is held plugged in."""
        return self._held is not None and endpoint in self._held.plugs and endpoint in self.veths()

    def prepare(self, plug: Plug, described: Mapping[str, Any]) -> None:
        """Make the veth of an endpoint that no spec names yet, down and in no bridge. What goes wrong is said when it
        is to be plugged in; a veth that no spec comes to name goes with the next realize."""
        network = self._held.items.get(f"{plug.tenant}/network/{described['network']}") if self._held else None
        if not isinstance(network, NetworkItem) or plug.endpoint in self.veths():
            return
        addresses = (described.get("ip4") or None, described.get("ip6") or None)
        try:
            self._plug_one(plug, attachment(plug, described.get("mac", ""), addresses, network, self._node))
        except ApplyError as error:
            log.info("Endpoint %s cannot be prepared: %s", plug.endpoint, error.reason)

    def realize(self, items: Items, plugs: Mapping[int, Plug], plugged: Plugged | None = None) -> Outcome:
        """Make `items` true with the endpoints of `plugs` plugged in. When a network cannot be made, all but that
        is; when anything else is refused, the items stay as they were before, and plugs among those come and go all the
        same. `plugged` hears of the endpoints that are plugged in as soon as they can be reached, which is before
        connections that run already are judged anew."""
        try:
            outcome = self._make(items, plugs, plugged)
        except ApplyError as error:
            self.refused = told(error, items)
            return self._make_rest(items, plugs, error, plugged) or self._fall_back(items, plugs)
        self.refused = ""
        return outcome

    def refuse(self, reason: str) -> Outcome:
        """Nothing could be made of what is wanted, nor of what was held before."""
        self.refused = reason
        return Outcome(refused=reason)

    def sweep(self) -> Swept:
        """Compare what is held with what is there, and heal the difference. Raises ApplyError when it cannot look."""
        if self._held is None:
            return self._sweep_tried(self._tried) if self._tried else Swept()
        found_at, held = self._clock(), self._held
        there = self._kernel.attached(self.tenant)
        self._veths = {e: self.veths().get(e) for e in there}
        gone = {e: reason for e, plug in held.plugs.items() if (reason := plug.gone(e in there))}
        wanted = self._hold(held.items, {e: p for e, p in held.plugs.items() if e not in gone})
        missing = wanted.plugs.keys() - there
        actual = self._kernel.observe(self.tenant)
        difference = [f"The veth of endpoint {endpoint} was gone." for endpoint in sorted(missing)]
        difference += _sentences(plan(diff(wanted.objects, actual)), owed=_keys_between(held.objects, wanted.objects))
        problem = self._heal(wanted, missing, actual)
        self._unplug(gone.keys() & there)
        return Swept(self._drift(found_at, tuple(difference), problem), gone)

    def _sweep_tried(self, tried: Tried) -> Swept:
        """Nothing is held yet, so there is nothing to go back to. Where something was changed since it was tried, it is
        tried again at once: all that comes before what is refused is made true, the policy first."""
        found_at = self._clock()
        self._veths = {e: self.veths().get(e) for e in self._kernel.attached(self.tenant)}
        self._believed = self._kernel.observe(self.tenant)
        difference = tuple(_sentences(plan(diff(tried.objects, self._believed)), tried.owed))
        if not difference:
            return Swept(self._drift(found_at, (), ""))
        self.realize(tried.items, tried.plugs)
        left = self._tried.owed - tried.owed if self._tried else set()
        if self._tried:
            self._tried = replace(self._tried, owed=self._tried.owed & tried.owed)
        return Swept(self._drift(found_at, difference, self.refused if left else ""))

    def _make(self, items: Items, plugs: Mapping[int, Plug], plugged: Plugged | None = None) -> Outcome:
        wanted = attachments(items, plugs, self._node)
        ops, failed = self._plug_in(items, plugs, wanted)
        held = self._hold(items, {e: p for e, p in plugs.items() if e in wanted}, failed)
        ops += self._reach(held.objects, partial(plugged, wanted.keys() - failed) if plugged else nothing)
        self._held, self._tried = held, None
        if held.objects:
            # Only now, when no object speaks of them any more: the other order would be drift of our own making.
            self._unplug(self.veths().keys() - wanted.keys())
        else:
            self._veths = {}
        return Outcome(ops, "", failed)

    def _make_rest(
        self, items: Items, plugs: Mapping[int, Plug], error: ApplyError, plugged: Plugged | None
    ) -> Outcome | None:
        """All of `items` but networks that this node cannot make, where none of them is there in another form yet: of
        one that is, what was held before is better than nothing. None when that is not what was refused."""
        while (key := network_of(error, items)) and self._is_absent(items[key]):
            items = {name: item for name, item in items.items() if name != key}
            try:
                outcome = self._make(items, plugs, plugged)
            except ApplyError as another:
                error = another
                self._believed = None
                self.refused = f"{self.refused} {told(error, items)}"
            else:
                return replace(outcome, refused=self.refused)
        return None

    def _is_absent(self, network: Item) -> bool:
        try:
            return isinstance(network, NetworkItem) and ("link", ids.vxlan(network.id)) not in self._look()
        except ApplyError:
            return False

    def _fall_back(self, items: Items, plugs: Mapping[int, Plug]) -> Outcome:
        """After a refusal of `items`: what was held before is held again."""
        self._believed = None
        if self._held is None:
            self._tried = self._now_tried(items, plugs)
            return Outcome(refused=self.refused)
        try:
            outcome = self._make(self._held.items, plugs)
        except ApplyError as error:
            log.error("Tenant %s: what was held before cannot be restored: %s", self.tenant, error.reason)
            return Outcome(refused=self.refused)
        return Outcome(outcome.ops, self.refused, outcome.failed)

    def _now_tried(self, items: Items, plugs: Mapping[int, Plug]) -> Tried | None:
        """What came of trying. None: it cannot be looked at."""
        try:
            objects = self._render(items, attachments(items, plugs, self._node).keys() & self.veths().keys())
            return Tried(items, plugs, objects, _keys_between(objects, self._look()))
        except ApplyError as error:
            log.warning("Tenant %s cannot be looked at: %s", self.tenant, error.reason)
            return None

    def _heal(self, wanted: Held, missing: Set[int], actual: Objects) -> str:
        """Make `wanted` true again, starting from `actual`. Returns what could not be healed, a sentence, or ""."""
        self._believed = actual
        failed: Mapping[int, str] = {}
        try:
            if missing:
                made = attachments(wanted.items, wanted.plugs, self._node)
                _, failed = self._plug_in(wanted.items, wanted.plugs, made)
                # A veth made again is not where the old one was: what hung on that has to be looked for.
                self._believed = None
            self._held = self._hold(wanted.items, wanted.plugs, failed)
            healed = self._reach(self._held.objects)
            left = self._left(self._held.objects) if healed else ""
        except ApplyError as error:
            self._believed = None
            return told(error, wanted.items)
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

    @property
    def drifting(self) -> bool:
        """Whether what was last found to differ still does."""
        return bool(self._unhealed)

    def _drift(self, found_at: float, difference: tuple[str, ...], problem: str) -> Drift | None:
        """The drift to report, none if there is none or if the same, still unhealed, has been reported."""
        told_before = bool(problem) and difference == self._unhealed
        self._unhealed = difference if problem else ()
        if not (difference or problem) or told_before:
            return None
        return Drift(found_at, None if problem else self._clock(), difference, problem)

    def _hold(self, items: Items, plugs: Mapping[int, Plug], failed: Collection[int] = ()) -> Held:
        """What is to be held, its objects without the ports of plugs that `failed`."""
        return Held(items, plugs, self._render(items, plugs.keys() - failed))

    def _render(self, items: Items, attached: Collection[int]) -> Objects:
        self._rendering = rerender(self._rendering, items, attached, self._node)
        return self._rendering.objects

    def _plug_in(
        self, items: Items, plugs: Mapping[int, Plug], wanted: Mapping[int, Attachment]
    ) -> tuple[int, dict[int, str]]:
        """Make the veths of `wanted` that are not there, or were made for another container or other addresses.

        Returns how many ops had to come before, and the reason of each veth that could not be made.
        """
        fresh = {e for e, attachment in wanted.items() if not self._is_made(attachment)}
        ops = 0
        if fresh and NAMESPACE not in self._look():
            # A veth needs the namespace, which comes with the tenant's policy: closed before anything can enter.
            ops = self._reach(self._render(items, wanted.keys() - fresh))
        failed: dict[int, str] = {}
        for endpoint in sorted(fresh):
            try:
                self._plug_one(plugs[endpoint], wanted[endpoint])
            except ApplyError as error:
                failed[endpoint] = error.reason
        return ops, failed

    def _is_made(self, attachment: Attachment) -> bool:
        """Whether the veth is there and as wanted. One of an earlier process is taken to be: its plug was kept."""
        if attachment.endpoint not in self.veths():
            return False
        made = self.veths()[attachment.endpoint]
        if made is None:
            self.veths()[attachment.endpoint] = attachment
        return made in {None, attachment} or not attachment.netns

    def _plug_one(self, plug: Plug, attachment: Attachment) -> None:
        endpoint = plug.endpoint
        if reason := plug.gone(veth=False):
            raise ApplyError(reason)  # Whoever is there now in its place is not who was to be plugged in.
        if endpoint in self.veths():
            self._unplug([endpoint])
            self._believed = None
        self._kernel.attach(self.tenant, attachment)
        self.veths()[endpoint] = attachment

    def _unplug(self, endpoints: Iterable[int]) -> None:
        for endpoint in sorted(endpoints):
            self._kernel.detach(self.tenant, endpoint)
            self.veths().pop(endpoint, None)

    def _look(self) -> Objects:
        if self._believed is None:
            self._believed = self._kernel.observe(self.tenant)
        return self._believed

    def _reach(self, objects: Objects, in_force: Callable[[], None] = nothing) -> int:
        """Apply what leads to `objects`, once more from what is really there if the kernel disagrees. Returns ops.

        Raises ApplyError; what the kernel holds is then unknown.
        """
        ops = plan(diff(objects, self._look()))
        try:
            self._apply(ops, in_force)
        except ApplyError as error:
            log.info("Tenant %s: %s Looking again.", self.tenant, error.reason)
            ops = plan(diff(objects, self._look()))
            self._apply(ops, in_force)
        self._believed = objects
        return len(ops)

    def _apply(self, ops: Sequence[Op], in_force: Callable[[], None]) -> None:
        if ops:
            self._believed = None
            self._kernel.apply(self.tenant, ops, in_force)


def _keys_between(before: Objects, after: Objects) -> set[Key]:
    """Keys of what changes by our own doing, which is no drift."""
    step = diff(after, before)
    return {*step.create, *step.update, *step.delete}


def _sentences(ops: Sequence[Op], owed: Set[Key]) -> list[str]:
    found = [op for op in ops if op.subject.key not in owed]
    told = [describe(op) for op in found[:DIFFERENCES_TOLD]]
    return [*told, f"And {len(found) - len(told)} more."] if len(found) > len(told) else told
