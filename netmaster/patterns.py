"""What Contiv lets into its fields: the patterns of names, addresses, ranges and rates, each for a whole text."""

from __future__ import annotations

import re

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IP4 = rf"{OCTET}(?:\.{OCTET}){{3}}"
#: /0 and /32 are refused everywhere.
LENGTH4 = r"(?:3[01]|[12][0-9]|[1-9])"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
HEX = r"[0-9A-Fa-f]{1,4}"
#: By how many groups stand before the double colon, if there is one. IPv4 is not written into it.
IP6 = "|".join(
    [
        rf"(?:{HEX}:){{7}}(?:{HEX}|:)",
        *(rf"(?:{HEX}:){{{n}}}(?:(?::{HEX}){{1,{7 - n}}}|:)" for n in range(1, 7)),
        rf":(?:(?::{HEX}){{1,7}}|:)",
    ]
)
#: Up to /127: a /128 is no network.
LENGTH6 = r"(?:12[0-7]|1[01][0-9]|[1-9][0-9]?)"


def whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})\Z", re.ASCII)


NAME = whole(rf"{LABEL}(?:\.{LABEL})*")
NAME_OR_NONE = whole(rf"(?:{LABEL}(?:\.{LABEL})*)?")
#: References in rules tolerate a dot at the end.
REFERENCE = whole(rf"(?:{LABEL}(?:\.{LABEL})*\.?)?")
ANYTHING = whole(r"(?s:.*)")
#: A profile's name: anything that can be a part of an address.
PROFILE_NAME = whole(r"[^\s/:\x00-\x1f]+(?: [^\s/:\x00-\x1f]+)*")
IP4_OR_NONE = whole(rf"(?:{IP4})?")
IP6_OR_NONE = whole(rf"(?:{IP6})?")
SUBNET = whole(rf"{IP4}(?:-{IP4})?/{LENGTH4}")
SUBNET6_OR_NONE = whole(rf"(?:(?:{IP6})/{LENGTH6})?")
PREFIX = whole(rf"{IP4}/{LENGTH4}")
#: A single address brought Contiv down; x-x says the same.
POOL = whole(rf"(?:{IP4}-{IP4})?")
RULE_ADDRESS = whole(rf"(?:{IP4}(?:-{OCTET})?(?:/{LENGTH4})?)?")
PRIVATE = whole(rf"{IP4}/16")
VLANS = whole(r"[0-9]{1,4}-[0-9]{1,4}")
VXLANS = whole(r"[0-9]{1,8}-[0-9]{1,8}")
RATE = whole(r"(?:[1-9][0-9]* ?[kKmMgG](?:bps|b)?)?")
RATE_PARTS = re.compile(r"([1-9][0-9]*) ?([kmg])", re.ASCII | re.IGNORECASE)
PROTOCOL = whole(r"(?:tcp|udp|icmp|[0-9]{1,3})?")
DIRECTION = whole(r"in|out")
ACTION = whole(r"allow|deny")
ENCAP = whole(r"vlan|vxlan")
NETWORK_TYPE = whole(r"(?:infra|data)?")
INFRA_TYPE = whole(r"(?:aci|aci-opflex|default)?")
FORWARDING = whole(r"(?:bridge|routing)?")
ARP = whole(r"(?:proxy|flood)?")
YES_NO = whole(r"yes|no")
_PATH = r"topology/pod-[0-9]{1,4}/paths-[0-9]{1,4}/pathep-\[eth[0-9]{1,2}/[0-9]{1,2}\]"
_NODE = r"topology/pod-[0-9]{1,4}/node-[0-9]{1,4}"
PATHS = whole(rf"(?:{_PATH}(?:,{_PATH})*)?")
NODES = whole(rf"(?:{_NODE}(?:,{_NODE})*)?")
GLOBAL = whole("global")
ACI_GATEWAY = whole("aciGw")
