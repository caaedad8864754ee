"""What the agent's tests stand on: a controller that speaks the protocol over a real socket, and a node around a fake
kernel. What each said is kept, so a test asks for what it expects next and fails when it does not come."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from agent.agent import Agent
from agent.config import Config
from agent.kernel.fake import Kernel, Machine
from agent.lines import ask
from core.plan import Op
from core.render import NodeFacts
from core.spec import EndpointItem, Item, NetworkItem, NodeSpec, RemoteItem, TenantItem, by_key
from core.wire import delta_between, encode_delta, whole

Message = dict[str, Any]

TOKEN = "token-of-node-1"
SOON_S = 5.0
FACTS = NodeFacts("192.0.2.1", "up0", 1500)


def tenant(number: int = 7, epoch: int = 1, name: str = "blue") -> TenantItem:
    return TenantItem(number, name, "allow", epoch)


def network(number: int = 7, encap: str = "vxlan") -> NetworkItem:
    mac = f"02:01:00:00:00:{number:02x}"
    return NetworkItem(number, number, "front", encap, 100 + number, mac, "20.1.1.0/24", "20.1.1.254")  # type: ignore[arg-type]


def endpoint(number: int, owner: int = 7, **more: Any) -> EndpointItem:
    address = f"20.1.1.{number}"
    return EndpointItem(owner, number, f"web-{number}", owner, 0, f"02:02:14:01:01:{number:02x}", address, **more)


def remote(number: int, owner: int = 7) -> RemoteItem:
    return RemoteItem(owner, number, owner, 0, f"02:02:14:01:01:{number:02x}", "192.0.2.2", f"20.1.1.{number}")


def blue(*more: Item) -> list[Item]:
    return [tenant(), network(), *more]


class Controller:
    """Holds one node's spec and tells it; `place` answers an attach request as the real one does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = NodeSpec(digest="0" * 64)
        self.token = TOKEN
        self.place: Callable[[Message], Message] | None = None
        self.connected = asyncio.Event()
        self._heard: dict[str, asyncio.Queue[Message]] = {}
        self._socket: ServerConnection | None = None
        self._server: Server | None = None

    async def open(self) -> None:
        self._server = await unix_serve(self._serve, str(self.path))

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
        assert socket.request is not None
        if socket.request.headers.get("Authorization") != f"Bearer {self.token}":
            await socket.close(4401, "unknown token")
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
                await self.send({"type": "welcome", "node": "node-1", "protocol": 1, "report_s": 0.1})
                if (message["revision"], message["digest"]) != (self.spec.revision, self.spec.digest):
                    await self._send_whole()
                self.connected.set()
            case "nack":
                await self._send_whole()
            case "attach" if self.place is not None:
                answer = self.place(message)
                await self.send({"type": "result", "id": message["id"], **answer})
            case "detach":
                await self.send({"type": "result", "id": message["id"], "ok": True})

    async def _send_whole(self) -> None:
        await self.send({"type": "spec", "delta": encode_delta(whole(self.spec))})


class Node:
    """One agent over a fake kernel whose machine outlives it."""

    def __init__(self, folder: Path, machine: Machine | None = None) -> None:
        self.folder = folder
        self.kernel = Kernel(machine)
        (folder / "token").write_text(TOKEN)
        (folder / "token").chmod(0o600)
        self.config = Config(
            controller=f"unix:{folder}/controller.sock",
            token_file=folder / "token",
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
