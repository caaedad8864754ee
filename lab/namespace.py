"""Network namespaces by path: made, entered and removed without a process of their own.

A socket belongs to the namespace it was made in, whoever uses it later. So one process can hold the servers and
clients of every container: only making a socket happens in a thread that has moved.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)
#: Its threads wander between namespaces and never come home: nothing else may run in them.
_movers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="namespace")


def _checked(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def enter(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_libc.setns(handle, CLONE_NEWNET), f"entering the network namespace {path}")
    finally:
        os.close(handle)


def run_in(path: Path, work: Callable[[], T]) -> T:
    """The result of `work`, called in a thread inside the namespace. OSError when there is none at `path`."""

    def moved() -> T:
        enter(path)
        return work()

    return _movers.submit(moved).result()


def socket_in(path: Path, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket of the namespace at `path`, usable from any thread, not blocking."""
    made = run_in(path, lambda: socket.socket(family, kind, protocol))
    made.setblocking(False)
    return made


def create(path: Path) -> None:
    """Make a network namespace that lives until `remove`, its loopback up. FileExistsError when there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(exist_ok=False)

    def pinned() -> None:
        _checked(_libc.unshare(CLONE_NEWNET), "making a network namespace")
        own = f"/proc/self/task/{_libc.gettid()}/ns/net".encode()
        _checked(_libc.mount(own, os.fsencode(path), None, MS_BIND, None), f"naming the namespace {path}")
        _loopback_up()

    try:
        _movers.submit(pinned).result()
    except OSError:
        path.unlink()
        raise


def remove(path: Path) -> None:
    """Let go of the namespace; it ends with its last process and socket. Absent is fine."""
    _libc.umount2(os.fsencode(path), MNT_DETACH)
    path.unlink(missing_ok=True)


def _loopback_up() -> None:
    """SIOCSIFFLAGS with IFF_UP on lo: no program to start for one bit."""
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1))
