"""Everything of ours in the namespace of the calling thread, as objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.kernel import nft, parse, tools
from core.render import SYSCTLS
from core.state import KernelObject, Key, Namespace, Sysctl, by_key

Json = Any
IP_LISTS = "addr show\nneigh show nud permanent\nroute show table all\n"


def observe() -> dict[Key, KernelObject]:
    """Raises ApplyError when a tool fails."""
    return by_key([Namespace(), *_sysctls(), *_devices(), *_queues(), *nft.parse(ruleset())])


def ruleset() -> Json:
    """All tables, those of others too."""
    return tools.nft_listing("list ruleset")


def _sysctls() -> Iterator[Sysctl]:
    for name in SYSCTLS:
        path = sysctl_path(name)
        if path.exists():
            yield Sysctl(name, path.read_text().strip())


def sysctl_path(name: str) -> Path:
    """Below /proc/sys/net each thread sees the settings of the namespace it is in."""
    return Path("/proc/sys", *name.split("."))


def _devices() -> Iterator[KernelObject]:
    shown, neighbours, routes = tools.listings(["ip", "-d", "-j", "-batch", "-"], IP_LISTS)
    (fdb,) = tools.listings(["bridge", "-j", "fdb", "show"])
    return parse.objects(shown, neighbours, routes, fdb)


def _queues() -> Iterator[KernelObject]:
    (listing,) = tools.listings(["tc", "-j", "-r", "qdisc", "show"])
    yield from parse.qdiscs(listing)
    devices = parse.ingress_devices(listing)
    if devices:
        lines = "".join(f"filter show dev {device} ingress\n" for device, _ in devices)
        filters = tools.listings(["tc", "-j", "-batch", "-"], lines)
        for (device, kind), found in zip(devices, filters, strict=True):
            yield parse.redirect(device, kind, found)
