"""The agents of the lab: real `python -m agent` processes in their nodes' namespaces, started again when they end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from lab.fabric import UPLINK, Node

log = logging.getLogger("lab")

ROOT = Path(__file__).resolve().parent.parent
#: Seconds before a crashed agent is started again: doubled each time, forgotten after a minute of health.
FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_S = 0.2, 5.0, 60.0
#: A log longer than this is begun anew when the lab starts, bytes.
LOG_LIMIT = 5_000_000


class Agent:
    """One node's agent. `stop` keeps it down until `start`; any other end is a crash, after which it comes back."""

    def __init__(self, node: Node, controller: str) -> None:
        self.node = node
        self.controller = controller
        self.restarts = 0
        self.process: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        self._wanted.set()

    def command(self) -> list[str]:
        node = self.node
        flags = {
            "controller": self.controller,
            "join-token-file": node.join_token_file,
            "vtep": node.vtep,
            "node": node.name,
            "underlay": UPLINK,
            "state": node.folder,
            "socket": node.agent_socket,
            "netns": node.tenants,
        }
        inside = ["nsenter", f"--net={node.netns}"]
        return [*inside, sys.executable, "-m", "agent", *(f"--{name}={value}" for name, value in flags.items())]

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.running else None

    async def keep(self) -> None:
        """Run it for ever."""
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while True:
            await self._wanted.wait()
            begun = loop.time()
            code = await self._run()
            if not self._wanted.is_set():
                continue
            pause_s = FIRST_PAUSE_S if loop.time() - begun > HEALTHY_S else min(pause_s * 2, LONGEST_PAUSE_S)
            self.restarts += 1
            said = "The agent of %s ended with code %s, %s says why; next start in %.1f s."
            log.warning(said, self.node.name, code, self._log_file(), pause_s)
            await asyncio.sleep(pause_s)

    async def _run(self) -> int:
        with self._log_file().open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(*self.command(), cwd=ROOT, stdout=output, stderr=output)
        return await self.process.wait()

    def _log_file(self) -> Path:
        path = self.node.folder / "agent.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.unlink()
        return path

    async def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and keep it down."""
        self._wanted.clear()
        if self.process and self.running:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
            await self.process.wait()

    def start(self) -> None:
        """Let it run again; fine when it does."""
        self._wanted.set()
