"""Containers against a stand-in agent: a real server on a real socket that makes and removes real devices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agent.lines import Message, NotNow, ask, serve
from lab import containers, fabric, namespace
from lab.centre import Centre
from lab.containers import Container, load, save
from lab.server import Control
from lab.tests.conftest import shell

pytestmark = pytest.mark.asyncio


def web() -> Container:
    return Container("web-1", "blue", "net", "web", "node-1")


async def test_what_is_noted_is_read_back(tmp_path: Path) -> None:
    noted = [web(), Container("db-1", "blue", "net", "db", "node-2", endpoint=7, plugged=False)]
    save(tmp_path / "containers.json", noted)
    assert load(tmp_path / "containers.json") == noted
    assert load(tmp_path / "none.json") == []


@pytest.mark.parametrize("text", ["{", "[]", '{"containers": [{"name": "x"}]}'])
async def test_a_broken_list_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "containers.json").write_text(text)
    with pytest.raises(ValueError, match=r"containers\.json does not hold a list of containers"):
        load(tmp_path / "containers.json")


class StandIn:
    """Answers attach and detach as an agent does, as far as a container sees of it; `refusal` "" is none."""

    def __init__(self) -> None:
        self.refusal, self.retry_s = "The controller is away.", 0.0
        self.asked: list[Message] = []
        self.netns: dict[int, Path] = {}

    async def answer(self, message: Message) -> Message:
        self.asked.append(message)
        if self.refusal:
            raise NotNow(self.refusal, self.retry_s)
        if message["verb"] == "detach":
            self.take_away(message["endpoint"])
            return {}
        endpoint = 40 + len(self.netns)
        self.netns[endpoint] = Path(message["netns"])
        device = ("ip", "link", "add", message["ifname"], "type", "bridge")
        shell(*device, at=self.netns[endpoint])
        return {"endpoint": {"id": endpoint, "ip4": "20.1.1.1", "ip6": "", "mac": "02:02:14:01:01:01"}}

    def take_away(self, endpoint: int) -> None:
        shell("ip", "link", "del", "eth0", at=self.netns[endpoint])


@contextlib.asynccontextmanager
async def centre(tmp_path: Path) -> AsyncIterator[tuple[Centre, StandIn]]:
    nodes = fabric.nodes(1, tmp_path)
    nodes[0].folder.mkdir()
    made, agent = Centre(nodes, tmp_path, "unix:/nowhere"), StandIn()
    async with serve(nodes[0].agent_socket, agent.answer):
        yield made, agent
    for socket in made.sockets.values():
        namespace.remove(socket.container.netns)


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.kernel
async def test_a_container_is_plugged_in_as_soon_as_its_agent_can(tmp_path: Path) -> None:
    async with centre(tmp_path) as (lab, agent):
        socket = lab.add(web())
        await until(lambda: socket.problem == "The controller is away.")
        agent.refusal = ""
        await until(lambda: socket.described()["plugged"])
        assert socket.here
        assert (socket.container.endpoint, socket.described()["ip4"]) == (40, "20.1.1.1")
        assert agent.asked[-1]["group"] == "web"


@pytest.mark.kernel
async def test_an_agent_that_wants_to_be_left_alone_is_but_by_hand_it_can_be_asked(tmp_path: Path) -> None:
    async with centre(tmp_path) as (lab, agent):
        agent.retry_s = 60.0
        socket = lab.add(web())
        await until(lambda: len(agent.asked) == 1)
        await asyncio.sleep(1)
        assert len(agent.asked) == 1
        agent.refusal = ""
        await socket.plug()
        assert socket.described()["plugged"]
        await socket.unplug()
        await asyncio.sleep(0.5)
        assert not socket.here, "who waited to try again has heard of it"
        assert [message["verb"] for message in agent.asked] == ["attach", "attach", "detach"]


@pytest.mark.kernel
async def test_a_container_whose_endpoint_was_deleted_is_shown_as_unplugged_and_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(containers, "SETTLING_S", 0.2)
    async with centre(tmp_path) as (lab, agent):
        agent.refusal = ""
        socket = lab.add(web())
        await until(lambda: socket.described()["plugged"])
        await asyncio.sleep(0.3)
        agent.take_away(40)
        await until(lambda: not socket.described()["plugged"])
        assert "removed or moved in the product" in socket.problem
        asked = len(agent.asked)
        await asyncio.sleep(0.5)
        assert len(agent.asked) == asked
        assert not socket.container.plugged


@pytest.mark.kernel
async def test_a_device_lost_as_soon_as_it_came_is_plugged_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "LOOK_EVERY_S", 0.05)
    async with centre(tmp_path) as (lab, agent):
        agent.refusal = ""
        socket = lab.add(web())
        await until(lambda: socket.described()["plugged"])
        agent.take_away(40)
        await until(lambda: len(agent.asked) == 2 and bool(socket.described()["plugged"]))
        assert socket.here


@pytest.mark.kernel
async def test_by_hand_it_goes_out_and_in_again_asked_for_by_its_name_only(tmp_path: Path) -> None:
    async with centre(tmp_path) as (lab, agent):
        agent.refusal = ""
        control = Control(lab)
        socket = lab.add(web())
        await until(lambda: socket.described()["plugged"])
        assert not (await control.unplug({"key": "blue/web-1"}))["container"]["plugged"]
        assert not socket.here
        assert (await control.plug({"key": "blue/web-1"}))["container"]["plugged"]
        assert (agent.asked[-1]["group"], agent.asked[-1]["network"]) == ("", "")


@pytest.mark.kernel
async def test_a_new_container_is_plugged_in_once_though_two_want_it(tmp_path: Path) -> None:
    async with centre(tmp_path) as (lab, agent):
        agent.refusal = ""
        fields = {field: getattr(web(), field) for field in ("name", "tenant", "network", "group", "node")}
        assert (await Control(lab).plug(fields))["container"]["plugged"]
        await asyncio.sleep(0.3)
        assert [message["verb"] for message in agent.asked] == ["attach"]


@pytest.mark.kernel
async def test_the_list_follows_and_containers_of_absent_nodes_stay_in_it(tmp_path: Path) -> None:
    elsewhere = Container("db-1", "blue", "net", "db", "node-9")
    save(tmp_path / "containers.json", [web(), elsewhere])
    async with centre(tmp_path) as (lab, agent):
        agent.refusal = ""
        lab.agents.clear()
        lab.start(traffic=False)
        await until(lambda: load(tmp_path / "containers.json")[0].endpoint == 40)
        assert load(tmp_path / "containers.json")[1] == elsewhere


@pytest.mark.kernel
async def test_unknown_verbs_containers_and_nodes_are_refused_with_a_sentence(tmp_path: Path) -> None:
    async with centre(tmp_path) as (lab, _), serve(tmp_path / "lab.sock", Control(lab).answer):

        async def error(message: Message) -> str:
            return str((await ask(tmp_path / "lab.sock", message))["error"])

        assert "Ask for one of status, plug" in await error({"verb": "dance"})
        assert await error({"verb": "unplug", "key": "blue/none"}) == "There is no container blue/none here."
        tampering = {"verb": "tamper", "node": "node-1", "tenant": 1, "command": ["reboot"]}
        assert await error(tampering) == "Tamper with one of bridge, conntrack, ip, nft, sysctl, tc, not reboot."
