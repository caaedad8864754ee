"""The containers of the lab: network namespaces, plugged in through their node's agent, noted in containers.json."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.lines import Message, ask
from lab import namespace
from lab.fabric import RUN, Node

log = logging.getLogger("lab")

DEVICE = "eth0"
#: Seconds between two looks at a container's device, and between two attempts to plug one in.
LOOK_EVERY_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 3.0
#: A device lost sooner than this after it came was not taken away by a person: when a lab starts anew, its agents tell
#: the controller that the containers of the last one are gone while the new ones are being plugged in.
SETTLING_S = 5.0


@dataclass(slots=True)
class Container:
    """What is noted of one: where it runs and which endpoint it is to be.

    `endpoint` is the id it got when it was first plugged in; from then on only its name is asked for, so that a
    group changed in the product stays changed, and one deleted there is refused, not made again. `plugged` False:
    taken out, by us or in the product; it stays out.
    """

    name: str
    tenant: str
    network: str
    group: str
    node: str
    endpoint: int | None = None
    plugged: bool = True

    @property
    def key(self) -> str:
        return f"{self.tenant}/{self.name}"

    @property
    def netns(self) -> Path:
        return RUN / "containers" / f"{self.tenant}.{self.name}"


def load(path: Path) -> list[Container]:
    """The noted containers; none when nothing was noted yet. ValueError names a file that cannot be read."""
    try:
        return [Container(**noted) for noted in json.loads(path.read_text())["containers"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} does not hold a list of containers ({error}). Remove it, or mend it.") from None


def save(path: Path, containers: Iterable[Container]) -> None:
    """Replace the file in one step: a lab killed in between finds the old list or the new one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"containers": [asdict(c) for c in containers]}, indent=1) + "\n")
    fresh.replace(path)


class Refused(ConnectionError):
    """The agent's sentence, and the seconds it wants to be left alone for."""

    def __init__(self, answer: Message) -> None:
        super().__init__(answer.get("error", "The agent gave no reason."))
        self.retry_s = float(answer.get("retry_s", 0))


class Socket:
    """A running container: its namespace, and the task that keeps it plugged in while it is to be."""

    def __init__(self, container: Container, node: Node) -> None:
        self.container = container
        self.node = node
        self.addresses: Message = {}
        self.problem = "not plugged in yet" if container.plugged else "unplugged"
        self._wanted = asyncio.Event()
        self._plugging = asyncio.Lock()
        #: Somebody plugged it in or out by hand: whoever waits to try again need not.
        self._stirred = asyncio.Event()
        if container.plugged:
            self._wanted.set()
        if not container.netns.exists():
            namespace.create(container.netns)

    @property
    def here(self) -> bool:
        """Whether the container has its device: the plainest sign of being plugged in."""
        devices = namespace.run_in(self.container.netns, lambda: Path("/proc/thread-self/net/dev").read_text())
        return any(line.strip().startswith(f"{DEVICE}:") for line in devices.splitlines())

    async def keep(self) -> None:
        """Plug it in whenever it is to be, and watch. When the device goes by itself, that stands."""
        while True:
            await self._wanted.wait()
            await self._plug_until_done()
            stayed_s = await self._while_here()
            if not self._wanted.is_set():
                continue
            if stayed_s < SETTLING_S:
                self.problem = "lost its device at once, and is plugged in again"
                log.warning("%s %s.", self.container.key, self.problem)
                continue
            log.warning("%s is unplugged: its endpoint was removed or moved in the product.", self.container.key)
            self._out("unplugged: its endpoint was removed or moved in the product")

    async def _while_here(self) -> float:
        """Seconds the device stayed."""
        begun = time.monotonic()
        while self.here:
            await asyncio.sleep(LOOK_EVERY_S)
        return time.monotonic() - begun

    def _out(self, why: str) -> None:
        self._wanted.clear()
        self.container.plugged = False
        self.addresses = {}
        self.problem = why
        self._stirred.set()

    async def _plug_until_done(self) -> None:
        """Try again, later each time, and no sooner than the agent says: what it refuses for the same reason again and
        again costs two entries of the record each time."""
        pause_s = FIRST_PAUSE_S
        while self.problem and self._wanted.is_set():
            self._stirred.clear()
            try:
                await self.plug()
            except (OSError, ValueError) as error:
                self.problem = str(error) or type(error).__name__
                await self._rest(max(pause_s, error.retry_s if isinstance(error, Refused) else 0))
                pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), seconds)

    async def plug(self) -> None:
        """Plug it in unless it is. ConnectionError with the agent's sentence when it refuses."""
        async with self._plugging:
            if self.problem or not self.here:
                await self._ask_to_plug()

    async def _ask_to_plug(self) -> None:
        answer = await ask(self.node.agent_socket, self._attach(), timeout_s=20)
        if not answer.get("ok"):
            raise Refused(answer)
        self.addresses = answer["endpoint"]
        self.container.endpoint = self.addresses["id"]
        self.container.plugged = True
        self.problem = ""
        self._wanted.set()
        self._stirred.set()

    def _attach(self) -> Message:
        container = self.container
        new = container.endpoint is None
        where = {"network": container.network if new else "", "group": container.group if new else ""}
        place = {"netns": str(container.netns), "ifname": DEVICE}
        return {"verb": "attach", "tenant": container.tenant, "name": container.name, **where, **place}

    async def unplug(self) -> None:
        """Take it out; its endpoint stays, on no node."""
        answer = await ask(self.node.agent_socket, {"verb": "detach", "endpoint": self.container.endpoint})
        if not answer.get("ok"):
            raise ConnectionError(answer.get("error", "The agent gave no reason."))
        self._out("unplugged")

    def described(self) -> dict[str, Any]:
        return {
            **asdict(self.container),
            "key": self.container.key,
            "netns": str(self.container.netns),
            "plugged": not self.problem,
            "problem": self.problem,
            **{family: self.addresses.get(family) or "" for family in ("ip4", "ip6", "mac")},
        }
