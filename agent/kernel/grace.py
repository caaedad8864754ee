"""Waiting until no packet is on its way any more that saw the rules as they were.

An nft transaction is all or nothing for who lists the rules, not for a packet: chains are exchanged one after the
other, and interval sets last of all. A packet in between can be let pass by an old set and marked by a new chain.
"""

from __future__ import annotations

import ctypes
import platform
import time
from concurrent.futures import Future, ThreadPoolExecutor

#: Number of the system call membarrier (asm/unistd.h) and its command (linux/membarrier.h): it returns when every
#: processor has left what it was doing under RCU, as packets are handled.
MEMBARRIER = {"x86_64": 324, "aarch64": 283}
GLOBAL = 1
#: Where the kernel has no such call: longer than a packet takes through all chains of a tenant.
PAUSE_S = 0.01

_libc = ctypes.CDLL(None, use_errno=True)
_waiters = ThreadPoolExecutor(max_workers=8, thread_name_prefix="grace")


def begin() -> Future[None]:
    """Done when all packets that are being judged now have been: some milliseconds, to be used for something else."""
    return _waiters.submit(_wait)


def _wait() -> None:
    number = MEMBARRIER.get(platform.machine())
    if number is None or _libc.syscall(number, GLOBAL, 0, 0) != 0:
        time.sleep(PAUSE_S)
