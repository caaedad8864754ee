"""A controller and a node in a folder of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.tests.stage import Controller, Node


@pytest_asyncio.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    made = Controller(tmp_path / "controller.sock")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)
