"""Arithmetic with addresses as clients write them, and Contiv's words for those that lie outside."""

from __future__ import annotations

from core import ipam
from netmaster.refusal import Refusal


def octets(text: str) -> int:
    """An IPv4 address as a number."""
    return ipam.number(text)


def beyond(address: str, prefix: str) -> Refusal:
    """The refusal of an address outside a subnet; the host id wraps around, as it does in 32 bits."""
    host = (octets(address) - ipam.span(prefix).first) % 2**32
    return Refusal(f"hostIP {address} is exceeding beyond subnet {prefix}, hostID {host}")
