"""Where endpoints are plugged in: asked for through the local socket, kept on disk, true until said otherwise.

A plug is noted before its veth is made. Killed in between, the next start finds the plug, makes the veth, and the
caller who never got an answer and asks again finds it done.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from agent.cache import BrokenFile, read_sealed, set_aside, write_sealed

log = logging.getLogger("agent.plugs")

#: Not being allowed to look is no proof that a running container is gone.
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Plug:
    """`netns` is the path of the container's network namespace, "" when a veth was found that nobody noted.

    `identity` is what the path led to when it was plugged: the same path may lead to another container later (a
    process id used again), which must not inherit the port.
    """

    tenant: int
    endpoint: int
    netns: str
    ifname: str = "eth0"
    identity: str = ""

    @property
    def key(self) -> str:
        """What its endpoint goes by in a spec."""
        return f"{self.tenant}/endpoint/{self.endpoint}"

    def gone(self, veth: bool) -> str:
        """Why the endpoint is to count as unplugged, a sentence; "" when it is plugged in or can be plugged in again.
        `veth`: its veth is there."""
        if not self.netns:
            return "" if veth else "its veth is gone and nobody noted where it was plugged in"
        found = identity_of(self.netns)
        if not found:
            return f"the network namespace {self.netns} is gone"
        return "" if found in {self.identity, UNREADABLE} else f"{self.netns} is another network namespace now"


def identity_of(netns: str) -> str:
    """Device and inode of a namespace's path as text; "" when there is nothing."""
    try:
        status = Path(netns).stat()
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        return ""
    except OSError:
        return UNREADABLE
    return f"{status.st_dev}:{status.st_ino}"


class PlugStore:
    """Plugs by endpoint, and the endpoints that left and of which the controller has not been told yet."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "plugs.json"
        self._plugs: dict[int, Plug] = {}
        self._departed: set[int] = set()
        self._foreseen: dict[int, Plug] = {}
        self._writing = threading.Lock()
        self._number = self._written = 0
        self._content = b""

    def load(self) -> None:
        """Read what was noted. A broken file is set aside: veths found in the kernel are then adopted as they are."""
        try:
            values = json.loads(read_sealed(self._path))
            self._plugs = {p["endpoint"]: Plug(**p) for p in values["plugs"]}
            self._departed = set(values["departed"])
        except FileNotFoundError:
            return
        except (BrokenFile, ValueError, TypeError, KeyError) as error:
            set_aside(self._path, error)

    def of(self, tenant: int) -> dict[int, Plug]:
        return {endpoint: plug for endpoint, plug in self._plugs.items() if plug.tenant == tenant}

    def get(self, endpoint: int) -> Plug | None:
        return self._plugs.get(endpoint)

    @property
    def endpoints(self) -> list[int]:
        return sorted(self._plugs)

    @property
    def departed(self) -> list[int]:
        return sorted(self._departed)

    def has_departed(self, endpoint: int) -> bool:
        return endpoint in self._departed

    def foresee(self, plug: Plug) -> Callable[[], None]:
        """A plug that is to be added soon, so its endpoint has not left. Answers what notes it on disk already, to be
        called from any thread while there is time: adding it then takes none. It is forgotten with `remove`."""
        self._foreseen[plug.endpoint] = plug
        self._departed.discard(plug.endpoint)
        return self._noting()

    def add(self, plugs: Iterable[Plug]) -> None:
        for plug in plugs:
            self._plugs[plug.endpoint] = plug
            self._foreseen.pop(plug.endpoint, None)
            self._departed.discard(plug.endpoint)
        self._save()

    def remove(self, endpoints: Iterable[int], *, tell: bool) -> None:
        """Forget plugs. `tell`: the controller does not know yet that they left."""
        for endpoint in endpoints:
            self._plugs.pop(endpoint, None)
            self._foreseen.pop(endpoint, None)
            if tell:
                self._departed.add(endpoint)
        self._save()

    def told(self, endpoint: int) -> None:
        if endpoint in self._departed:
            self._departed.discard(endpoint)
            self._save()

    def _save(self) -> None:
        self._noting()()

    def _noting(self) -> Callable[[], None]:
        """What writes the plugs as they are now, unless something newer, or the same, was written meanwhile."""
        self._number += 1
        plugs = sorted({**self._plugs, **self._foreseen}.items())
        values = {"plugs": [asdict(plug) for _, plug in plugs], "departed": self.departed}
        return partial(self._write, self._number, json.dumps(values).encode())

    def _write(self, number: int, content: bytes) -> None:
        with self._writing:
            if number < self._written:
                return
            try:
                if content != self._content:
                    write_sealed(self._path, content)
            except OSError as error:
                # The kernel can follow all the same, and the next that is noted may find room.
                log.error(
                    "Plugs cannot be kept on disk (%s); they count, but a restart would not know.", error.strerror
                )
                return
            self._written, self._content = number, content
