"""Tells the containers of a node where new endpoints are, so that whoever asked too early need not ask again.

A container that looks for an address nobody knows yet asks its network, is not answered, and holds packets back for a
second before it asks again. An announcement on the bridge, which reaches the containers here and nobody else, ends the
wait at once. It tells nothing that asking would not; a container that did not ask forgets it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from core.plan import Op
from core.state import Neighbour

#: More at a time is a node that begins, where nobody waits for one of them: announcing thousands would cost more.
MOST = 64
ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0806, 0x86DD
EVERYBODY, EVERY_NODE = b"\xff" * 6, bytes.fromhex("333300000001")
ALL_NODES = ip_address("ff02::1").packed
ARP_REPLY, ICMPV6, NEIGHBOUR_ADVERTISEMENT, TARGET_ADDRESS = 2, 58, 136, 2
#: Of an advertisement: this entry replaces what is known.
OVERRIDE = 1 << 29

_threads = threading.local()


def introduce(ops: Sequence[Op]) -> None:
    """Announce the neighbours that these ops have made or changed, on their bridges. To be called in the tenant's
    namespace. What cannot be sent costs the asker a second, so it is no error."""
    new = [op.new for op in ops if op.action != "delete" and isinstance(op.new, Neighbour)]
    if 0 < len(new) <= MOST:
        with contextlib.suppress(OSError):
            _send(new)


def _send(neighbours: Iterable[Neighbour]) -> None:
    """The socket is kept with its thread, which stays in its namespace: closing one of this kind waits until no packet
    can be looking at it, some ten milliseconds."""
    out = getattr(_threads, "socket", None)
    if out is None:
        out = _threads.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    for neighbour in neighbours:
        with contextlib.suppress(OSError):  # a bridge that is down, or gone
            out.sendto(announcement(neighbour.address, neighbour.mac), (neighbour.device, 0))


def announcement(address: str, mac: str) -> bytes:
    """The frame that says whose address it is: a gratuitous ARP reply (RFC 5227), or an unsolicited neighbour
    advertisement (RFC 4861)."""
    hardware, packed = bytes.fromhex(mac.replace(":", "")), ip_address(address).packed
    if len(packed) == 4:
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, ARP_REPLY) + hardware + packed + EVERYBODY + packed
        return EVERYBODY + hardware + struct.pack("!H", ETHERTYPE_ARP) + body
    message = _advertisement(hardware, packed)
    header = struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, 255) + packed + ALL_NODES
    return EVERY_NODE + hardware + struct.pack("!H", ETHERTYPE_IPV6) + header + message


def _advertisement(hardware: bytes, packed: bytes) -> bytes:
    option = struct.pack("!BB", TARGET_ADDRESS, 1) + hardware
    body = struct.pack("!I", OVERRIDE) + packed + option
    length = 4 + len(body)
    pseudo = packed + ALL_NODES + struct.pack("!II", length, ICMPV6)
    whole = struct.pack("!BBH", NEIGHBOUR_ADVERTISEMENT, 0, 0) + body
    return whole[:2] + struct.pack("!H", _checksum(pseudo + whole)) + whole[4:]


def _checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
