"""The agent of a node: what it was told, whom it holds to it, and the one way from the first to the second.

Everything here runs in one event loop; what touches the kernel or the disk runs in threads, one at a time per tenant.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, ParamSpec, TypeVar

from agent import __version__
from agent.attaching import Waiting, teller
from agent.cache import SpecCache
from agent.config import Config
from agent.intake import Refusal, Section, Taken, sections, take, touched
from agent.keeper import Drift, Keeper, Outcome, Swept
from agent.kernel.interface import Feature, Kernel
from agent.link import Away, Link, Message
from agent.plugs import Plug, PlugStore
from agent.report import Reporter
from agent.server import Server
from agent.sweep import Sweeper
from agent.watches import Watches
from core.render import NodeFacts
from core.spec import NodeSpec

log = logging.getLogger("agent")

P = ParamSpec("P")
R = TypeVar("R")

PROTOCOL = 1
KERNEL_THREADS = 8
#: Seconds before a whole spec is asked for again when the last one could not be taken either; doubled each time.
FIRST_NACK_PAUSE_S, LONGEST_NACK_PAUSE_S = 0.5, 30.0
#: For so long an endpoint that the spec names no more is plugged in again should the spec name it again.
COME_BACK_S = 10.0


class Agent:
    """One node. `spec` is the newest accepted, `applied` the newest carried out as far as tenants were not refused."""

    def __init__(self, config: Config, kernel: Kernel, node: NodeFacts) -> None:
        self.config = config
        self.kernel = kernel
        self.spec = NodeSpec()
        self.applied = NodeSpec()
        self.sections: dict[int, Section] = {}
        self.features: tuple[Feature, ...] = ()
        self.waiting: dict[int, Waiting] = {}
        #: Plugs that the last specs no longer named, and when they were dropped.
        self._dropped: dict[int, tuple[Plug, float]] = {}
        #: How many endpoints the controller is being asked to place here; which they are its answers say.
        self.placing = 0
        self.last_drift: tuple[int, Drift] | None = None
        self.plugs = PlugStore(config.state)
        self.link = Link(config, self)
        self.sweeper = Sweeper(self)
        self.reporter = Reporter(self)
        self.server = Server(self)
        self.watches = Watches(kernel, self._changed, self.reporter.note_denied)
        self._node = node
        self._cache = SpecCache(config.state)
        self._keepers: dict[int, Keeper] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._pool = ThreadPoolExecutor(KERNEL_THREADS, thread_name_prefix="kernel")
        self._incoming: asyncio.Queue[tuple[float, object]] = asyncio.Queue()
        self._refusal: Refusal | None = None
        self._nack_pause = 0.0
        self._told_refused: Mapping[int, str] = {}
        self._telling = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Know the kernel, and enforce what was told last. Without that nothing in the kernel is touched yet."""
        self.features = tuple(await self.in_thread(self.kernel.features))
        for feature in self.features:
            if not feature.present:
                log.warning("This kernel lacks %s: %s", feature.name, feature.why)
        self.plugs.load()
        spec = await self.in_thread(self._cache.load)
        if spec is None:
            log.info("Nothing was told yet: the kernel stays as it is until the controller says what is wanted.")
            return
        log.info("Enforcing revision %s from the cache.", spec.revision)
        await self._become(Taken(spec), spec.items.keys())

    async def run(self) -> None:
        """Start, then stay at work until cancelled; what is in the kernel then stays there."""
        try:
            await self.start()
            async with asyncio.TaskGroup() as tasks:
                works = (self.link.run, self._take_specs, self.sweeper.run, self.reporter.run, self.server.run)
                for work in works:
                    tasks.create_task(work())
        finally:
            self.watches.close_all()
            # A half-applied tenant would be healed at the next start; letting the thread finish is quicker.
            self._pool.shutdown(wait=True, cancel_futures=True)

    async def in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what blocks beside the event loop, which must answer the controller's pings meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))

    @property
    def in_sync(self) -> bool:
        """Something was told, now or before: what nobody asks for is stale."""
        return bool(self.applied.digest)

    @property
    def tenants(self) -> list[int]:
        """Tenants held on this node."""
        return sorted(self._keepers)

    @property
    def refused(self) -> dict[int, str]:
        """Tenants held at an older state than wanted, and why."""
        return {tenant: keeper.refused for tenant, keeper in sorted(self._keepers.items()) if keeper.refused}

    @property
    def drifting(self) -> list[int]:
        """Tenants in which something differs from what is held, and could not be set right."""
        return [tenant for tenant, keeper in sorted(self._keepers.items()) if keeper.drifting]

    def status(self) -> Message:
        """What this agent says of itself on its local socket."""
        drift = {"tenant": self.last_drift[0], **asdict(self.last_drift[1])} if self.last_drift else None
        return {
            "node": self.config.node,
            "version": __version__,
            "controller": self.config.controller,
            "connected": self.link.connected,
            "since": self.link.since,
            "problem": "" if self.link.connected else self.link.absence(),
            "revision": self.spec.revision,
            "applied": self.applied.revision,
            "digest": self.spec.digest,
            "tenants": {str(t): self._word(t) for t in self.tenants},
            "refused": {str(tenant): reason for tenant, reason in self.refused.items()},
            "attached": self.plugs.endpoints,
            "last_drift": drift,
            "features": [asdict(feature) for feature in self.features],
        }

    def _word(self, tenant: int) -> str:
        return "refused" if tenant in self.refused else "differs" if tenant in self.drifting else "in sync"

    # --- the link's inbox -------------------------------------------------------------------------------------------

    def hello(self) -> Message:
        features = [asdict(feature) for feature in self.features]
        about = {"protocol": PROTOCOL, "version": __version__, "features": features}
        return {"type": "hello", "revision": self.spec.revision, "digest": self.spec.digest, **about}

    def welcomed(self, message: Message) -> None:
        # What the last connection brought and was not taken comes again: hello said where we are.
        while not self._incoming.empty():
            self._incoming.get_nowait()
        self._refusal, self._nack_pause = None, 0.0
        self.reporter.interval_s = float(message.get("report_s", self.reporter.interval_s))
        if self.in_sync and self.applied is self.spec:
            self._ack(0.0)  # The last one may have been lost with its connection.
        self.spawn(self.tell_departed())

    def received(self, message: Message) -> None:
        if message["type"] == "spec":
            self._incoming.put_nowait((time.perf_counter(), message.get("delta")))
        else:
            log.info("A message of the unknown type %r is ignored.", message["type"])

    # --- what is wanted -----------------------------------------------------------------------------------------------

    async def _take_specs(self) -> None:
        """Take what has arrived, all of it at once: while one step is applied the next ones become one."""
        while True:
            batch = [await self._incoming.get()]
            while not self._incoming.empty():
                batch.append(self._incoming.get_nowait())
            try:
                await self._take(batch[0][0], [value for _, value in batch])
            except Exception:  # a fault in one step must not end the taking of all later ones
                log.exception("A spec could not be taken.")
                await self._nack(Refusal(0, "The agent failed at it; its log says where."))

    async def _take(self, arrived: float, values: list[object]) -> None:
        taken = await self.in_thread(take, self.spec, values, self._refusal)
        if taken.deltas:
            keys = touched(self.spec, taken)
            await self._note(taken)
            await self._become(taken, keys)
        if taken.deltas or not taken.refusal:
            self._ack((time.perf_counter() - arrived) * 1000)
            self._refusal, self._nack_pause = None, 0.0
        if taken.refusal and taken.refusal is not self._refusal:
            await self._nack(taken.refusal)

    async def _note(self, taken: Taken) -> None:
        """On disk before it is in the kernel: see agent.cache."""
        try:
            await self.in_thread(self._cache.note, taken.deltas, taken.spec)
        except OSError as error:
            log.error("The spec cannot be kept on disk (%s); it is enforced, but a restart would not know it.", error)

    async def _become(self, taken: Taken, keys: Collection[str]) -> None:
        """Make the items under `keys` as `taken` wants them."""
        before, self.spec = self.spec, taken.spec
        old, self.sections = self.sections, sections(self.sections, before, taken.spec, keys)
        changed = {t for t in old.keys() | self.sections.keys() if old.get(t) is not self.sections.get(t)}
        # A whole spec is also how the controller says: try again.
        retried = self.refused.keys() if any(delta.base is None for delta in taken.deltas) else set()
        self.plug_waiting()
        await asyncio.gather(*(self.converge(tenant) for tenant in changed | retried))
        first, self.applied = not self.in_sync, self.spec
        if first:
            await self.sweep_stale()

    def _ack(self, took_ms: float) -> None:
        self._told_refused = self.refused
        refused = {str(tenant): reason for tenant, reason in self._told_refused.items()}
        about = {"revision": self.applied.revision, "digest": self.applied.digest, "took_ms": round(took_ms, 3)}
        self.link.send({"type": "ack", **about, "refused": refused})

    async def _nack(self, refusal: Refusal) -> None:
        """Say that only a whole spec helps now; later each time, lest a controller that is wrong is asked for ever."""
        await asyncio.sleep(self._nack_pause)
        self._refusal = refusal
        self._nack_pause = min(max(self._nack_pause * 2, FIRST_NACK_PAUSE_S), LONGEST_NACK_PAUSE_S)
        log.warning("Revision %s cannot be taken: %s", refusal.revision, refusal.reason)
        self.link.send({"type": "nack", "revision": refusal.revision, "reason": refusal.reason})

    # --- one tenant ---------------------------------------------------------------------------------------------------

    async def converge(self, tenant: int) -> Outcome:
        """Make one tenant what its section and its plugs say; a tenant without a section goes."""
        async with self._lock(tenant):
            section, plugs = self.sections.get(tenant, {}), self.plugs.of(tenant)
            if tenant not in self._keepers:
                plugs = await self._first_look(tenant, section)
            if not section:
                self.watches.close(tenant)
            outcome = await self._realize(self._keepers[tenant], section, plugs)
            await self._look_after(tenant, section)
            self._settle(tenant, section, plugs, outcome)
            return outcome

    async def prepare(self, plug: Plug, described: Message) -> None:
        """Use the time until the spec with a new endpoint comes: note its plug, and make its veth, closed, where the
        tenant is known."""
        if _key(plug.tenant, plug.endpoint) not in self.spec.items:
            self.spawn(self.in_thread(self.plugs.foresee(plug)))
        async with self._lock(plug.tenant):
            keeper = self._keepers.get(plug.tenant)
            if keeper and _key(plug.tenant, plug.endpoint) not in self.spec.items:
                await self.in_thread(keeper.prepare, plug, described)
                self.watches.drain(plug.tenant)

    async def sweep(self, tenant: int) -> None:
        """Compare one tenant with the kernel; heal and report what was changed behind our back."""
        async with self._lock(tenant):
            keeper = self._keepers.get(tenant)
            if keeper is None:
                return
            if tenant in self.watches and tenant not in await self.in_thread(self.kernel.tenants):
                # Its name is gone. Our eyes would keep the old namespace, and the veths in it, half alive.
                self.watches.close(tenant)
            try:
                self._note_swept(tenant, await self.in_thread(keeper.sweep))
            except Exception as error:  # one tenant that cannot be looked at must not end the sweeping of others
                log.error("Tenant %s cannot be swept: %s", tenant, error)
            await self._look_after(tenant, self.sections.get(tenant, {}))

    async def sweep_stale(self) -> None:
        """Remove namespaces of ours that no spec names."""
        if self.in_sync:
            for tenant in await self.in_thread(self.kernel.tenants) - self.sections.keys():
                log.warning("Tenant %s is stale: a namespace is here and nothing asks for it. It goes.", tenant)
                await self.converge(tenant)

    async def retry(self, tenant: int) -> bool:
        """Try a refused tenant again. Whether it is as wanted now; the controller is told what changed."""
        await self.converge(tenant)
        if self.refused != self._told_refused:
            self._ack(0.0)
        return tenant not in self.refused

    async def _first_look(self, tenant: int, section: Section) -> dict[int, Plug]:
        """Take over what an earlier process left: veths that are there and asked for stay as they are."""
        keeper = self._keepers[tenant] = Keeper(tenant, self.kernel, self._node)
        found = (await self.in_thread(keeper.veths)).keys() - self.plugs.of(tenant).keys() - set(self.plugs.departed)
        adopted = [Plug(tenant, endpoint, "") for endpoint in sorted(found) if _key(tenant, endpoint) in section]
        if adopted:
            self.plugs.add(adopted)
        return self.plugs.of(tenant)

    async def _realize(self, keeper: Keeper, section: Section, plugs: Mapping[int, Plug]) -> Outcome:
        before = keeper.refused
        try:
            outcome = await self.in_thread(keeper.realize, section, plugs, teller(self.waiting, plugs))
        except Exception as error:  # whatever is wrong with one tenant must not hold up another
            log.exception("Tenant %s cannot be realized.", keeper.tenant)
            keeper.refused = f"The agent failed at it: {error!r}."
            outcome = Outcome(refused=keeper.refused)
        if outcome.refused and outcome.refused != before:
            log.error("Tenant %s is refused and stays as it was: %s", keeper.tenant, outcome.refused)
        return outcome

    async def _look_after(self, tenant: int, section: Section) -> None:
        self.watches.drain(tenant)
        if section and tenant not in self.watches and not self._keepers[tenant].refused:
            await self.watches.open(tenant)

    def _settle(self, tenant: int, section: Section, plugs: Mapping[int, Plug], outcome: Outcome) -> None:
        """What follows from an outcome for plugs, for those who wait for them, and for the keeper."""
        keeper = self._keepers[tenant]
        for endpoint, plug in plugs.items():
            waiting = self.waiting.get(endpoint)
            if waiting and waiting.plug is plug and not waiting.done.done():
                problem = outcome.failed.get(endpoint) or outcome.refused or "the spec does not name it here any more."
                waiting.done.set_result("" if keeper.plugged(endpoint) else problem)
            elif endpoint in outcome.failed:
                log.warning("Endpoint %s cannot be plugged in: %s", endpoint, outcome.failed[endpoint])
        if not outcome.refused:
            left = [e for e, p in plugs.items() if _key(tenant, e) not in section and self.plugs.get(e) is p]
            if left:
                self.plugs.remove(left, tell=False)
                self._dropped |= {endpoint: (plugs[endpoint], time.monotonic()) for endpoint in left}
            if not section:
                self._keepers.pop(tenant, None)

    def _note_swept(self, tenant: int, swept: Swept) -> None:
        for endpoint, reason in swept.gone.items():
            log.warning("Endpoint %s is unplugged: %s", endpoint, reason)
        if swept.gone:
            self.plugs.remove(swept.gone, tell=True)
            self.spawn(self.tell_departed())
        if swept.drift:
            self.last_drift = tenant, swept.drift
            sentences = " ".join(swept.drift.difference)
            log.warning("Tenant %s had drifted: %s %s", tenant, sentences, swept.drift.problem or "It is healed.")
            self.link.send({"type": "drift", "tenant": tenant, **asdict(swept.drift)}, keep=True)

    def _changed(self, tenant: int) -> None:
        # While its lock is held the change is our own; what else happens then is found by the periodic sweep.
        if not self._lock(tenant).locked():
            self.sweeper.wake(tenant)

    def _lock(self, tenant: int) -> asyncio.Lock:
        return self._locks.setdefault(tenant, asyncio.Lock())

    # --- plugs --------------------------------------------------------------------------------------------------------

    def plug_waiting(self) -> None:
        """Note the plugs of waiting endpoints that the spec knows by now, so that the next converge makes them."""
        ready = [w.plug for e, w in self.waiting.items() if _key(w.plug.tenant, e) in self.spec.items]
        new = [plug for plug in [*self._come_back(), *ready] if self.plugs.get(plug.endpoint) is not plug]
        if new:
            self.plugs.add(new)

    def _come_back(self) -> list[Plug]:
        """Plugs that a spec did not name and the next one does: who detaches and at once attaches again can be done
        with both before the spec comes that the detach led to."""
        now = time.monotonic()
        self._dropped = {e: (plug, at) for e, (plug, at) in self._dropped.items() if now - at < COME_BACK_S}
        back = [plug for e, (plug, _) in self._dropped.items() if _key(plug.tenant, e) in self.spec.items]
        for plug in back:
            del self._dropped[plug.endpoint]
        return [plug for plug in back if plug.endpoint not in self.waiting and not plug.gone(veth=False)]

    def forget_dropped(self, endpoint: int) -> None:
        """It was detached: no spec brings it back."""
        self._dropped.pop(endpoint, None)

    async def tell_departed(self) -> None:
        """Tell the controller which endpoints left, until it has heard of each. Not of one that is being attached
        again: told after it was placed, the controller would take it from its running container. While it is not known
        which are being placed none is told; the end of every attach goes on here."""
        async with self._telling:
            for endpoint in self.plugs.departed:
                if self.placing:
                    return
                if endpoint in self.waiting or not self.plugs.has_departed(endpoint):
                    continue
                try:
                    answer = await self.link.ask({"type": "detach", "endpoint": endpoint})
                except Away:
                    return
                if not answer.get("ok"):
                    log.warning("The controller keeps endpoint %s here: %s", endpoint, answer.get("error"))
                self.plugs.told(endpoint)

    def spawn(self, work: Any) -> None:
        """Run beside everything else, and hold on to it: the loop itself would let it be collected."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _key(tenant: int, endpoint: int) -> str:
    return f"{tenant}/endpoint/{endpoint}"
