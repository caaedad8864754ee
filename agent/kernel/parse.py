"""What `ip`, `bridge` and `tc` print, as objects. Pure: JSON in, values out.

What is in a namespace and not here is either the kernel's own doing (multicast entries, local routes, a device's own
MAC) or nothing that could carry a tenant's packet elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from core import ids
from core.state import (
    TICKS_PER_SECOND,
    Address,
    Bridge,
    BridgeFdb,
    ForeignLink,
    ForeignQdisc,
    Ifb,
    KernelObject,
    Link,
    Membership,
    Neighbour,
    Port,
    Redirect,
    Route,
    Tbf,
    Vlan,
    Vxlan,
    VxlanFdb,
    tbf,
)

Json = Any

#: Queues the kernel gives a device by itself.
DEFAULT_QDISCS = {"noqueue", "noop", "pfifo_fast", "fq_codel", "mq", "pfifo"}


def links(listing: Json) -> Iterator[Link]:
    """The devices of `ip -d -j addr show`. A veth of ours that is down and in no bridge waits for its Port and is
    none."""
    for entry in listing:
        if "LOOPBACK" in entry["flags"]:
            continue
        link = _link(entry)
        if not (isinstance(link, Port) and not link.up and not link.member.bridge):
            yield link


def _link(entry: Json) -> Link:
    name, info = entry["ifname"], entry.get("linkinfo", {})
    kind, data = info.get("info_kind", "device"), info.get("info_data", {})
    up, mtu = "UP" in entry["flags"], entry["mtu"]
    if kind == "bridge":
        return _bridge(entry, data)
    if kind == "vxlan":
        tos = "inherit" if data.get("tos") in ("inherit", "0x1", 1) else str(data.get("tos", 0))
        return Vxlan(
            name, _member(entry), data["id"], data.get("local", ""), mtu, up, bool(data["learning"]), data["port"], tos
        )
    if kind == "vlan":
        return Vlan(name, _member(entry), data["id"], mtu, up)
    if kind == "ifb":
        return Ifb(name, up)
    if kind == "veth" and ids.endpoint_of_port(name) is not None:
        return Port(name, _member(entry), mtu, up)
    return ForeignLink(name, kind)


def _bridge(entry: Json, data: Json) -> Bridge:
    return Bridge(
        entry["ifname"],
        entry["address"],
        entry["mtu"],
        up="UP" in entry["flags"],
        netfilter=bool(data["nf_call_iptables"] and data["nf_call_ip6tables"]),
        snooping=bool(data.get("mcast_snooping", 0)),
        stp=bool(data["stp_state"]),
        vlan_filtering=bool(data.get("vlan_filtering", 0)),
    )


def _member(entry: Json) -> Membership:
    data = entry.get("linkinfo", {}).get("info_slave_data", {})
    if "master" not in entry or entry.get("linkinfo", {}).get("info_slave_kind") != "bridge":
        return Membership("")
    flags = ("flood", "mcast_flood", "bcast_flood", "neigh_suppress", "learning", "hairpin")
    return Membership(entry["master"], *(bool(data[flag]) for flag in flags))


def addresses(listing: Json) -> Iterator[Address]:
    for entry in listing:
        if "LOOPBACK" not in entry["flags"]:
            for info in entry.get("addr_info", []):
                yield Address(entry["ifname"], f"{info['local']}/{info['prefixlen']}")


def neighbours(listing: Json) -> Iterator[Neighbour]:
    """Permanent entries only: what the kernel finds out by itself expires by itself."""
    for entry in listing:
        if "PERMANENT" in entry.get("state", []) and "lladdr" in entry:
            yield Neighbour(entry["dev"], entry["dst"], entry["lladdr"])


def routes(listing: Json) -> Iterator[Route]:
    """All but the local table, whose entries are the kernel's own answer to addresses."""
    for entry in listing:
        table = entry.get("table", "main")
        if table != "local":
            yield _route(entry, table)


def _route(entry: Json, table: str) -> Route:
    kind, prefix = entry.get("type", "unicast"), entry["dst"]
    via = entry.get("gateway", "") or ", ".join(hop.get("gateway", "") for hop in entry.get("nexthops", []))
    return Route(prefix, entry.get("dev", ""), entry.get("metric", 0), entry.get("prefsrc", ""), via, kind, str(table))


