from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from lab import agents, fabric
from lab.agents import Agent

pytestmark = pytest.mark.asyncio


class Sleeper(Agent):
    """The keeping of an agent, of a process that needs no namespace."""

    def command(self) -> list[str]:
        return [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]


async def until_running(agent: Agent, other_than: int | None = None) -> int:
    async with asyncio.timeout(5):
        while agent.pid in (None, other_than):
            await asyncio.sleep(0.02)
    assert agent.pid is not None
    return agent.pid


async def test_a_killed_agent_comes_back_and_a_stopped_one_stays_away_until_started(tmp_path: Path) -> None:
    (node,) = fabric.nodes(1, tmp_path)
    node.folder.mkdir()
    agent = Sleeper(node, "unix:/nowhere")
    keeping = asyncio.create_task(agent.keep())
    first = await until_running(agent)
    assert agent.process is not None
    agent.process.send_signal(signal.SIGKILL)
    second = await until_running(agent, other_than=first)
    assert agent.restarts == 1
    await agent.stop()
    await asyncio.sleep(agents.FIRST_PAUSE_S * 3)
    assert not agent.running
    agent.start()
    await until_running(agent, other_than=second)
    assert agent.restarts == 1
    await agent.stop()
    keeping.cancel()


async def test_a_real_agent_is_told_everything_it_needs(tmp_path: Path) -> None:
    (node,) = fabric.nodes(1, tmp_path)
    command = " ".join(Agent(node, "unix:/run/agents.sock").command())
    for wanted in ("--net=/run/lab/nodes/node-1", "-m agent", "--vtep=192.0.2.1", "--netns=/run/netns/node-1"):
        assert wanted in command
