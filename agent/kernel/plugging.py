"""Plugging containers in: an endpoint's veth, its host end in the tenant's namespace, where the calling thread is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.kernel import tools
from agent.kernel.interface import ApplyError, Attachment
from agent.kernel.namespace import visit
from core import ids

Json = Any


def plug(attachment: Attachment) -> None:
    """Idempotent: a veth that leads into this container already is kept, with its traffic; any other is made anew."""
    container = Path(attachment.netns)
    if not container.exists():
        raise ApplyError(f"There is no network namespace at {container}: has the container ended?")
    port = ids.port(attachment.endpoint)
    there = _index(port)
    if there is None:
        _make(port, attachment)
    elif not visit(container, _leads_here, attachment, there):
        unplug(attachment.endpoint)
        _make(port, attachment)
    visit(container, _set_up, attachment)


def unplug(endpoint: int) -> None:
    """Both ends go together. Absent is fine."""
    port = ids.port(endpoint)
    done = tools.run(["ip", "link", "del", "dev", port])
    if done.returncode and "Cannot find device" not in done.stderr:
        raise ApplyError(f"The port {port} cannot be removed: {tools.meaning(done.stderr.strip())}.")


def plugged() -> set[int]:
    """Endpoints whose veth is here."""
    (links,) = tools.listings(["ip", "-j", "link", "show", "type", "veth"])
    found = (ids.endpoint_of_port(link["ifname"]) for link in links if link)
    return {endpoint for endpoint in found if endpoint is not None}


def _index(name: str) -> int | None:
    """The number of a device here; None when there is none."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None


def _leads_here(attachment: Attachment, port_index: int) -> bool:
    """In the container: whether its device is the other end of the port, with the endpoint's MAC."""
    done = tools.run(["ip", "-j", "link", "show", "dev", attachment.ifname])
    if done.returncode:
        return False
    link = next(tools.values(done.stdout))[0]
    return bool(link.get("link_index") == port_index and link["address"] == attachment.mac)


def _make(port: str, attachment: Attachment) -> None:
    """Both ends are born where they belong: none can be left in another namespace, and no name there be taken."""
    size = f"mtu {attachment.mtu}"
    peer = f"peer name {attachment.ifname} address {attachment.mac} {size} netns {attachment.netns}"
    _ip(f"link add name {port} {size} type veth {peer}\n", f"The container's device {attachment.ifname} cannot be made")


def _set_up(attachment: Attachment) -> None:
    text = "".join(f"{line}\n" for line in _container_lines(attachment))
    _ip(text, f"The container's device {attachment.ifname} cannot be set up")


def _container_lines(attachment: Attachment) -> Iterator[str]:
    device = attachment.ifname
    yield "link set dev lo up"
    yield f"link set dev {device} mtu {attachment.mtu} up"
    # An address that waits for duplicates to answer is not usable for a second; the allocation is unique already.
    if attachment.ip4:
        yield f"addr replace {attachment.ip4} dev {device}"
    if attachment.ip6:
        yield f"addr replace {attachment.ip6} dev {device} nodad"
    if attachment.gateway4:
        yield f"route replace default via {attachment.gateway4} dev {device}"
    if attachment.gateway6:
        yield f"route replace default via {attachment.gateway6} dev {device}"


def _ip(text: str, failed: str) -> None:
    done = tools.run(["ip", "-batch", "-"], text)
    if done.returncode:
        words = " ".join(complaint for _, complaint in tools.complaints(done.stderr, done.returncode))
        raise ApplyError(f"{failed}: {tools.meaning(words)}.")
