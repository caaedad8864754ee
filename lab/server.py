"""What the lab does on request: one verb per line of its control socket, DATA/lab/lab.sock, for its owner only.

| verb | fields | answer |
| --- | --- | --- |
| status | | nodes [{name, vtep, running, pid, restarts}], containers [{key, tenant, node, netns, plugged, …}] |
| plug | tenant, name, network, group, node; or key of a known one | container, namespace_ms |
| unplug | key | container |
| probe | probes [{source, destination (keys), address, protocol, port, source_port}], timeout_s | outcomes [How] |
| rate | source, destination (keys), address, port, seconds | rate {bps, payload_bps, idle_ms, loaded_ms} |
| stop_agent | node, signal (KILL) | node |
| start_agent | node | node |
| agent | node, message | the answer of that agent's own socket |
| tamper | node, tenant (id), command [program, …] | code, output |
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from agent.lines import Message, ask
from lab.centre import Centre
from lab.containers import Container
from lab.probe import Probe, run
from lab.rate import Stream, measure

#: Programs `tamper` runs: what somebody on the node might have typed.
TAMPERING = {"ip", "bridge", "tc", "nft", "sysctl", "conntrack"}
MOST_PROBES = 20_000
CONTAINER_FIELDS = ("name", "tenant", "network", "group", "node")


class Control:
    """The verbs, on one centre."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self._verbs: dict[str, Callable[[Message], Awaitable[Message]]] = {
            "status": self.status,
            "plug": self.plug,
            "unplug": self.unplug,
            "probe": self.probe,
            "rate": self.rate,
            "stop_agent": self.stop_agent,
            "start_agent": self.start_agent,
            "agent": self.agent,
            "tamper": self.tamper,
        }

    async def answer(self, message: Message) -> Message:
        """ValueError, KeyError or OSError with a sentence when it cannot be done."""
        verb = self._verbs.get(message.get("verb", ""))
        if verb is None:
            raise ValueError(f"Ask for one of {', '.join(self._verbs)}, not {message.get('verb')!r}.")
        return await verb(message)

    async def status(self, _: Message) -> Message:
        sockets = self.centre.sockets.values()
        return {
            "nodes": [self._node(name) for name in self.centre.nodes],
            "containers": [s.described() for s in sockets],
        }

    def _node(self, name: str) -> dict[str, Any]:
        agent, node = self.centre.agents[name], self.centre.nodes[name]
        alive = {"running": agent.running, "pid": agent.pid, "restarts": agent.restarts}
        return {"name": name, "vtep": node.vtep, "netns": str(node.netns), "tenants": str(node.tenants), **alive}

    async def plug(self, message: Message) -> Message:
        """A known container again, or a new one; answered once it is in. `namespace_ms` is what making its namespace
        took, which a container runtime does before it asks an agent."""
        begun = time.monotonic()
        if "key" in message:
            socket = self.centre.socket(message["key"])
        else:
            name, tenant, network, group, node = (str(message[f]) for f in CONTAINER_FIELDS)
            socket = self.centre.add(Container(name, tenant, network, group, node))
        namespace_ms = (time.monotonic() - begun) * 1000
        await socket.plug()
        return {"container": socket.described(), "namespace_ms": namespace_ms}

    async def unplug(self, message: Message) -> Message:
        socket = self.centre.socket(message["key"])
        await socket.unplug()
        return {"container": socket.described()}

    async def probe(self, message: Message) -> Message:
        asked = message["probes"]
        if len(asked) > MOST_PROBES:
            raise ValueError(f"Ask for at most {MOST_PROBES} probes at a time.")
        probes = [self._probe(one) for one in asked]
        timeout_s = float(message.get("timeout_s", 1.0))
        return {"outcomes": await run(probes, timeout_s=timeout_s, ears=self.centre.ears)}

    def _probe(self, one: Message) -> Probe:
        source, destination = (self.centre.socket(one[end]).container.netns for end in ("source", "destination"))
        ports = (one.get("port"), one.get("source_port"))
        return Probe(source, destination, one["address"], int(one["protocol"]), *ports)

    async def rate(self, message: Message) -> Message:
        source, destination = (self.centre.socket(message[end]).container.netns for end in ("source", "destination"))
        seconds = float(message.get("seconds", 2.0))
        if not 0 < seconds <= 30:
            raise ValueError("Measure for more than 0 and at most 30 seconds.")
        stream = Stream(source, destination, message["address"], int(message["port"]), seconds)
        async with self.centre.traffic.quiet:
            return {"rate": asdict(await measure(stream))}

    async def stop_agent(self, message: Message) -> Message:
        how = signal.Signals[f"SIG{message.get('signal', 'KILL')}"]
        await self.centre.agents[message["node"]].stop(how)
        return {"node": self._node(message["node"])}

    async def start_agent(self, message: Message) -> Message:
        self.centre.agents[message["node"]].start()
        return {"node": self._node(message["node"])}

    async def agent(self, message: Message) -> Message:
        return {"answer": await ask(self.centre.nodes[message["node"]].agent_socket, message["message"])}

    async def tamper(self, message: Message) -> Message:
        """Change a tenant's namespace behind the agent's back: what the tests of drift are made of."""
        node = self.centre.nodes[message["node"]]
        program, *arguments = [str(word) for word in message["command"]]
        if program not in TAMPERING:
            raise ValueError(f"Tamper with one of {', '.join(sorted(TAMPERING))}, not {program}.")
        place = node.tenants / f"ct-{int(message['tenant'])}"
        process = await asyncio.create_subprocess_exec(
            "nsenter", f"--net={place}", program, *arguments, stdout=-1, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(process.communicate(), 10)
        return {"code": process.returncode, "output": output.decode(errors="replace")}
