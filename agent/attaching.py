"""Attach and detach: what the local socket does for those who start containers on this node.

An attach is done when the endpoint's policy and port are in the kernel, not when the controller knows of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.keeper import Plugged
from agent.link import Away, Message
from agent.plugs import Plug, identity_of
from core.spec import EndpointItem, NodeSpec, TenantItem

if TYPE_CHECKING:
    from agent.agent import Agent

#: Seconds a spec with a new endpoint may take to come, and its port to be in the kernel.
PATIENCE_S = 10.0
#: Longest name of a device (IFNAMSIZ of linux/if.h, less the closing zero).
IFNAME_LIMIT = 15


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody waits for `plug` to be in the kernel; `done` gets "" or the reason why it cannot be."""

    plug: Plug
    done: asyncio.Future[str]


def teller(waiting: Mapping[int, Waiting], plugs: Mapping[int, Plug]) -> Plugged | None:
    """Who answers those that wait for one of these plugs, called from the thread that plugs in; None for nobody."""
    asked = {endpoint: one for endpoint, one in waiting.items() if plugs.get(endpoint) is one.plug}
    if not asked:
        return None
    loop = asyncio.get_running_loop()

    def answer(endpoints: Set[int]) -> None:
        for endpoint in endpoints & asked.keys():
            if not asked[endpoint].done.done():
                asked[endpoint].done.set_result("")

    def tell(endpoints: Set[int]) -> None:
        loop.call_soon_threadsafe(answer, endpoints)

    return tell


async def attach(agent: Agent, message: Message) -> Message:
    """Place the endpoint on this node and plug the container in. ValueError with a sentence when it cannot be."""
    netns, ifname = str(message.get("netns", "")), str(message.get("ifname") or "eth0")
    if not identity_of(netns):
        raise ValueError(f"There is no network namespace at {netns!r}; give a path such as /run/netns/name.")
    if not ifname.isascii() or not 0 < len(ifname) <= IFNAME_LIMIT or "/" in ifname or " " in ifname:
        raise ValueError(f"{ifname!r} is no name of a device: use at most {IFNAME_LIMIT} letters, digits and dashes.")
    try:
        endpoint = await _placed(agent, message)
        plug = Plug(int(endpoint["tenant"]), int(endpoint["id"]), netns, ifname, identity_of(netns))
        agent.spawn(agent.prepare(plug, endpoint))
        if reason := await _plugged(agent, plug):
            raise ValueError(f"Endpoint {endpoint['name']} cannot be attached: {reason}")
    finally:
        if agent.plugs.departed:
            agent.spawn(agent.tell_departed())  # Of those that could not be told meanwhile.
    return {"endpoint": endpoint}


async def detach(agent: Agent, message: Message) -> Message:
    """Unplug an endpoint; one that is not plugged in is fine. The controller is told now or when it is back."""
    endpoint = int(message["endpoint"])
    agent.forget_dropped(endpoint)
    plug = agent.plugs.get(endpoint)
    if plug is not None:
        agent.plugs.remove([endpoint], tell=True)
        await agent.converge(plug.tenant)
        agent.spawn(agent.tell_departed())
    return {"endpoint": {"id": endpoint}}


async def _placed(agent: Agent, message: Message) -> Message:
    """The endpoint as the controller has it. Without the controller one that was told before will do."""
    wanted = {name: str(message.get(name) or "") for name in ("tenant", "network", "group", "name", "ip4", "ip6")}
    if not wanted["tenant"] or not wanted["name"]:
        raise ValueError("Give at least tenant and name of the endpoint.")
    agent.placing += 1
    try:
        answer = await agent.link.ask({"type": "attach", **wanted})
    except Away as away:
        known = known_endpoint(agent.spec, wanted["tenant"], wanted["name"])
        if known is None:
            raise ValueError(f"{away} An endpoint this node does not know yet cannot be attached meanwhile.") from None
        return known
    finally:
        agent.placing -= 1
    if not answer.get("ok"):
        raise ValueError(str(answer.get("error") or "The controller refused without a reason."))
    return dict(answer["endpoint"])


def known_endpoint(spec: NodeSpec, tenant: str, name: str) -> Message | None:
    """The endpoint of these names in a node's spec, as the controller would describe it."""
    ids = {item.tenant for item in spec.items.values() if isinstance(item, TenantItem) and item.name == tenant}
    for item in spec.items.values():
        if isinstance(item, EndpointItem) and item.tenant in ids and item.name == name:
            fields = ("id", "name", "tenant", "network", "mac", "ip4", "ip6")
            return {field: getattr(item, field) or "" for field in fields}
    return None


async def _plugged(agent: Agent, plug: Plug) -> str:
    """Wait until the plug is in the kernel. Answers "" or why it is not; then things are as they were before."""
    before = agent.plugs.get(plug.endpoint)
    earlier = agent.waiting.get(plug.endpoint)
    if earlier and earlier.plug == plug:
        return await _outcome(earlier)  # The same is asked for twice, as those do who retry: one plug, one answer.
    if earlier and not earlier.done.done():
        earlier.done.set_result("It was plugged in elsewhere on this node at the same time.")
    waiting = agent.waiting[plug.endpoint] = Waiting(plug, asyncio.get_running_loop().create_future())
    # Beside us: what has begun in the kernel comes to its end in line, also when we have given up waiting.
    agent.spawn(_plug(agent, plug))
    try:
        reason = await _outcome(waiting)
    finally:
        superseded = agent.waiting.get(plug.endpoint) is not waiting
        if not superseded:
            del agent.waiting[plug.endpoint]
    if reason and not superseded:
        await _take_back(agent, plug, before)
    return reason


async def _outcome(waiting: Waiting) -> str:
    """What came of it, for everybody who waits for it; after PATIENCE_S, that nothing did."""
    await asyncio.wait([waiting.done], timeout=PATIENCE_S)
    if not waiting.done.done():
        waiting.done.set_result(f"The controller did not send its spec within {PATIENCE_S:g} s.")
    return waiting.done.result()


async def _plug(agent: Agent, plug: Plug) -> None:
    """Plug in what the spec knows already; what it does not know yet is plugged in with the spec that brings it."""
    if agent.plugs.get(plug.endpoint) is not None:
        # Asked for again: the veth of the first time may have been taken away, and nobody was told.
        await agent.sweep(plug.tenant)
    agent.plug_waiting()
    if agent.plugs.get(plug.endpoint) is plug:
        await agent.converge(plug.tenant)


async def _take_back(agent: Agent, plug: Plug, before: Plug | None) -> None:
    """Undo a plug that failed: the endpoint is plugged in where it was before, or known by the controller not to be."""
    if before is not None:
        agent.plugs.add([before])
    else:
        agent.plugs.remove([plug.endpoint], tell=True)
        agent.spawn(agent.tell_departed())
    await agent.converge(plug.tenant)
