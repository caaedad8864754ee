"""What the agent's tests stand on: a controller that speaks the protocol over a real socket, and a node around a fake
kernel. What each said is kept, so a test asks for what it expects next and fails when it does not come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from agent import identity
from agent.agent import Agent
from agent.config import Config
from agent.identity import Joined
from agent.joining import new_request
from agent.kernel.fake import Kernel, Machine
from agent.lines import ask
from core.plan import Op
from core.render import NodeFacts
from core.spec import EndpointItem, Item, NetworkItem, NodeSpec, RemoteItem, TenantItem, by_key
from core.wire import delta_between, encode_delta, whole
from networks.authority import Authority, at, pem_of

Message = dict[str, Any]

SOON_S = 5.0
_folder = tempfile.TemporaryDirectory(prefix="contivui-stage-")
_OURS = Path(_folder.name)
FACTS = NodeFacts("192.0.2.1", "up0", 1500)
#: What containers are attached as.
NAMES = {"tenant": "blue", "network": "front", "group": "web"}


def tenant(number: int = 7, epoch: int = 1, name: str = "blue") -> TenantItem:
    return TenantItem(number, name, "allow", epoch)


def network(number: int = 7, encap: str = "vxlan", owner: int = 0) -> NetworkItem:
    """Of the tenant `owner`, of the one with its own number unless that is said; only that one's subnet is 20.1.1."""
    mac, subnet = f"02:01:00:00:00:{number:02x}", f"20.1.{number if owner else 1}"
    tag = 100 + number
    return NetworkItem(owner or number, number, "front", encap, tag, mac, f"{subnet}.0/24", f"{subnet}.254")  # type: ignore[arg-type]


def endpoint(number: int, owner: int = 7, **more: Any) -> EndpointItem:
    address = f"20.1.1.{number}"
    return EndpointItem(owner, number, f"web-{number}", owner, 0, f"02:02:14:01:01:{number:02x}", address, **more)


def remote(number: int, owner: int = 7) -> RemoteItem:
    return RemoteItem(owner, number, owner, 0, f"02:02:14:01:01:{number:02x}", "192.0.2.2", f"20.1.1.{number}")


def blue(*more: Item) -> list[Item]:
    return [tenant(), network(), *more]


def authority() -> Authority:
    return at(_OURS / "authority.pem")


def server_context() -> ssl.SSLContext:
    """TLS as the real controller speaks it, but for who has no certificate: nobody joins here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority().pem)
    file = _OURS / "server.pem"
    file.write_bytes(authority().make_server())
    context.load_cert_chain(file)
    return context


def given_to(name: str, request: str) -> dict[str, str]:
    made = authority().sign_node(request, name, timedelta(days=1))
    return {"certificate": pem_of(made), "authority": authority().pem}


def let_join(state: Path, name: str = "node-1") -> None:
    """What a node has once it joined."""
    key, request = new_request(name)
    identity.write(state, key, given_to(name, request), Joined(f"unix:{state}/controller.sock", name, FACTS.vtep))


class Controller:
    """Holds one node's spec and tells it; `place` answers an attach request as the real one does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = NodeSpec(digest="0" * 64)
        #: Why no node is let in; "": all that show a certificate of ours are.
        self.turns_away = ""
        #: Serial numbers of the certificates it was shown.
        self.shown: list[str] = []
        #: What its welcome says besides.
        self.more = {"renew_s": 3600.0}
        self.place: Callable[[Message], Message] | None = None
        #: Cleared: it takes its time over a detach, and like the real one does not turn to the next message meanwhile.
        self.quick = asyncio.Event()
        self.quick.set()
        #: Seconds it takes to place an endpoint.
        self.places_in_s = 0.0
        self.connected = asyncio.Event()
        self._heard: dict[str, asyncio.Queue[Message]] = {}
        self._socket: ServerConnection | None = None
        self._server: Server | None = None

    async def open(self) -> None:
        self._server = await unix_serve(self._serve, str(self.path), ssl=server_context())

    async def close(self) -> None:
        """Go away as a killed controller does: every connection ends."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    async def heard(self, kind: str, within: float = SOON_S) -> Message:
        """The next message of a kind that has not been asked for yet."""
        async with asyncio.timeout(within):
            return await self._heard.setdefault(kind, asyncio.Queue()).get()

    def silent(self, kind: str) -> bool:
        """Nothing of that kind waits to be asked for."""
        return kind not in self._heard or self._heard[kind].empty()

    async def tell(self, items: Iterable[Item], revision: int | None = None) -> None:
        """Make the node's spec these items, by the delta from what it was."""
        delta = delta_between(self.spec, by_key(items), revision or self.spec.revision + 1)
        self.spec = NodeSpec(delta.revision, delta.digest, by_key(items))
        await self.send({"type": "spec", "delta": encode_delta(delta)})

    async def settle(self, items: Iterable[Item]) -> Message:
        """Tell, and wait for the acknowledgement of just that."""
        await self.tell(items)
        while (ack := await self.heard("ack"))["revision"] != self.spec.revision:
            pass
        return ack

    async def send(self, message: Message) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def _serve(self, socket: ServerConnection) -> None:
        tls = socket.transport.get_extra_info("ssl_object")
        self.shown.append(tls.getpeercert()["serialNumber"])
        if self.turns_away:
            await socket.close(4401, self.turns_away)
            return
        self._socket = socket
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                await self._hear(json.loads(text))
        self.connected.clear()

    async def _hear(self, message: Message) -> None:
        self._heard.setdefault(message["type"], asyncio.Queue()).put_nowait(message)
        match message["type"]:
            case "hello":
                await self.send({"type": "welcome", "node": "node-1", "protocol": 1, "report_s": 0.1, **self.more})
                if (message["revision"], message["digest"]) != (self.spec.revision, self.spec.digest):
                    await self._send_whole()
                self.connected.set()
            case "nack":
                await self._send_whole()
            case "attach" if self.place is not None:
                await asyncio.sleep(self.places_in_s)
                answer = self.place(message)
                await self.send({"type": "result", "id": message["id"], **answer})
            case "renew":
                given = given_to("node-1", message["request"])
                await self.send({"type": "result", "id": message["id"], "ok": True, "renew_s": 3600.0, **given})
            case "detach":
                await self.quick.wait()
                await self.send({"type": "result", "id": message["id"], "ok": True})

    async def _send_whole(self) -> None:
        await self.send({"type": "spec", "delta": encode_delta(whole(self.spec))})


