"""What one run claims for itself before anything starts: the data folder and the listening sockets."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from launcher import web
from launcher.settings import Settings


class Refused(Exception):
    """A start that cannot be. Its text says why and what to do."""


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """The data folder is ours while we run: two launchers on one would serve two truths."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (settings.data / "lock").open("w")
    except OSError as error:
        raise Refused(
            f"The data folder {settings.data} cannot be written to ({reason_of(error)}). "
            "Set CONTIVUI_DATA to a folder of your own."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"ContivUI runs already on the data folder {settings.data}. Stop it, or set CONTIVUI_DATA to another."
            ) from None
        yield


@dataclass(frozen=True, slots=True)
class Sockets:
    """The listening sockets of the web process, by who is served at them."""

    people: list[socket.socket]
    agents: list[socket.socket]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(s.fileno() for s in (*self.people, *self.agents))

    @property
    def flags(self) -> list[str]:
        """As the web process is told of them."""
        named = (("--fd", self.people), ("--agents-fd", self.agents))
        return [word for flag, sockets in named for s in sockets for word in (flag, str(s.fileno()))]


@contextmanager
def listening(settings: Settings) -> Iterator[Sockets]:
    """Hold them here, so that the web's restart refuses nobody."""
    with ExitStack() as held_open:
        enter = held_open.enter_context
        people = [enter(tcp(settings.host, settings.port, "PORT", "HOST"))]
        if settings.netmaster_port:
            where = (settings.netmaster_listens_at, settings.netmaster_port)
            people.append(enter(tcp(*where, "NETMASTER_PORT", "NETMASTER_HOST")))
        agents = [enter(web.unix(settings.agents_socket))]
        held_open.callback(settings.agents_socket.unlink, missing_ok=True)
        if settings.agents_port:
            agents.append(enter(tcp(settings.agents_host, settings.agents_port, "AGENTS_PORT", "AGENTS_HOST")))
        yield Sockets(people, agents)


def tcp(host: str, port: int, port_setting: str, host_setting: str) -> socket.socket:
    try:
        return web.tcp(host, port)
    except OSError as error:
        raise Refused(
            f"Nothing can listen at {host} port {port} ({reason_of(error)}). "
            f"Set {port_setting} to a free one and {host_setting} to an address of this machine."
        ) from None


def reason_of(error: OSError) -> str:
    """The system's words for it; those of a name that cannot be looked up are not in its list of errors."""
    looked_up = isinstance(error, socket.gaierror)
    return str(error.strerror) if looked_up else os.strerror(error.errno or 0)
