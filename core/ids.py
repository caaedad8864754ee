"""Names and numbers that are derived, never chosen: what every kernel object is called and whose it is.

A name carries the id of the row it stands for and nothing else, so a fresh process knows its own objects, and a
renamed tenant or network renames nothing in the kernel. Interface names hold at most 15 characters (IFNAMSIZ is
16 with the closing zero).
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address

#: The nftables table of ours in each tenant's namespace.
TABLE = "contiv"
NAME_LENGTH = 15

_NAMESPACE, _BRIDGE, _VXLAN, _VLAN, _PORT, _IFB = "ct-", "br", "vx", "vl", "ep", "fb"
_MAC_IDS = 1 << 32


def namespace(tenant: int) -> str:
    """The network namespace of a tenant on a node, "ct-7"."""
    return _name(_NAMESPACE, tenant, "tenant")


def bridge(network: int) -> str:
    return _name(_BRIDGE, network, "network")


def vxlan(network: int) -> str:
    return _name(_VXLAN, network, "network")


def vlan(network: int) -> str:
    return _name(_VLAN, network, "network")


def port(endpoint: int) -> str:
    """The host end of an endpoint's veth, "ep55"."""
    return _name(_PORT, endpoint, "endpoint")


def ifb(endpoint: int) -> str:
    """The device that shapes what an endpoint sends, "fb55"."""
    return _name(_IFB, endpoint, "endpoint")


def tenant_of_namespace(name: str) -> int | None:
    """The tenant whose namespace this is; None when the name is not one of ours."""
    return _id(_NAMESPACE, name)


def network_of_bridge(name: str) -> int | None:
    return _id(_BRIDGE, name)


def endpoint_of_port(name: str) -> int | None:
    return _id(_PORT, name)


def endpoint_of_ifb(name: str) -> int | None:
    return _id(_IFB, name)


def endpoint_mac(origin: str | int) -> str:
    """The MAC of an endpoint: 02:02 and its IPv4 address, as Contiv does it, "02:02:14:01:01:02" for 20.1.1.2.

    An endpoint without IPv4 gives its id instead and gets a MAC under 02:06, where no IPv4 address can lead.
    Raises ValueError for a text that is no IPv4 address or an id of more than 32 bits.
    """
    if isinstance(origin, int):
        return _mac("02:06", _fits_mac(origin, "endpoint"))
    try:
        return _mac("02:02", int(IPv4Address(origin)))
    except AddressValueError:
        raise ValueError(f"A MAC is made from an IPv4 address such as 20.1.1.2, not from {origin!r}.") from None


def gateway_mac(network: int) -> str:
    """The MAC of a network's anycast gateway, the same on every node, under 02:01 where no endpoint's MAC is."""
    return _mac("02:01", _fits_mac(network, "network"))


def _name(prefix: str, number: int, what: str) -> str:
    name = f"{prefix}{number}"
    if number < 1 or len(name) > NAME_LENGTH:
        largest = 10 ** (NAME_LENGTH - len(prefix)) - 1
        raise ValueError(f"The {what} id {number} gives no kernel name: ids are 1 to {largest}.")
    return name


def _id(prefix: str, name: str) -> int | None:
    """The reverse of _name. Leading zeros and other digits than ASCII's are not ours: we never write them."""
    match = re.fullmatch(re.escape(prefix) + r"([1-9][0-9]*)", name)
    return int(match[1]) if match and len(name) <= NAME_LENGTH else None


def _fits_mac(number: int, what: str) -> int:
    if not 1 <= number < _MAC_IDS:
        raise ValueError(f"The {what} id {number} does not fit a MAC: ids are 1 to {_MAC_IDS - 1}.")
    return number


def _mac(prefix: str, number: int) -> str:
    return f"{prefix}:{number.to_bytes(4, 'big').hex(':')}"
