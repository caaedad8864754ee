"""Network namespaces: made, found, removed, and threads that live in them.

A thread can enter a namespace while the rest of the process stays outside; what it starts and opens is inside. So
tools run in a tenant's namespace without a helper program that enters it first.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

CLONE_NEWNET = 0x40000000
MS_BIND, MNT_DETACH = 4096, 2

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """A system call of the C library; raises OSError as Python's own would."""
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def enter(path: Path) -> None:
    """Move the calling thread, and what it will start, into the namespace at `path`."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        call("setns", handle, CLONE_NEWNET)
    finally:
        os.close(handle)


def isolate() -> None:
    """Move the calling thread into a new namespace that ends with it."""
    call("unshare", CLONE_NEWNET)


def make(path: Path) -> None:
    """A new namespace, kept by a mount at `path`. There already: fine. The calling thread is in it afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if exists(path):
        return enter(path)
    path.touch(mode=0o444)
    isolate()
    call("mount", b"/proc/thread-self/ns/net", os.fsencode(path), None, MS_BIND, None)
    return None


def exists(path: Path) -> bool:
    """Whether a namespace is kept there: a plain file is what is left of one after the machine was started anew."""
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except FileNotFoundError:
        return False


def remove(path: Path) -> None:
    """Let go of the namespace's name; it ends with the last thread and socket in it. Absent is fine."""
    if exists(path):
        call("umount2", os.fsencode(path), MNT_DETACH)
    path.unlink(missing_ok=True)


class Resident:
    """A thread that lives in one namespace and does there what it is given, one thing after the other."""

    def __init__(self, path: Path, arrive: Callable[[Path], None] = enter) -> None:
        """`arrive` brings the thread in: `enter`, or `make` for a namespace yet to be. Raises OSError."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.name)
        try:
            self._pool.submit(arrive, path).result()
            self.inode = path.stat().st_ino
        except OSError:
            self._pool.shutdown()
            raise

    def run(self, work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        """Raises OSError when the thread was told to leave meanwhile."""
        try:
            doing = self._pool.submit(work, *arguments, **options)
        except RuntimeError:
            raise OSError(errno.ESRCH, "the thread that lived there has left") from None
        return doing.result()

    def close(self) -> None:
        """Ends the thread, once what it does is done, and with it the thread's hold on the namespace."""
        self._pool.shutdown()


def visit(
    path: Path, work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Result:
    """Do one thing in a namespace and leave."""
    resident = Resident(path)
    try:
        return resident.run(work, *arguments, **options)
    finally:
        resident.close()
