"""Raw netlink sockets that say when something in a namespace changed.

What changed is not read: the next observe says it all, and a message lost for want of room is a message all the same.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1

#: Multicast groups of <linux/rtnetlink.h>: links, neighbours (forwarding entries too), queues, addresses, routes.
RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_TC = 1, 3, 4
RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE = 5, 7, 9, 11
ROUTE_GROUPS = (
    RTNLGRP_LINK,
    RTNLGRP_NEIGH,
    RTNLGRP_TC,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
)
#: <linux/netfilter/nfnetlink.h>
NFNLGRP_NFTABLES = 7

RTM_NEWNEIGH, RTM_DELNEIGH = 28, 29
NUD_PERMANENT = 0x80
AF_BRIDGE = 7

HEADER = struct.Struct("=IHHII")
#: struct ndmsg: family, three bytes of padding, interface, state.
NEIGHBOUR = struct.Struct("=BxxxiH")


def subscribe(protocol: int, groups: tuple[int, ...]) -> socket.socket:
    """A socket of the calling thread's namespace that hears these groups, and never blocks."""
    listening = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    try:
        listening.bind((0, 0))
        for group in groups:
            listening.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    except OSError:
        listening.close()
        raise
    return listening


class SocketWatch:
    """Made in the namespace to be watched; used from anywhere. Two sockets behind one epoll, which is what waits."""

    def __init__(self) -> None:
        self._sockets = [subscribe(NETLINK_ROUTE, ROUTE_GROUPS), subscribe(NETLINK_NETFILTER, (NFNLGRP_NFTABLES,))]
        self._poll = select.epoll()
        for listening in self._sockets:
            self._poll.register(listening, select.EPOLLIN)

    def fileno(self) -> int:
        return self._poll.fileno()

    def drain(self) -> bool:
        heard = [_drain(listening) for listening in self._sockets]
        return any(heard)

    def close(self) -> None:
        self._poll.close()
        for listening in self._sockets:
            listening.close()


def _drain(listening: socket.socket) -> bool:
    heard = False
    for datagram in _datagrams(listening):
        heard = heard or datagram is None or matters(datagram)
    return heard


def _datagrams(listening: socket.socket) -> Iterator[bytes | None]:
    """What is waiting; None stands for messages lost for want of room (ENOBUFS)."""
    while True:
        try:
            yield listening.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            yield None


def matters(datagram: bytes) -> bool:
    """Whether a datagram says more than that the kernel found out or forgot a neighbour by itself: those come with
    every conversation and are nobody's tampering."""
    return any(not _is_passing_neighbour(kind, body) for kind, body in messages(datagram))


def _is_passing_neighbour(kind: int, body: bytes) -> bool:
    if kind not in (RTM_NEWNEIGH, RTM_DELNEIGH) or len(body) < NEIGHBOUR.size:
        return False
    family, _, state = NEIGHBOUR.unpack_from(body)
    return family != AF_BRIDGE and not state & NUD_PERMANENT


def messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, body) of each netlink message in a datagram; a broken rest is left out."""
    position = 0
    while position + HEADER.size <= len(datagram):
        length, kind, _, _, _ = HEADER.unpack_from(datagram, position)
        if length < HEADER.size or position + length > len(datagram):
            return
        yield kind, datagram[position + HEADER.size : position + length]
        position += (length + 3) & ~3
