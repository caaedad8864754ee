"""The shapes of requests: which members there are, of which type, and what each may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from netmaster import patterns as p
from netmaster.decoding import LARGEST, SMALLEST, ZERO, Type, kind_of, members, typed
from netmaster.linking import link_sets, links
from netmaster.refusal import Refusal

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One member. `longest` 0 is no limit; a number lies in `first`..`last`; `default` stands for nothing said."""

    type: Type = "string"
    pattern: re.Pattern[str] = p.ANYTHING
    longest: int = 0
    first: int = 0
    last: int = LARGEST
    default: Any = None

    def check(self, name: str, value: Any) -> None:
        """Raises Refusal with Contiv's words."""
        if "\0" in (value if self.type == "string" else "".join(value) if self.type == "[]string" else ""):
            # No database keeps it.
            raise Refusal(f"{name} string invalid format")
        if self.type == "string":
            # Go counts bytes.
            if self.longest and len(value if value.isascii() else value.encode(errors="replace")) > self.longest:
                raise Refusal(f"{name} string too long")
            if not self.pattern.match(value):
                raise Refusal(f"{name} string invalid format")
        elif self.type == "int" and not self.first <= value <= self.last:
            raise Refusal(f"{name} Value Out of bound")


class Part(Protocol):
    """What reads a member that is an object. `type` is Go's, `path` is where the member is in the whole request."""

    @property
    def type(self) -> str: ...

    def read(self, given: Mapping[str, Any], path: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Struct:
    """One kind of object. `name` and `package` are Go's; `key` are the members whose values, joined by colons, are its
    key, and `parts` those that are objects."""

    name: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    parts: Mapping[str, Part] = field(default_factory=dict)
    package: str = "contivModel"
    #: Its members by their names, exact and in small letters.
    known: Mapping[str, str] = field(init=False)
    #: Its fields in the order in which they are looked at: capitals first, so that DSCP is before bandwidth.
    ordered: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = ("key", *self.fields, *self.parts)
        known = {name.casefold(): name for name in reversed(names)} | {name: name for name in names}
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "ordered", tuple(sorted(self.fields)))

    @property
    def type(self) -> str:
        return f"{self.package}.{self.name}"

    def read(self, value: Any, path: str = "") -> Body:
        """The members of a request, with `link-sets` and `links` where they were sent. Raises Refusal in the decoder's
        words, for the first that is of a wrong type."""
        body = {name: ZERO[one.type]() for name, one in self.fields.items()}
        if value is None:
            return body
        if not isinstance(value, dict):
            raise Refusal(f"json: cannot unmarshal {kind_of(value)} into Go value of type {self.type}")
        for said, given in value.items():
            name = self._named(said)
            if name is not None and given is not None:
                self._take(body, name, given, f"{path}.{name}" if path else name)
        return body

    def _named(self, said: str) -> str | None:
        """The member meant: Go prefers its exact name and takes any case."""
        return self.known.get(said) or self.known.get(said.casefold())

    def _take(self, body: Body, name: str, given: Any, path: str) -> None:
        place = f"Go struct field {self.name}.{path}"
        if name in self.parts:
            part = self.parts[name]
            body[name] = part.read(members(given, place, part.type), path)
            return
        taken = typed(self.fields[name].type if name in self.fields else "string", given, place)
        if name in self.fields:
            body[name] = taken

    def key_of(self, body: Body) -> str:
        return ":".join(body[name] for name in self.key)

    def check(self, body: Body) -> None:
        """Fill in defaults, then each member in the order of the names; the first that is wrong is refused."""
        for name, one in self.fields.items():
            if one.default is not None and not body[name]:
                body[name] = one.default
        for name in self.ordered:
            self.fields[name].check(name, body[name])


def name(longest: int = 64) -> Field:
    return Field(pattern=p.NAME, longest=longest)


def reference() -> Field:
    return Field(pattern=p.REFERENCE, longest=64)


def whole(last: int, first: int = 0, default: int | None = None) -> Field:
    return Field("int", first=first, last=last, default=default)


def texts() -> Field:
    return Field("[]string")


def text(pattern: re.Pattern[str], longest: int = 0, default: str | None = None) -> Field:
    return Field(pattern=pattern, longest=longest, default=default)


def choice(pattern: re.Pattern[str]) -> Field:
    return Field(pattern=pattern, longest=64)


def struct(name: str, key: tuple[str, ...], sets: str, linked: str, /, **fields: Field) -> Struct:
    """`sets` and `linked` are the names of its sets of links and of its links, "" where it has none at all, not even
    empty. `neighbor_as` stands for neighbor-as: a dash cannot be in a keyword."""
    parts: dict[str, Part] = {"link-sets": link_sets(name, tuple(sets.split()))} if sets else {}
    parts |= {"links": links(name, tuple(linked.split()))} if linked else {}
    return Struct(name, key, {member.replace("_", "-"): one for member, one in fields.items()}, parts)


