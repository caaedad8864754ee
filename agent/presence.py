"""Which endpoints are plugged in on this node, who waits for one to be, and which left: all that is true of plugs
beside the disk (agent.plugs) and the kernel (agent.keeper).

An endpoint comes in two steps that meet in either order, somebody's wish and the spec that names it; it goes by being
detached, with its container, or because no spec names it any more. Everything here runs in the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from agent.keeper import Outcome, Plugged
from agent.link import Away, Link
from agent.plugs import Plug, PlugStore

log = logging.getLogger("agent.presence")

#: For so long an endpoint that the spec names no more is plugged in again should the spec name it again.
COME_BACK_S = 10.0


@dataclass(slots=True)
class Waiting:
    """Somebody waits for `plug` to be in the kernel; `done` gets "" or the reason why it cannot be. `superseded`: the
    endpoint was meanwhile asked for in another container, which is now what it is about."""

    plug: Plug
    done: asyncio.Future[str]
    superseded: bool = False

    def answer(self, reason: str) -> None:
        """The first answer counts."""
        if not self.done.done():
            self.done.set_result(reason)


class Presence:
    """The plugs of one node. `plugs` are those that are noted, which is what the keepers are to make true."""

    def __init__(self, plugs: PlugStore, link: Link) -> None:
        self.plugs = plugs
        self._link = link
        self._waiting: dict[int, Waiting] = {}
        #: Plugs that the last specs no longer named, and when they were dropped.
        self._dropped: dict[int, tuple[Plug, float]] = {}
        #: How many endpoints the controller is being asked to place here; which they are its answers say.
        self._placing = 0
        self._telling = asyncio.Lock()

    # --- who comes ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def placing(self) -> Iterator[None]:
        """While the controller is being asked to place an endpoint here."""
        self._placing += 1
        try:
            yield
        finally:
            self._placing -= 1

    def awaited(self, endpoint: int) -> Waiting | None:
        """Who waits for the endpoint, None for nobody."""
        return self._waiting.get(endpoint)

    @contextlib.contextmanager
    def waiting(self, plug: Plug) -> Iterator[Waiting]:
        """While somebody waits for a plug. Whoever waited for its endpoint in another container waits in vain."""
        if earlier := self._waiting.get(plug.endpoint):
            earlier.superseded = True
            earlier.answer("It was plugged in elsewhere on this node at the same time.")
        one = self._waiting[plug.endpoint] = Waiting(plug, asyncio.get_running_loop().create_future())
        try:
            yield one
        finally:
            if not one.superseded:
                del self._waiting[plug.endpoint]

    def note_ready(self, named: Collection[str]) -> None:
        """Note the plugs of waiting endpoints that the spec, whose keys are `named`, knows by now, so that the next
        converge makes them."""
        ready = [one.plug for one in self._waiting.values() if one.plug.key in named]
        new = [plug for plug in [*self._come_back(named), *ready] if self.plugs.get(plug.endpoint) is not plug]
        if new:
            self.plugs.add(new)

    def _come_back(self, named: Collection[str]) -> list[Plug]:
        """Plugs that a spec did not name and the next one does: who detaches and at once attaches again can be done
        with both before the spec comes that the detach led to."""
        now = time.monotonic()
        self._dropped = {e: (plug, at) for e, (plug, at) in self._dropped.items() if now - at < COME_BACK_S}
        back = [plug for plug, _ in self._dropped.values() if plug.key in named]
        for plug in back:
            del self._dropped[plug.endpoint]
        return [plug for plug in back if plug.endpoint not in self._waiting and not plug.gone(veth=False)]

    def adopt(self, tenant: int, found: Iterable[int], named: Collection[str]) -> None:
        """Note as plugged in what an earlier process left in the kernel, is named, and nobody noted."""
        unknown = set(found) - self.plugs.of(tenant).keys() - set(self.plugs.departed)
        adopted = [plug for plug in (Plug(tenant, e, "") for e in sorted(unknown)) if plug.key in named]
        if adopted:
            self.plugs.add(adopted)

    # --- what came of it ----------------------------------------------------------------------------------------------

    def teller(self, plugs: Mapping[int, Plug]) -> Plugged | None:
        """Who answers those that wait for one of these plugs, called from the thread that plugs in; None for nobody."""
        asked = {endpoint: one for endpoint, one in self._waiting.items() if plugs.get(endpoint) is one.plug}
        if not asked:
            return None
        loop = asyncio.get_running_loop()

        def answer(endpoints: Set[int]) -> None:
            for endpoint in endpoints & asked.keys():
                asked[endpoint].answer("")

        def tell(endpoints: Set[int]) -> None:
            loop.call_soon_threadsafe(answer, endpoints)

        return tell

    def settle(
        self, plugs: Mapping[int, Plug], outcome: Outcome, plugged: Callable[[int], bool], named: Collection[str]
    ) -> None:
        """What follows from an outcome for a tenant's `plugs` and for those who wait for them. `plugged` says whether
        an endpoint is in the kernel, `named` are the keys of the tenant's part of the spec."""
        for endpoint, plug in plugs.items():
            waiting = self._waiting.get(endpoint)
            if waiting and waiting.plug is plug and not waiting.done.done():
                problem = outcome.failed.get(endpoint) or outcome.refused or "the spec does not name it here any more."
                waiting.answer("" if plugged(endpoint) else problem)
            elif endpoint in outcome.failed:
                log.warning("Endpoint %s cannot be plugged in: %s", endpoint, outcome.failed[endpoint])
        if not outcome.refused:
            self._drop([plug for plug in plugs.values() if plug.key not in named])

    # --- who goes -----------------------------------------------------------------------------------------------------

    def detach(self, endpoint: int) -> Plug | None:
        """Forget the endpoint's plug, and answer it, None when there is none. No spec brings it back."""
        self._dropped.pop(endpoint, None)
        plug = self.plugs.get(endpoint)
        if plug is not None:
            self.plugs.remove([endpoint], tell=True)
        return plug

    def end(self, gone: Mapping[int, str]) -> None:
        """Forget endpoints whose containers are gone, each with the reason."""
        for endpoint, reason in gone.items():
            log.warning("Endpoint %s is unplugged: %s", endpoint, reason)
        self.plugs.remove(gone, tell=True)

    def take_back(self, plug: Plug, before: Plug | None) -> None:
        """Forget a plug that failed; its endpoint is where it was `before`, or has left."""
        if before is not None:
            self.plugs.add([before])
        else:
            self.plugs.remove([plug.endpoint], tell=True)

    def _drop(self, unnamed: Iterable[Plug]) -> None:
        """Forget plugs that the spec names no more: the controller knows, but may be about to name them again."""
        left = [plug for plug in unnamed if self.plugs.get(plug.endpoint) is plug]
        if left:
            self.plugs.remove([plug.endpoint for plug in left], tell=False)
            self._dropped |= {plug.endpoint: (plug, time.monotonic()) for plug in left}

    async def tell_departed(self) -> None:
        """Tell the controller which endpoints left, until it has heard of each. Not of one that is being attached
        again: told after it was placed, the controller would take it from its running container. While it is not known
        which are being placed none is told; the end of every attach goes on here."""
        async with self._telling:
            for endpoint in self.plugs.departed:
                if self._placing:
                    return
                if endpoint in self._waiting or not self.plugs.has_departed(endpoint):
                    continue
                try:
                    answer = await self._link.ask({"type": "detach", "endpoint": endpoint})
                except Away:
                    return
                if not answer.get("ok"):
                    log.warning("The controller keeps endpoint %s here: %s", endpoint, answer.get("error"))
                self.plugs.told(endpoint)
