"""Samples of denied packets, read from the kernel's packet log (NFLOG) with a raw netlink socket.

The deny chain logs a bounded number of packets a second; each comes with its first bytes, from which source,
destination, protocol and ports are read.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from agent.kernel.events import HEADER, NETLINK_NETFILTER, messages
from agent.kernel.interface import ApplyError, Denied
from core.model import PORT_PROTOCOLS
from core.pipeline import LOG_BYTES, LOG_GROUP

#: <linux/netfilter/nfnetlink_log.h>
NFNL_SUBSYS_ULOG = 4
NFULNL_MSG_PACKET, NFULNL_MSG_CONFIG = 0, 1
NFULA_PAYLOAD = 9
NFULA_CFG_CMD, NFULA_CFG_MODE, NFULA_CFG_TIMEOUT = 1, 2, 4
NFULNL_CFG_CMD_BIND = 1
NFULNL_COPY_PACKET = 2
#: How long the kernel may gather samples before it hands them over, in hundredths of a second.
GATHER_CS = 10
NLM_F_REQUEST, NLM_F_ACK = 1, 4
NLMSG_ERROR = 2

#: struct nfgenmsg: family, version, resource id in network order.
GENERIC = struct.Struct("!BBH")
ATTRIBUTE = struct.Struct("=HH")
#: IPv6 extension headers that stand before the transport header, each with its length in 8 bytes less one.
EXTENSIONS = frozenset({0, 43, 60, 135})
FRAGMENT = 44


class SocketLog:
    """Made in the tenant's namespace; read from anywhere."""

    def __init__(self, tenant: int) -> None:
        self._tenant = tenant
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        try:
            self._socket.bind((0, 0))
            self._configure(NFULA_CFG_CMD, struct.pack("=B", NFULNL_CFG_CMD_BIND))
            self._configure(NFULA_CFG_MODE, struct.pack("!IBx", LOG_BYTES, NFULNL_COPY_PACKET))
            self._configure(NFULA_CFG_TIMEOUT, struct.pack("!I", GATHER_CS))
        except OSError as error:
            self._socket.close()
            raise ApplyError(f"Denied packets of tenant {tenant} cannot be read: {_why(error)}.") from error
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[Denied]:
        found = (packet(self._tenant, payload) for datagram in self._datagrams() for payload in payloads(datagram))
        return [denied for denied in found if denied is not None]

    def close(self) -> None:
        self._socket.close()

    def _configure(self, kind: int, value: bytes) -> None:
        """One setting of our log group, and the kernel's answer to it."""
        body = GENERIC.pack(socket.AF_UNSPEC, 0, LOG_GROUP) + _attribute(kind, value)
        head = HEADER.pack(
            HEADER.size + len(body), NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_REQUEST | NLM_F_ACK, 1, 0
        )
        self._socket.send(head + body)
        for answer, content in messages(self._socket.recv(65536)):
            if answer == NLMSG_ERROR and (code := -struct.unpack_from("=i", content)[0]):
                raise OSError(code, os.strerror(code))

    def _datagrams(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._socket.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                # Samples were lost for want of room; the counter of the deny chain has them all.
                if error.errno != errno.ENOBUFS:
                    raise


def _why(error: OSError) -> str:
    return "another program reads them" if error.errno == errno.EBUSY else error.strerror or str(error)


def _attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def payloads(datagram: bytes) -> Iterator[bytes]:
    """The packets in a datagram of the log."""
    for kind, body in messages(datagram):
        if kind == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET):
            yield from (value for number, value in _attributes(body[GENERIC.size :]) if number == NFULA_PAYLOAD)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, position)
        if length < ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[position + ATTRIBUTE.size : position + length]
        position += (length + 3) & ~3


def packet(tenant: int, data: bytes) -> Denied | None:
    """What an IP packet's first bytes say; None where they are no IP packet."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        source, destination = (str(IPv4Address(data[at : at + 4])) for at in (12, 16))
        return _denied(tenant, source, destination, data[9], data[(data[0] & 15) * 4 :])
    if len(data) >= 40 and data[0] >> 4 == 6:
        source, destination = (str(IPv6Address(data[at : at + 16])) for at in (8, 24))
        protocol, transport = _past_extensions(data[6], data[40:])
        return _denied(tenant, source, destination, protocol, transport)
    return None


def _past_extensions(kind: int, rest: bytes) -> tuple[int, bytes]:
    while (kind in EXTENSIONS or kind == FRAGMENT) and len(rest) >= 8:
        length = 8 if kind == FRAGMENT else (rest[1] + 1) * 8
        kind, rest = rest[0], rest[length:]
    return kind, rest


def _denied(tenant: int, source: str, destination: str, protocol: int, transport: bytes) -> Denied:
    ports: tuple[int | None, int | None] = (None, None)
    if protocol in PORT_PROTOCOLS and len(transport) >= 4:
        ports = struct.unpack_from("!HH", transport)
    return Denied(tenant, source, destination, protocol, *ports)