def fdb(listing: Json, devices: Iterable[Link], macs: set[tuple[str, str]]) -> Iterator[BridgeFdb | VxlanFdb]:
    """Entries of `bridge -j fdb show`. `macs` are (bridge, MAC) of each bridge and its ports: the kernel's own."""
    tunnels = {link.name: link.vni for link in devices if isinstance(link, Vxlan)}
    towards: dict[tuple[str, str], list[str]] = {}
    for entry in listing:
        device, mac = entry["ifname"], entry["mac"]
        if "self" in entry["flags"]:
            if device in tunnels and "dst" in entry:
                towards.setdefault((device, mac), []).append(entry["dst"])
        elif (entry.get("master", ""), mac) not in macs or entry["state"] != "permanent":
            state = entry["state"] or "learned"
            yield BridgeFdb(device, mac, state, tunnels.get(device, 0), entry.get("vlan", 0))
    for (device, mac), vteps in towards.items():
        yield VxlanFdb(device, mac, ", ".join(sorted(vteps)), tunnels[device])


def own_macs(listing: Json) -> set[tuple[str, str]]:
    """(bridge, MAC) of the bridges and ports of `ip -d -j addr show`."""
    return {(entry.get("master", entry["ifname"]), entry["address"]) for entry in listing if "address" in entry}


def qdiscs(listing: Json) -> Iterator[Tbf | ForeignQdisc]:
    """Root queues that are not the kernel's default."""
    for entry in listing:
        kind, device = entry["kind"], entry["dev"]
        if not entry.get("root") or kind in DEFAULT_QDISCS or device == "lo":
            continue
        yield _tbf(device, entry["options"]) if kind == "tbf" else ForeignQdisc(device, kind)


def _tbf(device: str, options: Json) -> Tbf:
    rate = options["rate"]
    burst = int(options["burst_raw"], 16) * rate / TICKS_PER_SECOND
    return tbf(device, rate * 8, burst, options["limit"])


def ingress_devices(listing: Json) -> list[tuple[str, str]]:
    """(device, kind) of the queues on the way in, "ingress" or "clsact"."""
    return [(entry["dev"], entry["kind"]) for entry in listing if entry["kind"] in ("ingress", "clsact")]


def redirect(device: str, kind: str, filters: Json) -> Redirect:
    """What happens to what comes in on a device. Anything but our one filter is told as words, equal to no device."""
    found = [entry for entry in filters if "match" in entry.get("options", {}) or entry["kind"] != "u32"]
    if kind != "ingress" or len(found) != 1:
        return Redirect(device, f"{kind} with {len(found)} filters")
    return Redirect(device, _target(found[0]) or "another filter")


def _target(entry: Json) -> str:
    options = entry.get("options", {})
    match, actions = options.get("match", {}), options.get("actions", [])
    plain = entry["protocol"] == "all" and (match.get("value"), match.get("mask")) == ("0", "0") and len(actions) == 1
    if not plain or actions[0].get("mirred_action") != "redirect" or actions[0].get("direction") != "egress":
        return ""
    target: str = actions[0]["to_dev"]
    return target


def traffic(listing: Json) -> dict[int, tuple[int, int, int, int]]:
    """(rx_bytes, tx_bytes, rx_packets, tx_packets) by endpoint, of `ip -j -s link show`. What the host end sends is
    what the endpoint receives."""
    found: dict[int, tuple[int, int, int, int]] = {}
    for entry in listing:
        endpoint = ids.endpoint_of_port(entry["ifname"])
        if endpoint is not None:
            rx, tx = entry["stats64"]["tx"], entry["stats64"]["rx"]
            found[endpoint] = (rx["bytes"], tx["bytes"], rx["packets"], tx["packets"])
    return found


def objects(shown: Json, neighbour_list: Json, route_list: Json, fdb_list: Json) -> Iterator[KernelObject]:
    devices = list(links(shown))
    yield from devices
    yield from addresses(shown)
    yield from neighbours(neighbour_list)
    yield from routes(route_list)
    yield from fdb(fdb_list, devices, own_macs(shown))
