"""The shapes of requests: which members there are, of which type, and what each may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from netmaster import patterns as p
from netmaster.refusal import Refusal
from netmaster.scanner import Number

Body = dict[str, Any]
Type = Literal["string", "int", "[]string"]
ZERO: dict[Type, Callable[[], Any]] = {"string": str, "int": int, "[]string": list}
SMALLEST, LARGEST = -(2**63), 2**63 - 1


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
            if self.longest and len(value) > self.longest:
                raise Refusal(f"{name} string too long")
            if not self.pattern.match(value):
                raise Refusal(f"{name} string invalid format")
        elif self.type == "int" and not self.first <= value <= self.last:
            raise Refusal(f"{name} Value Out of bound")


@dataclass(frozen=True, slots=True)
class Struct:
    """One kind of object. `name` and `package` are Go's; `key` are the members whose values, joined by colons, are its
    key, and `parts` those that are objects, with their types."""

    name: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    parts: Mapping[str, str] = field(default_factory=dict)
    package: str = "contivModel"
    #: Its members by their names, exact and in small letters.
    known: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        names = ("key", *self.fields, *self.parts)
        known = {name.casefold(): name for name in reversed(names)} | {name: name for name in names}
        object.__setattr__(self, "known", known)

    def read(self, value: Any) -> Body:
        """The members of a request, with `link-sets` and `links` where they were sent. Raises Refusal in the decoder's
        words, for the first that is of a wrong type."""
        body = {name: ZERO[one.type]() for name, one in self.fields.items()}
        if value is None:
            return body
        if not isinstance(value, dict):
            raise Refusal(f"json: cannot unmarshal {kind_of(value)} into Go value of type {self.package}.{self.name}")
        for said, given in value.items():
            name = self._named(said)
            if name is not None and given is not None:
                self._take(body, name, given)
        return body

    def _named(self, said: str) -> str | None:
        """The member meant: Go prefers its exact name and takes any case."""
        return self.known.get(said) or self.known.get(said.casefold())

    def _take(self, body: Body, name: str, given: Any) -> None:
        place = f"Go struct field {self.name}.{name}"
        if name in self.parts:
            if not isinstance(given, dict):
                raise Refusal(f"json: cannot unmarshal {kind_of(given)} into {place} of type {self.parts[name]}")
            body[name] = given
            return
        taken = typed(self.fields[name].type if name in self.fields else "string", given, place)
        if name in self.fields:
            body[name] = taken

    def key_of(self, body: Body) -> str:
        return ":".join(body[name] for name in self.key)

    def check(self, body: Body) -> None:
        """Fill in defaults, then each member in the order of Go's names; the first that is wrong is refused."""
        for name, one in self.fields.items():
            if one.default is not None and not body[name]:
                body[name] = one.default
        for name in sorted(self.fields, key=lambda name: name[0].upper() + name[1:]):
            self.fields[name].check(name, body[name])


def typed(type: Type, given: Any, place: str) -> Any:
    """A value as Go's decoder puts it into a field of this type."""
    if type == "[]string":
        if not isinstance(given, list):
            raise Refusal(f"json: cannot unmarshal {kind_of(given)} into {place} of type []string")
        return [typed("string", one, place) if one is not None else "" for one in given]
    if type == "string":
        if isinstance(given, Number) or not isinstance(given, str):
            raise Refusal(f"json: cannot unmarshal {kind_of(given)} into {place} of type string")
        return given
    if not isinstance(given, Number):
        raise Refusal(f"json: cannot unmarshal {kind_of(given)} into {place} of type int")
    if not re.fullmatch(r"-?[0-9]+", given) or len(given) > 20 or not SMALLEST <= int(given) <= LARGEST:
        raise Refusal(f"json: cannot unmarshal number {given} into {place} of type int")
    return int(given)


def kind_of(value: Any) -> str:
    """Go's word for a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number):
        return "number"
    words = {str: "string", list: "array", dict: "object"}
    return next((word for kind, word in words.items() if isinstance(value, kind)), "null")


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


def struct(name: str, key: tuple[str, ...], sets: bool, links: bool, /, **fields: Field) -> Struct:
    """`neighbor_as` stands for neighbor-as: a dash cannot be in a keyword."""
    parts = {"link-sets": f"contivModel.{name}LinkSets"} if sets else {}
    parts |= {"links": f"contivModel.{name}Links"} if links else {}
    return Struct(name, key, {member.replace("_", "-"): one for member, one in fields.items()}, parts)


TENANT = struct("Tenant", ("tenantName",), True, False, tenantName=name(), defaultNetwork=reference())
NETWORK = struct(
    "Network",
    ("tenantName", "networkName"),
    True,
    True,
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
    True,
    True,
    groupName=name(),
    tenantName=name(),
    networkName=name(),
    ipPool=text(p.POOL),
    policies=texts(),
    extContractsGrps=texts(),
    netProfile=text(p.ANYTHING, 64),
    cfgdTag=text(p.NAME_OR_NONE, 128),
)
POLICY = struct("Policy", ("tenantName", "policyName"), True, True, policyName=name(), tenantName=name())
RULE = struct(
    "Rule",
    ("tenantName", "policyName", "ruleId"),
    True,
    True,
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
    True,
    True,
    profileName=text(p.PROFILE_NAME, 64),
    # Of a profile it is not looked at: no tenant is called so.
    tenantName=text(p.ANYTHING),
    bandwidth=text(p.RATE, 64),
    # There is no mark below 0: packets keep theirs.
    DSCP=whole(63, first=SMALLEST),
    burst=whole(10486),
)
APP_PROFILE = struct(
    "AppProfile", ("tenantName", "appProfileName"), True, True,
    appProfileName=name(), tenantName=name(), endpointGroups=texts(),
)  # fmt: skip
CONTRACTS = struct(
    "ExtContractsGroup", ("tenantName", "contractsGroupName"), True, False,
    contractsGroupName=name(), tenantName=name(), contractsType=text(p.ANYTHING), contracts=texts(),
)  # fmt: skip
SERVICE = struct(
    "ServiceLB",
    ("tenantName", "serviceName"),
    False,
    True,
    serviceName=name(256),
    tenantName=name(),
    networkName=name(),
    ipAddress=text(p.IP4_OR_NONE),
    selectors=texts(),
    ports=texts(),
)
BGP = struct(
    "Bgp",
    ("hostname",),
    False,
    False,
    hostname=name(256),
    routerip=text(p.PREFIX),
    neighbor=text(p.IP4_OR_NONE),
    neighbor_as=text(p.ANYTHING, 64),
    **{"as": text(p.ANYTHING, 64)},
)
GLOBAL = struct(
    "Global",
    ("name",),
    False,
    False,
    name=text(p.GLOBAL),
    networkInfraType=text(p.INFRA_TYPE),
    vlans=text(p.VLANS),
    vxlans=text(p.VXLANS),
    fwdMode=text(p.FORWARDING),
    arpMode=text(p.ARP),
    pvtSubnet=text(p.PRIVATE),
)
ACI = struct(
    "AciGw",
    ("name",),
    False,
    False,
    name=text(p.ACI_GATEWAY),
    physicalDomain=name(128),
    pathBindings=text(p.PATHS),
    nodeBindings=text(p.NODES),
    enforcePolicies=text(p.YES_NO),
    includeCommonTenant=text(p.YES_NO),
)
VOLUME = struct("Volume", ("tenantName", "volumeName"), True, True, tenantName=name(), volumeName=name())
VOLUME_PROFILE = struct(
    "VolumeProfile", ("tenantName", "volumeProfileName"), True, True, tenantName=name(), volumeProfileName=name()
)
