"""The agent of a node: what it was told, whom it holds to it, and the one way from the first to the second.

Who is plugged in is agent.presence's business. Everything here runs in one event loop; what touches the kernel or the
disk runs in threads, one at a time per tenant.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, ParamSpec, TypeVar

from agent import __version__
from agent.backoff import Backoff
from agent.cache import SpecCache
from agent.config import Config
from agent.intake import Refusal, Section, Taken, sections, take, touched
from agent.keeper import Drift, Keeper, Outcome, Swept
from agent.kernel.interface import ApplyError, Feature, Kernel
from agent.link import Link, Message
from agent.plugs import Plug, PlugStore
from agent.presence import Presence
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


class Agent:
    """One node. `spec` is the newest accepted, `applied` the newest carried out as far as tenants were not refused."""

    def __init__(self, config: Config, kernel: Kernel, node: NodeFacts) -> None:
        self.config = config
        self.kernel = kernel
        self.spec = NodeSpec()
        self.applied = NodeSpec()
        self.sections: dict[int, Section] = {}
        self.features: tuple[Feature, ...] = ()
        self.last_drift: tuple[int, Drift] | None = None
        self.link = Link(config, self)
        self.presence = Presence(PlugStore(config.state), self.link)
        self.backoff = Backoff()
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
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Know the kernel, and enforce what was told last. Without that nothing in the kernel is touched yet."""
        self.features = tuple(await self.in_thread(self.kernel.features))
        for feature in self.features:
            if not feature.present:
                log.warning("This kernel lacks %s: %s", feature.name, feature.why)
        self.presence.plugs.load()
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
    def attached(self) -> list[int]:
        """Endpoints plugged in on this node."""
        return self.presence.plugs.endpoints

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
            "attached": self.attached,
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
        self.spawn(self.presence.tell_departed())

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
        self.presence.note_ready(self.spec.items.keys())
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
            section = self.sections.get(tenant, {})
            keeper = self._keepers.setdefault(tenant, Keeper(tenant, self.kernel, self._node))
            if not section:
                self.watches.close(tenant)
            plugs, outcome = await self._realize(keeper, section)
            await self._look_after(tenant, section)
            self.presence.settle(plugs, outcome, keeper.plugged, section.keys())
            if not outcome.refused and not section:
                self._keepers.pop(tenant, None)
            return outcome

    async def prepare(self, plug: Plug, described: Message) -> None:
        """Use the time until the spec with a new endpoint comes: note its plug, and make its veth, closed, where the
        tenant is known."""
        if plug.key not in self.spec.items:
            self.spawn(self.in_thread(self.presence.plugs.foresee(plug)))
        async with self._lock(plug.tenant):
            keeper = self._keepers.get(plug.tenant)
            if keeper and plug.key not in self.spec.items:
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
            refused = keeper.refused
            try:
                self._note_swept(tenant, await self.in_thread(keeper.sweep))
            except Exception as error:  # one tenant that cannot be looked at must not end the sweeping of others
                log.error("Tenant %s cannot be swept: %s", tenant, error)
            if keeper.refused != refused:
                self._ack(0.0)
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

    async def _realize(self, keeper: Keeper, section: Section) -> tuple[dict[int, Plug], Outcome]:
        """With which plugs it was tried, and what came of it."""
        before, plugs = keeper.refused, self.presence.plugs.of(keeper.tenant)
        try:
            if keeper.is_new:
                plugs = await self._first_look(keeper, section)
            outcome = await self.in_thread(keeper.realize, section, plugs, self.presence.teller(plugs))
        except ApplyError as error:
            outcome = keeper.refuse(error.reason)
        except Exception as error:  # whatever is wrong with one tenant must not hold up another
            log.exception("Tenant %s cannot be realized.", keeper.tenant)
            outcome = keeper.refuse(f"The agent failed at it: {error!r}.")
        if outcome.refused and outcome.refused != before:
            log.error("Tenant %s is not as wanted: %s", keeper.tenant, outcome.refused)
        return plugs, outcome

    async def _first_look(self, keeper: Keeper, section: Section) -> dict[int, Plug]:
        """Take over what an earlier process left: veths that are there and asked for stay as they are."""
        self.presence.adopt(keeper.tenant, await self.in_thread(keeper.veths), section.keys())
        return self.presence.plugs.of(keeper.tenant)

    async def _look_after(self, tenant: int, section: Section) -> None:
        self.watches.drain(tenant)
        if not section or tenant in self.watches:
            return
        # A refused tenant may have no namespace yet; one that an earlier process left is looked after all the same.
        if not self._keepers[tenant].refused or tenant in await self.in_thread(self.kernel.tenants):
            await self.watches.open(tenant)

    def _note_swept(self, tenant: int, swept: Swept) -> None:
        if swept.gone:
            self.presence.end(swept.gone)
            self.spawn(self.presence.tell_departed())
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

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside everything else, and hold on to it: the loop itself would let it be collected."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
