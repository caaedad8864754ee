"""nft without starting it: the library that the program nft is made of, one context per thread.

A context's socket belongs to the namespace of the thread that makes it. Starting the program for each transaction costs
four milliseconds, and closing its socket five times that: the kernel then waits until no packet can be looking at what
was removed, though the change is in force by then. So the socket is kept.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import stat
import threading
from ctypes.util import find_library
from functools import cache
from pathlib import Path

from agent.kernel.events import NETLINK_NETFILTER
from agent.kernel.interface import ApplyError

#: <nftables/libnftables.h>: output as JSON, and numbers where nft has names for protocols, priorities, symbols, times.
OUTPUT_JSON, OUTPUT_NUMERIC = 1 << 4, (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10)

#: Bytes; some hundred thousand elements.
LARGEST_TRANSACTION = 64 << 20

_threads = threading.local()


@cache
def library() -> ctypes.CDLL:
    """Raises ApplyError where it is not installed."""
    name = find_library("nftables") or "libnftables.so.1"
    try:
        found = ctypes.CDLL(name)
    except OSError:
        raise ApplyError("The library libnftables is missing: install the package nftables.") from None
    found.nft_ctx_new.restype = ctypes.c_void_p
    for function in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(found, function).restype = ctypes.c_char_p
    return found


class Context:
    """Commands of one thread. Ends, and lets go of the namespace, with its thread."""

    def __init__(self) -> None:
        self._library = library()
        made = self._library.nft_ctx_new(0)
        if not made:
            raise ApplyError("The library libnftables cannot open a socket to the kernel.")
        self._context = ctypes.c_void_p(made)
        _make_room()
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)

    def run(self, text: str, flags: int = 0) -> tuple[bool, str, str]:
        """(done, what it printed, what it complained of)."""
        self._library.nft_ctx_output_set_flags(self._context, ctypes.c_uint(flags))
        # Of a file the library says in which line an error is, of a buffer it does not.
        handle = os.memfd_create("nft")
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            failed = self._library.nft_run_cmd_from_filename(self._context, f"/proc/self/fd/{handle}".encode())
        printed = self._library.nft_ctx_get_output_buffer(self._context)
        complaint = self._library.nft_ctx_get_error_buffer(self._context)
        return not failed, printed.decode(), complaint.decode(errors="replace")

    def __del__(self) -> None:
        if context := getattr(self, "_context", None):
            self._library.nft_ctx_free(context)


def _make_room() -> None:
    """A transaction is one message. The library makes room for it as only real root may; whoever is root in a user
    namespace gets what the system grants everybody (net.core.wmem_max). The library does not say which socket is its
    own, so all of this process that speak to netfilter get the room."""
    for entry in Path("/proc/self/fd").iterdir():
        # Whatever was closed in the meantime was none of ours.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(entry.name)).st_mode):
                _enlarge(os.dup(int(entry.name)))


def _enlarge(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as found:
        if (found.family, found.proto) == (socket.AF_NETLINK, NETLINK_NETFILTER):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_TRANSACTION)


def run(text: str, flags: int = 0) -> tuple[bool, str, str]:
    """Run commands in the namespace of the calling thread, which must be the one it was in at its first command."""
    context = getattr(_threads, "context", None)
    if context is None:
        context = _threads.context = Context()
    done: tuple[bool, str, str] = context.run(text, flags)
    return done
