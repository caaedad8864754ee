"""What one run claims for itself before anything starts: the data folder and the listening sockets."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """The sockets of the web process, held here so that its restart refuses nobody."""
    try:
        tcp = web.tcp(settings.host, settings.port)
    except OSError as error:
        raise Refused(
            f"Nothing can listen at {settings.host} port {settings.port} ({reason_of(error)}). "
            "Set PORT to a free one and HOST to an address of this machine."
        ) from None
    with tcp, netmaster(settings) as more, web.unix(settings.agents_socket) as unix:
        try:
            yield [tcp, *more, unix]
        finally:
            settings.agents_socket.unlink(missing_ok=True)


@contextmanager
def netmaster(settings: Settings) -> Iterator[list[socket.socket]]:
    """The socket of netmaster's own port, if there is to be one."""
    if not settings.netmaster_port:
        yield []
        return
    host, port = settings.netmaster_listens_at, settings.netmaster_port
    try:
        found = web.tcp(host, port)
    except OSError as error:
        raise Refused(
            f"Nothing can listen at {host} port {port} ({reason_of(error)}). "
            "Set NETMASTER_PORT to a free one and NETMASTER_HOST to an address of this machine."
        ) from None
    with found:
        yield [found]


def reason_of(error: OSError) -> str:
    """The system's words for it; those of a name that cannot be looked up are not in its list of errors."""
    looked_up = isinstance(error, socket.gaierror)
    return str(error.strerror) if looked_up else os.strerror(error.errno or 0)
