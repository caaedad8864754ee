"""`make run`: prepares an installation and keeps its processes alive until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import time
import urllib.error
import urllib.request

from django.core.exceptions import ImproperlyConfigured

from launcher import broker, stamps, system
from launcher.claims import Refused, Sockets, held, listening
from launcher.settings import FIRST_ADMINISTRATOR, ROOT, Settings, load
from launcher.supervisor import Program, Supervisor

#: Seconds everything is given to answer before it is said what does not.
PATIENCE_S = 60
#: Before a command that others need not wait for.
GIVING_WAY = ["nice", "-n", "10"]


#: Our own address, on this machine, and nothing secret is asked: whose certificate it shows does not matter.
OURSELVES = ssl.create_default_context()
OURSELVES.check_hostname, OURSELVES.verify_mode = False, ssl.CERT_NONE


def say(sentence: str) -> None:
    print(sentence, flush=True)


def main() -> None:
    begun = time.monotonic()
    os.environ["PATH"] = system.with_system_folders(os.environ.get("PATH", os.defpath))
    try:
        settings = load()
        with held(settings), listening(settings) as sockets:
            sys.exit(asyncio.run(Launcher(settings, sockets, begun).run()))
    except (ImproperlyConfigured, broker.NoBroker, Refused) as error:
        sys.exit(str(error))


class Launcher:
    """One run, from the first process to the last."""

    def __init__(self, settings: Settings, sockets: Sockets, begun: float) -> None:
        self.settings = settings
        self.sockets = sockets
        self.begun = begun
        self.supervisor = Supervisor(settings.data / "log", say)
        self.running: list[str] = []

    async def run(self) -> int:
        """Start, say so, wait for Ctrl-C or SIGTERM, stop. The exit code."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        up = asyncio.create_task(self.bring_up())
        waiting = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({up, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set() and up.result():
                return up.result()
            await waiting
            say("\nStopping.")
            return 0
        finally:
            up.cancel()
            await self.supervisor.stop()

    async def bring_up(self) -> int:
        """Exit code 0 once everything runs; another when it cannot."""
        self.start_broker()
        prepared = stamps.is_prepared(self.settings)
        if not prepared and await self.prepare([]):
            return 1
        self.start("web", [sys.executable, "-m", "launcher.web", *self.sockets.flags], self.sockets)
        self.start("worker", [sys.executable, "-m", "launcher.worker"])
        if prepared and await self.prepare(GIVING_WAY):
            return 1
        await self.start_lab()
        await self.answering()
        return 0

    def start(self, name: str, command: list[str], sockets: Sockets | None = None) -> None:
        passed = sockets.numbers if sockets else ()
        # What /healthz answers while things start is waited for and said here, not shown as a problem of the web.
        program = Program(name, command, folder=ROOT, pass_fds=passed, hushed=b"/healthz", foundation=name == "redis")
        self.supervisor.start(program)
        self.running.append(name)

    def start_broker(self) -> None:
        if self.settings.redis_url:
            return
        folder = self.settings.data / "redis"
        folder.mkdir(exist_ok=True)
        self.settings.redis_socket.unlink(missing_ok=True)
        self.start("redis", broker.command(broker.binary(), self.settings.redis_socket, folder))

    async def prepare(self, how: list[str]) -> int:
        """Exit code of the preparation."""
        command = [*how, sys.executable, "-m", "launcher.prepare"]
        return await self.supervisor.run(Program("prepare", command, folder=ROOT))

    async def start_lab(self) -> None:
        if not self.settings.lab_nodes:
            return
        if why := await asyncio.to_thread(system.why_no_lab, say):
            say(f"{why} ContivUI serves without a lab.")
            return
        inside = [sys.executable, "-m", "lab.sandbox", "--", sys.executable, "-m", "lab"]
        flags = {
            "data": self.settings.data,
            "nodes": self.settings.lab_nodes,
            "controller": f"unix:{self.settings.agents_socket}",
        }
        self.start("lab", [*inside, *(f"--{name}={value}" for name, value in flags.items())])

    async def answering(self) -> None:
        """Wait until /healthz says yes, then say what there is; or say what does not answer."""
        until = time.monotonic() + PATIENCE_S
        healthy, answer = False, ""
        while not healthy and time.monotonic() < until:
            healthy, answer = await asyncio.to_thread(health, self.settings.address)
            await asyncio.sleep(0 if healthy else 0.05)
        if not healthy:
            say(f"Not everything answers after {PATIENCE_S} s: {answer} The logs are in {self.settings.data / 'log'}.")
        self.introduce()

    def introduce(self) -> None:
        settings = self.settings
        password = settings.password_file
        secret = password.read_text().strip() if password.exists() else "the one you set"
        lab = f", {settings.lab_nodes} lab nodes" if "lab" in self.running else ", no lab"
        say(f"ContivUI is at {settings.address} after {time.monotonic() - self.begun:.1f} s")
        say(f"  sign in as  {FIRST_ADMINISTRATOR}")
        say(f"  password    {secret}")
        if settings.netmaster_port:
            say(f"  netmaster   http://{settings.netmaster_listens_at}:{settings.netmaster_port}{open_words(settings)}")
        if settings.agents_port:
            say(f"  agents      https://{settings.agents_host}:{settings.agents_port}")
        say(f"  running     {', '.join(self.running)}{lab}")
        say(f"  data        {settings.data}")
        say("Ctrl-C stops everything and keeps the data.")


def open_words(settings: Settings) -> str:
    if not settings.netmaster_open:
        return ", with tokens"
    return ", OPEN: whoever reaches this port may change everything (NETMASTER_OPEN=1)"


def health(address: str) -> tuple[bool, str]:
    """Whether /healthz says yes, and what it says."""
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5, context=OURSELVES) as answer:  # noqa: S310
            return answer.status == 200, ""
    except urllib.error.HTTPError as error:
        return False, error.read(500).decode(errors="replace")
    except OSError as error:
        return False, f"{error}."


if __name__ == "__main__":
    main()
