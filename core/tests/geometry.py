"""Matches as plain boxes, read from their text again, so that a mistake of the compiler is not made twice."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from core.boxes import Box
from core.spec import MatchItem


def box_of(match: MatchItem) -> Box:
    if match.layer.kind == "group":
        first = last = int(match.peer)
    elif "-" in match.peer:
        first, last = (int(ip_address(end)) for end in match.peer.split("-"))
    else:
        net = ip_network(match.peer)
        first, last = int(net.network_address), int(net.broadcast_address)
    return Box((first, last), match.protocol, match.ports)
