"""`python -m lab.sandbox -- python -m lab --data DIR --nodes 3 --controller unix:DIR/agents.sock`: a virtual data
centre until SIGTERM or SIGINT. It is the first process of its sandbox: with it ends everything it made, in any case."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from agent.lines import serve
from lab import fabric
from lab.centre import Centre
from lab.server import Control

log = logging.getLogger("lab")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab", description="Nodes, agents and containers in a sandbox.")
    parser.add_argument("--data", type=Path, required=True, help="the installation's data folder")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes (default: 3)")
    parser.add_argument("--controller", required=True, help="where agents connect to: unix:/path, ws:// or wss://")
    parser.add_argument("--mtu", type=int, default=1500, help="of the underlay, bytes (default: 1500)")
    parser.add_argument("--no-traffic", action="store_true", help="leave out the gentle source of traffic")
    return parser.parse_args()


async def run(told: argparse.Namespace) -> None:
    folder: Path = told.data.resolve() / "lab"
    nodes = fabric.nodes(told.nodes, folder)
    for node in nodes:
        node.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fabric.build(nodes, told.mtu)
    centre = Centre(nodes, folder, told.controller)
    centre.start(traffic=not told.no_traffic)
    async with serve(folder / "lab.sock", Control(centre).answer):
        log.info("%d nodes and %d containers are there.", len(nodes), len(centre.sockets))
        await _told_to_stop()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        # A group that is told comes here twice, once through the sandbox's first process.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    told = arguments()
    try:
        asyncio.run(run(told))
    except (ValueError, RuntimeError, OSError) as error:
        sys.exit(f"The lab cannot run: {error}")


if __name__ == "__main__":
    main()
