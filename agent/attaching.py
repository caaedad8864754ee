"""Attach and detach: what the local socket does for those who start containers on this node.

An attach is done when the endpoint's policy and port are in the kernel, not when the controller knows of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, Protocol

from agent.backoff import Backoff
from agent.link import Away, Link, Message
from agent.plugs import Plug, identity_of
from agent.presence import Presence, Waiting
from core.spec import EndpointItem, NodeSpec, TenantItem

#: Seconds a spec with a new endpoint may take to come, and its port to be in the kernel.
PATIENCE_S = 10.0
#: Longest name of a device (IFNAMSIZ of linux/if.h, less the closing zero).
IFNAME_LIMIT = 15
#: What the kernel takes as such a name, and does not make another of, as of one with a percent sign.
IFNAME = rf"[^\s/:%]{{1,{IFNAME_LIMIT}}}"


class Attaching(Protocol):
    """What attaching needs of its agent."""

    spec: NodeSpec
    link: Link
    presence: Presence
    backoff: Backoff

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None: ...

    async def prepare(self, plug: Plug, described: Message) -> None: ...

    async def sweep(self, tenant: int) -> None: ...

    async def converge(self, tenant: int) -> object: ...


async def attach(agent: Attaching, message: Message) -> Message:
    """Place the endpoint on this node and plug the container in. ValueError with a sentence when it cannot be; NotNow
    where the next try has to wait."""
    netns, ifname = str(message.get("netns", "")), str(message.get("ifname") or "eth0")
    if not identity_of(netns):
        raise ValueError(f"There is no network namespace at {netns!r}; give a path such as /run/netns/name.")
    if not ifname.isascii() or not re.fullmatch(IFNAME, ifname):
        raise ValueError(f"{ifname!r} is no name of a device: use at most {IFNAME_LIMIT} letters, digits and dashes.")
    asked = (netns, ifname, *_wanted(message).values())
    agent.backoff.check(asked, agent.spec.items.values())
    try:
        endpoint = await _placed(agent, message)
        plug = Plug(int(endpoint["tenant"]), int(endpoint["id"]), netns, ifname, identity_of(netns))
        agent.spawn(agent.prepare(plug, endpoint))
        if reason := await _plugged(agent, plug):
            sentence = f"Endpoint {endpoint['name']} cannot be attached: {reason}"
            raise agent.backoff.failed(asked, sentence, plug.tenant, agent.spec.items.values())
        agent.backoff.succeeded(asked)
    finally:
        if agent.presence.plugs.departed:
            agent.spawn(agent.presence.tell_departed())  # Of those that could not be told meanwhile.
    return {"endpoint": endpoint}


async def detach(agent: Attaching, message: Message) -> Message:
    """Unplug an endpoint; one that is not plugged in is fine. The controller is told now or when it is back."""
    endpoint = _number(message.get("endpoint"))
    plug = agent.presence.detach(endpoint)
    if plug is not None:
        await agent.converge(plug.tenant)
        agent.spawn(agent.presence.tell_departed())
    return {"endpoint": {"id": endpoint}}


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError(f"Give the number of the endpoint, not {value!r}.") from None


def _wanted(message: Message) -> dict[str, str]:
    return {name: str(message.get(name) or "") for name in ("tenant", "network", "group", "name", "ip4", "ip6")}


async def _placed(agent: Attaching, message: Message) -> Message:
    """The endpoint as the controller has it. Without the controller one that was told before will do."""
    wanted = _wanted(message)
    if not wanted["tenant"] or not wanted["name"]:
        raise ValueError("Give at least tenant and name of the endpoint.")
    try:
        with agent.presence.placing():
            answer = await agent.link.ask({"type": "attach", **wanted})
    except Away as away:
        known = known_endpoint(agent.spec, wanted["tenant"], wanted["name"])
        if known is None:
            raise ValueError(f"{away} An endpoint this node does not know yet cannot be attached meanwhile.") from None
        return known
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


async def _plugged(agent: Attaching, plug: Plug) -> str:
    """Wait until the plug is in the kernel. Answers "" or why it is not; then things are as they were before."""
    before = agent.presence.plugs.get(plug.endpoint)
    earlier = agent.presence.awaited(plug.endpoint)
    if earlier and earlier.plug == plug:
        return await _outcome(earlier)  # The same is asked for twice, as those do who retry: one plug, one answer.
    with agent.presence.waiting(plug) as waiting:
        # Beside us: what has begun in the kernel comes to its end in line, also when we have given up waiting.
        agent.spawn(_plug(agent, plug))
        reason = await _outcome(waiting)
    if reason and not waiting.superseded:
        await _take_back(agent, plug, before)
    return reason


async def _outcome(waiting: Waiting) -> str:
    """What came of it, for everybody who waits for it; after PATIENCE_S, that nothing did."""
    await asyncio.wait([waiting.done], timeout=PATIENCE_S)
    waiting.answer(f"The controller did not send its spec within {PATIENCE_S:g} s.")
    return waiting.done.result()


async def _plug(agent: Attaching, plug: Plug) -> None:
    """Plug in what the spec knows already; what it does not know yet is plugged in with the spec that brings it."""
    noted = agent.presence.plugs
    if noted.get(plug.endpoint) is not None:
        # Asked for again: the veth of the first time may have been taken away, and nobody was told.
        await agent.sweep(plug.tenant)
    agent.presence.note_ready(agent.spec.items.keys())
    if noted.get(plug.endpoint) is plug:
        await agent.converge(plug.tenant)


async def _take_back(agent: Attaching, plug: Plug, before: Plug | None) -> None:
    """Undo a plug that failed: the endpoint is plugged in where it was before, or known by the controller not to be."""
    agent.presence.take_back(plug, before)
    if before is None:
        agent.spawn(agent.presence.tell_departed())
    await agent.converge(plug.tenant)