TENANT = struct(
    "Tenant",
    ("tenantName",),
    "AppProfiles EndpointGroups NetProfiles Networks Policies Servicelbs VolumeProfiles Volumes",
    "",
    tenantName=name(),
    defaultNetwork=reference(),
)
NETWORK = struct(
    "Network",
    ("tenantName", "networkName"),
    "EndpointGroups Servicelbs Services",
    "Tenant",
    networkName=name(),
    tenantName=name(),
    cfgdTag=text(p.NAME_OR_NONE, 128),
    encap=text(p.ENCAP),
    nwType=text(p.NETWORK_TYPE, default="data"),
    # A negative tag is refused with the words for tags, later on.
    pktTag=whole(16777216, first=SMALLEST),
    subnet=text(p.SUBNET),
    gateway=text(p.IP4_OR_NONE),
    ipv6Subnet=text(p.SUBNET6_OR_NONE),
    ipv6Gateway=text(p.IP6_OR_NONE),
)
GROUP = struct(
    "EndpointGroup",
    ("tenantName", "groupName"),
    "ExtContractsGrps MatchRules Policies Services",
    "AppProfile NetProfile Network Tenant",
    groupName=name(),
    tenantName=name(),
    networkName=name(),
    ipPool=text(p.POOL),
    policies=texts(),
    extContractsGrps=texts(),
    netProfile=text(p.ANYTHING, 64),
    cfgdTag=text(p.NAME_OR_NONE, 128),
)
POLICY = struct(
    "Policy", ("tenantName", "policyName"), "EndpointGroups Rules", "Tenant", policyName=name(), tenantName=name()
)
RULE = struct(
    "Rule",
    ("tenantName", "policyName", "ruleId"),
    "Policies",
    "MatchEndpointGroup",
    tenantName=name(),
    policyName=name(),
    ruleId=name(),
    direction=text(p.DIRECTION),
    priority=whole(100, first=1, default=1),
    action=text(p.ACTION),
    protocol=text(p.PROTOCOL),
    # There is no port below 0 and no protocol above 255: such a rule matches nothing.
    port=whole(65535, first=SMALLEST),
    fromEndpointGroup=reference(),
    toEndpointGroup=reference(),
    fromNetwork=reference(),
    toNetwork=reference(),
    fromIpAddress=text(p.RULE_ADDRESS),
    toIpAddress=text(p.RULE_ADDRESS),
)
PROFILE = struct(
    "Netprofile",
    ("tenantName", "profileName"),
    "EndpointGroups",
    "Tenant",
    profileName=text(p.PROFILE_NAME, 64),
    # Of a profile it is not looked at: no tenant is called so.
    tenantName=text(p.ANYTHING),
    bandwidth=text(p.RATE, 64),
    # There is no mark below 0: packets keep theirs.
    DSCP=whole(63, first=SMALLEST),
    burst=whole(10486),
)
APP_PROFILE = struct(
    "AppProfile", ("tenantName", "appProfileName"), "EndpointGroups", "Tenant",
    appProfileName=name(), tenantName=name(), endpointGroups=texts(),
)  # fmt: skip
CONTRACTS = struct(
    "ExtContractsGroup", ("tenantName", "contractsGroupName"), "EndpointGroups", "",
    contractsGroupName=name(), tenantName=name(), contractsType=text(p.ANYTHING), contracts=texts(),
)  # fmt: skip
SERVICE = struct(
    "ServiceLB",
    ("tenantName", "serviceName"),
    "",
    "Network Tenant",
    serviceName=name(256),
    tenantName=name(),
    networkName=name(),
    ipAddress=text(p.IP4_OR_NONE, 15),
    selectors=texts(),
    ports=texts(),
)
BGP = struct(
    "Bgp",
    ("hostname",),
    "",
    "",
    hostname=name(256),
    routerip=text(p.PREFIX),
    neighbor=text(p.IP4_OR_NONE, 15),
    neighbor_as=text(p.ANYTHING, 64),
    **{"as": text(p.ANYTHING, 64)},
)
GLOBAL = struct(
    "Global",
    ("name",),
    "",
    "",
    name=choice(p.GLOBAL),
    networkInfraType=choice(p.INFRA_TYPE),
    vlans=text(p.VLANS),
    vxlans=text(p.VXLANS),
    fwdMode=choice(p.FORWARDING),
    arpMode=choice(p.ARP),
    pvtSubnet=text(p.PRIVATE),
)
ACI = struct(
    "AciGw",
    ("name",),
    "",
    "",
    name=choice(p.ACI_GATEWAY),
    physicalDomain=name(128),
    pathBindings=text(p.PATHS, 2048),
    nodeBindings=text(p.NODES, 2048),
    enforcePolicies=choice(p.YES_NO),
    includeCommonTenant=choice(p.YES_NO),
)
VOLUME = struct(
    "Volume", ("tenantName", "volumeName"), "EndpointGroups", "Tenant", tenantName=name(), volumeName=name()
)
VOLUME_PROFILE = struct(
    "VolumeProfile",
    ("tenantName", "volumeProfileName"),
    "Volumes",
    "Tenant",
    tenantName=name(),
    volumeProfileName=name(),
)
