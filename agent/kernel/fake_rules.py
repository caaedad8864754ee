"""A small reader of nft's rules, as much as the pipeline uses: the fake judges packets by the very objects the kernel
would be given, not by the spec they came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from agent.kernel.fake_space import Space
from agent.kernel.intervals import bounds, numbered
from core.ruleset import Chain, Element, Hook

#: What a packet carries, by nft's words: "ip saddr", "th dport", "meta mark", "ct state" …; absent: it has none.
Fields = dict[str, str | int]

VERDICTS = ("accept", "drop", "return", "jump", "goto")
#: Names nft has for numbers that the pipeline writes as names.
NAMES = {
    "icmp": 1,
    "tcp": 6,
    "udp": 17,
    "ipv6-icmp": 58,
    "echo-request": {"icmp type": 8, "icmpv6 type": 128},
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
}
EXPRESSION = re.compile(
    r"(?:ip6? (?:saddr|daddr|dscp|hdrlength|hoplimit)|icmp(?:v6)? type|meta (?:mark|l4proto)|th [sd]port"
    r"|ct (?:state|mark|direction)|iifname|ether (?:saddr|daddr|type)"
    r"|arp (?:operation|saddr ip|saddr ether)|@th,64,128)"
)
#: What only tells or counts, and so decides nothing.
TELLING = re.compile(r'limit rate \S+ burst \d+ packets|log prefix "[^"]*" group \d+ snaplen \d+|counter')
VALUE = re.compile(r'\{[^}]*\}|"[^"]*"|\S+')


class UnknownRule(Exception):
    """A rule in words this reader does not know: it must learn them, a guess would make the fake a liar."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges packets of `size` bytes by the nft objects of a namespace, and counts there what it counts."""

    space: Space
    size: int = 100

    def judge(self, family: str, hook: str, packet: Fields) -> str:
        """The verdict of a hook: "accept" or "drop". Without a chain there is nothing to say no."""
        bases = [
            c for c in self.space.objects.values() if isinstance(c, Chain) and (c.family, _at(c.hook)) == (family, hook)
        ]
        for base in sorted(bases, key=lambda chain: chain.hook.priority if chain.hook else 0):
            verdict = self._run(base, packet)
            if (verdict if verdict in ("accept", "drop") else base.hook.policy if base.hook else "") == "drop":
                return "drop"
        return "accept"

    def _run(self, chain: Chain, packet: Fields) -> str:
        """accept, drop, or "return" where the chain came to its end."""
        self.space.denied += (chain.family, chain.name) == ("inet", "deny")
        self.space.spoofed += (chain.family, chain.name) == ("bridge", "spoofed")
        for rule in chain.rules:
            verdict = self._apply(chain.family, rule, packet)
            if verdict.startswith("jump "):
                verdict = self._run(self._chain(chain.family, verdict[5:]), packet)
                verdict = "" if verdict == "return" else verdict
            elif verdict.startswith("goto "):
                return self._run(self._chain(chain.family, verdict[5:]), packet)
            if verdict:
                return verdict
        return "return"

    def _chain(self, family: str, name: str) -> Chain:
        found = self.space.objects[("chain", family, name)]
        assert isinstance(found, Chain)
        return found

    def _apply(self, family: str, rule: str, packet: Fields) -> str:
        """What a rule says of a packet: a verdict, or "" where it does not match or only alters."""
        rest = rule
        while rest:
            if rest.split()[0] in VERDICTS:
                return rest
            if told := TELLING.match(rest):
                rest = rest[told.end() :].strip()
                continue
            verdict, rest = self._step(family, rest, packet)
            if verdict is not None:
                return verdict
        return ""

    def _step(self, family: str, text: str, packet: Fields) -> tuple[str | None, str]:
        """One match or alteration at the head of `text`: (verdict that ends the rule or None, what is left)."""
        names, rest = _expressions(text)
        if not names:
            raise UnknownRule(text)
        if rest.startswith("vmap @"):
            found = self._find(family, rest.split()[1][1:], names, packet)
            return (found.data if found else ""), ""
        if rest.startswith("set "):
            return self._alter(family, names[0], rest[4:], packet)
        return self._match(family, names, rest, packet)

    def _alter(self, family: str, name: str, text: str, packet: Fields) -> tuple[str | None, str]:
        keys, rest = _expressions(text)
        if keys:
            found = self._find(family, rest.split()[1][1:], keys, packet)
            if found is None:
                return "", ""
            packet[name] = int(found.data)
            return None, " ".join(rest.split()[2:])
        value, _, rest = text.partition(" ")
        if name.split()[0] in ("ip", "ip6") and f"{name.split()[0]} saddr" not in packet:
            return "", ""
        packet[name] = int(value)
        return None, rest

    def _match(self, family: str, names: list[str], text: str, packet: Fields) -> tuple[str | None, str]:
        mask, text = _masked(text)
        operator, text = (text[:2], text[3:]) if text[:2] in ("!=", "==") else ("==", text)
        value = VALUE.match(text)
        assert value, text
        if any(name not in packet for name in names):
            return "", ""
        if value[0].startswith("@"):
            equal = self._find(family, value[0][1:], names, packet, count=operator == "==") is not None
        else:
            equal = _equal(names[0], packet[names[0]], value[0], mask)
        return (None if equal == (operator == "==") else ""), text[value.end() :].strip()

    def _find(self, family: str, name: str, names: list[str], packet: Fields, *, count: bool = True) -> Element | None:
        """The element of a set that the packet's fields meet."""
        values = [packet.get(each) for each in names]
        if None in values:
            return None
        for key, thing in self.space.objects.items():
            if key[:3] == ("element", family, name) and isinstance(thing, Element):
                parts = thing.match.split(" . ")
                if all(within(value, part) for value, part in zip(values, parts, strict=True) if value is not None):
                    self._hit(thing, count)
                    return thing
        return None

    def _hit(self, element: Element, count: bool) -> None:
        if count and element.comment:
            packets, size = self.space.hits.get(element.key, (0, 0))
            self.space.hits[element.key] = (packets + 1, size + self.size)


def _at(hook: Hook | None) -> str:
    return hook.hook if hook else ""


def _expressions(text: str) -> tuple[list[str], str]:
    """The fields at the head of `text`, joined by dots, and what follows them."""
    names: list[str] = []
    while found := EXPRESSION.match(text):
        names.append(found[0])
        text = text[found.end() :].strip()
        if not text.startswith(". "):
            break
        text = text[2:]
    return names, text


def _masked(text: str) -> tuple[str, str]:
    if not text.startswith("& "):
        return "", text
    _, mask, rest = text.split(" ", 2)
    return mask, rest


def _equal(name: str, value: str | int, wanted: str, mask: str) -> bool:
    if mask:
        return _hex(str(value)) & _hex(mask) == _hex(wanted)
    options = wanted.strip("{} ").split(",")
    return any(within(value, _number(name, option.strip())) for option in options)


def _hex(mac: str) -> int:
    return int(mac.replace(":", ""), 16)


def _number(name: str, word: str) -> str:
    known = NAMES.get(word, word)
    return str(known[name] if isinstance(known, dict) else known)


def within(value: str | int, part: str) -> bool:
    """Whether a field's value lies in one part of an element: a value, a closed interval or a prefix."""
    if part.startswith('"'):
        wanted = part.strip('"')
        return str(value).startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
    if not isinstance(value, int) and not _is_address(value):
        return value == part
    low, high = bounds(part)
    number = (0, value) if isinstance(value, int) else numbered(value)
    return low <= number <= high


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
