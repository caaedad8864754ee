"""`contivui-agent` (`python -m agent`): the agent of this node, until SIGTERM or Ctrl-C; the kernel keeps what it has.
`contivui-agent join URL TOKEN`: makes this machine a node first, once."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from agent.agent import Agent
from agent.config import Config, ConfigError, load
from agent.enter import join_by_hand
from agent.joining import NotLetIn
from agent.kernel import tools
from agent.kernel.interface import ApplyError
from agent.kernel.namespace import visit
from agent.kernel.real import Kernel
from core.render import NodeFacts


def main() -> None:
    try:
        if sys.argv[1:2] == ["join"]:
            sys.stdout.write(join_by_hand(sys.argv[2:]) + "\n")
            return
        config = load(sys.argv[1:])
        logging.basicConfig(
            level=config.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(config.state), contextlib.suppress(asyncio.CancelledError):
            asyncio.run(work(config, underlay(config)))
    except (ConfigError, NotLetIn, ApplyError, OSError) as error:
        sys.exit(f"The agent cannot start: {error}")


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the state folder for this process. Raises ConfigError when another agent does: two would undo each other's
    work. The kernel lets go of the lock however the process ends."""
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another agent works in {state}; stop it, or give this one a folder of its own."
            ) from None
        yield


async def work(config: Config, facts: NodeFacts) -> None:
    kernel = Kernel(config.netns, facts.device, Path(config.node_netns) if config.node_netns else None)
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await Agent(config, kernel, facts).run()
    finally:
        kernel.close()


def underlay(config: Config) -> NodeFacts:
    """The device that carries this node's vtep, with its MTU. Raises ConfigError when no device does."""
    argv = ["ip", "-j", "-4", "addr", "show"]
    listing = visit(Path(config.node_netns), tools.listings, argv) if config.node_netns else tools.listings(argv)
    for entry in listing[0]:
        addresses = {info.get("local") for info in entry.get("addr_info", [])}
        if config.vtep in addresses and config.underlay in ("", entry["ifname"]):
            return NodeFacts(config.vtep, entry["ifname"], entry["mtu"])
    where = f"the device {config.underlay}" if config.underlay else "any device of this node"
    raise ConfigError(f"The address {config.vtep} is not on {where}; set vtep to this node's underlay address.")


if __name__ == "__main__":
    main()
