"""Labels, key → value by Kubernetes' rules, and the selectors that choose objects by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: A name is what a value is, only not empty; a key may have a DNS name and a slash before it.
NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
DNS = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
LONGEST_KEY, LONGEST_VALUE = 253 + 1 + 63, 63
#: What one object may have, and one selector may ask.
MOST, MOST_REQUIREMENTS, MOST_VALUES = 64, 16, 64

Labels = Mapping[str, str]
KEY_RULE = (
    "A key is 1 to 63 letters, digits, dashes, underscores and dots, beginning and ending with a letter or digit, "
    "for example tier; a domain may stand before it, as in example.com/tier."
)
VALUE_RULE = (
    "A value is up to 63 letters, digits, dashes, underscores and dots, beginning and ending with a letter or digit, "
    "for example web; it may be empty."
)
SELECTOR_RULE = (
    "Write requirements with commas between them: tier=web, env!=prod, tier in (web,db), env notin (dev,test), owner, "
    "or !owner."
)


class LabelError(ValueError):
    """No label, or no selector; the sentence says what would be one."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a selector asks of one key: with `wanted`, that it is there with one of the values (none: with any), else
    that it is not."""

    key: str
    values: tuple[str, ...] = ()
    wanted: bool = True

    def holds(self, labels: Labels) -> bool:
        there = self.key in labels and (not self.values or labels[self.key] in self.values)
        return there == self.wanted


def wrong_with(labels: Labels) -> Iterator[str]:
    """A sentence for each label that is none, and for too many."""
    if len(labels) > MOST:
        yield f"An object has at most {MOST} labels; these are {len(labels)}."
    for key, value in labels.items():
        try:
            check_key(key)
            check_value(value)
        except LabelError as error:
            yield str(error)


def check_key(key: object) -> str:
    said = key if isinstance(key, str) else ""
    domain, slash, name = said.rpartition("/")
    if not NAME.fullmatch(name) or (slash and not DNS.fullmatch(domain)):
        raise LabelError(f"“{str(key)[:80]}” cannot be the key of a label. {KEY_RULE}")
    return said


def check_value(value: object) -> str:
    if not isinstance(value, str) or (value and not NAME.fullmatch(value)):
        raise LabelError(f"“{str(value)[:80]}” cannot be the value of a label. {VALUE_RULE}")
    return value


def parse(text: str) -> dict[str, str]:
    """Labels as people type them, "tier=web, env=prod". A key without “=” has the empty value."""
    found: dict[str, str] = {}
    for part in filter(None, re.split(r"[ ,]+", re.sub(" ?= ?", "=", " ".join(text.split())))):
        key, _, value = part.partition("=")
        if key in found:
            raise LabelError(f"“{key[:80]}” is there twice. Give each key one value.")
        found[check_key(key)] = check_value(value)
    return found


def written(labels: Labels) -> str:
    """Labels as `parse` reads them, in the order of their keys."""
    return ", ".join(f"{key}={labels[key]}" for key in sorted(labels))


#: What stands before each comma that is in no parentheses. However long a text is, it is gone through once.
REQUIREMENTS = re.compile(r"((?:[^,(]+|\([^()]*\)|\()*),")


def parse_selector(text: str) -> tuple[Requirement, ...]:
    """Kubernetes' grammar. Raises LabelError naming the part that is no requirement; nothing at all is none."""
    parts = [part.strip() for part in REQUIREMENTS.findall(f"{text},")]
    if len(parts) > MOST_REQUIREMENTS:
        raise LabelError(f"A selector has at most {MOST_REQUIREMENTS} requirements; these are {len(parts)}.")
    if not any(parts):
        raise LabelError(f"This asks for nothing. {SELECTOR_RULE}")
    return tuple(_requirement(part) for part in parts)


SET = re.compile(r"(?P<key>\S+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")


def _requirement(part: str) -> Requirement:
    if found := SET.fullmatch(part):
        values = tuple(sorted({check_value(value.strip()) for value in found["values"].split(",")}))
        if len(values) > MOST_VALUES:
            raise LabelError(f"A requirement names at most {MOST_VALUES} values; these are {len(values)}.")
        return Requirement(check_key(found["key"]), values, found["word"] == "in")
    key, equals, value = part.partition("=")
    if equals:
        if key.endswith("!"):
            return Requirement(_key_of(key[:-1], part), (check_value(value.strip()),), wanted=False)
        return Requirement(_key_of(key, part), (check_value(value.removeprefix("=").strip()),))
    return Requirement(_key_of(part.removeprefix("!"), part), wanted=not part.startswith("!"))


def _key_of(key: str, part: str) -> str:
    try:
        return check_key(key.strip())
    except LabelError:
        raise LabelError(f"“{part[:80]}” is no requirement on a label. {SELECTOR_RULE}") from None
