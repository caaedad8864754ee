"""Matches as plain boxes, read from their text again, so that a mistake of the compiler is not made twice."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from core.boxes import Box
from core.spec import MatchItem


def box_of(match: MatchItem) -> Box:
    peer = (int(match.peer), int(match.peer)) if match.layer.kind == "group" else ends_of(match.peer)
    return Box(peer, match.protocol, match.ports, ends_of(match.own) if match.own else (0, 0))


def ends_of(text: str) -> tuple[int, int]:
    if "-" in text:
        first, last = (int(ip_address(end)) for end in text.split("-"))
        return first, last
    net = ip_network(text)
    return int(net.network_address), int(net.broadcast_address)