class Node:
    """One agent over a fake kernel whose machine outlives it."""

    def __init__(self, folder: Path, machine: Machine | None = None) -> None:
        self.folder = folder
        self.kernel = Kernel(machine)
        let_join(folder)
        self.config = Config(
            controller=f"unix:{folder}/controller.sock",
            vtep=FACTS.vtep,
            node="node-1",
            state=folder,
            socket=folder / "agent.sock",
            netns=folder,
        )
        self.agent = Agent(self.config, self.kernel, FACTS)

    def ops(self, number: int | None = None) -> list[Op]:
        """Everything that was applied in this life, of one tenant if `number` says which."""
        return [op for owner, ops in self.kernel.applied if number in (None, owner) for op in ops]

    async def ask(self, **message: Any) -> Message:
        return await ask(self.config.socket, message)

    def container(self, name: str) -> str:
        """Something that stands for a container's namespace: the fake kernel asks only whether it is there."""
        path = self.folder / name
        path.touch()
        return str(path)


@contextlib.asynccontextmanager
async def running(node: Node) -> AsyncIterator[Node]:
    """The agent at work until the block ends; it must have come to no harm by itself."""
    work = asyncio.create_task(node.agent.run())
    try:
        await until(lambda: node.config.socket.exists() or work.done())
        yield node
        assert not work.done(), work.exception()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        node.kernel.close()
        node.config.socket.unlink(missing_ok=True)


async def until(true: Callable[[], bool], within: float = SOON_S) -> None:
    """Wait for something to become true; TimeoutError when it does not."""
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.005)


class Placing:
    """Answers attach requests and, as the real controller does, sends the spec with the endpoint a moment later."""

    def __init__(self, controller: Controller, *, spec_follows: bool = True) -> None:
        self.controller = controller
        self.spec_follows = spec_follows
        self.tasks: list[asyncio.Task[None]] = []
        controller.place = self.place

    def place(self, message: Message) -> Message:
        number = int(message["name"].rpartition("-")[2])
        if self.spec_follows and f"7/endpoint/{number}" not in self.controller.spec.items:
            self.tasks.append(asyncio.create_task(self._add(endpoint(number))))
        return {"ok": True, "endpoint": {"id": number, "name": message["name"], "tenant": 7, "network": 7}}

    async def _add(self, new: Item) -> None:
        await self.controller.tell([*(self.controller.spec.items.values() or blue()), new])


async def attach(node: Node, name: str = "web-1", **more: Any) -> Message:
    more.setdefault("netns", node.container("c-" + name))
    return await node.ask(verb="attach", name=name, **NAMES, **more)
