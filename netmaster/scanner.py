"""JSON read as Go's decoder reads it: one value from the front of the text, and its words for what is wrong."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, NoReturn

from netmaster.refusal import Refusal

BLANKS = re.compile(r"[ \t\r\n]*")
#: A string as nearly all are: it ends at the next quote, and means what it says.
PLAIN = re.compile('"([^"\\\\\x00-\x1f\ud800-\udfff]*)"')
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
#: Half a surrogate pair is no character; Go puts the replacement in its place.
HALVES = re.compile("[\ud800-\udfff]")
#: Deeper than this Go gives up, too.
DEEPEST = 200


class Number(str):
    """A number as it is written: whether it fits is for the field to say."""


def _no_number(_: str) -> NoReturn:
    raise ValueError


#: Python's own decoder, where both read the same: it is ten times as fast, but has other words for what is wrong, is
#: not content with the first value of a text, and keeps half a pair as it is.
_quick = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_no_number).decode


def decode(text: str) -> Any:
    """The first value of a text: dict, list, str, Number, bool or None. Raises Refusal."""
    if "\\u" not in text and text.count("{") + text.count("[") <= DEEPEST:
        with suppress(ValueError):
            return _quick(text)
    scanner = _Scanner(text)
    scanner.skip()
    if scanner.ended():
        raise Refusal("EOF")
    return scanner.value(0)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def ended(self) -> bool:
        return self.at >= len(self.text)

    def skip(self) -> None:
        self.at = BLANKS.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing, too

    def peek(self) -> str:
        """The next character that is no blank."""
        self.skip()
        if self.ended():
            raise Refusal("unexpected EOF")
        return self.text[self.at]

    def wrong(self, context: str) -> NoReturn:
        if self.ended():
            raise Refusal("unexpected EOF")
        raise Refusal(f"invalid character {quoted(self.text[self.at])} {context}")

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise Refusal("exceeded max depth")
        first = self.peek()
        if first == "{":
            return self.object(depth)
        if first == "[":
            return self.array(depth)
        if first == '"':
            return self.string()
        if first == "-" or first in "0123456789":
            return self.number()
        word = next((word for word in WORDS if word[0] == first), None)
        return self.word(word) if word else self.wrong("looking for beginning of value")

    def word(self, word: str) -> Any:
        for expected in word:
            if self.ended() or self.text[self.at] != expected:
                self.wrong(f"in literal {word} (expecting {quoted(expected)})")
            self.at += 1
        return WORDS[word]

    def number(self) -> Number:
        found = NUMBER.match(self.text, self.at)
        if found is None:
            self.at += 1
            self.wrong("in numeric literal")
        self.at = found.end()
        if not self.ended() and self.text[self.at] == ".":
            self.at += 1
            self.wrong("after decimal point in numeric literal")
        if not self.ended() and self.text[self.at] in "eE":
            self.at += 1
            self.wrong("in exponent of numeric literal")
        return Number(found[0])

    def string(self) -> str:
        if found := PLAIN.match(self.text, self.at):
            self.at = found.end()
            return found[1]
        begun = self.at
        self.at += 1
        while True:
            if self.ended():
                raise Refusal("unexpected EOF")
            one = self.text[self.at]
            if one == '"':
                self.at += 1
                return HALVES.sub("\ufffd", json.loads(self.text[begun : self.at]))
            if one < " ":
                self.wrong("in string literal")
            self.at += 1
            if one == "\\":
                self.escape()

    def escape(self) -> None:
        if self.ended() or (self.text[self.at] not in ESCAPES and self.text[self.at] != "u"):
            self.wrong("in string escape code")
        unicode = self.text[self.at] == "u"
        self.at += 1
        for _ in range(4 if unicode else 0):
            if self.ended() or self.text[self.at] not in "0123456789abcdefABCDEF":
                self.wrong("in \\u hexadecimal character escape")
            self.at += 1

    def array(self, depth: int) -> list[Any]:
        self.at += 1
        found: list[Any] = []
        if self.peek() == "]":
            self.at += 1
            return found
        while True:
            found.append(self.value(depth + 1))
            end = self.peek()
            if end not in ",]":
                self.wrong("after array element")
            self.at += 1
            if end == "]":
                return found

    def object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        found: dict[str, Any] = {}
        if self.peek() == "}":
            self.at += 1
            return found
        while True:
            if self.peek() != '"':
                self.wrong("looking for beginning of object key string")
            name = self.string()
            if self.peek() != ":":
                self.wrong("after object key")
            self.at += 1
            found[name] = self.value(depth + 1)
            end = self.peek()
            if end not in ",}":
                self.wrong("after object key:value pair")
            self.at += 1
            if end == "}":
                return found


def quoted(one: str) -> str:
    """A character as Go quotes it in these messages: of one with several bytes it sees the first."""
    one = chr(one.encode(errors="replace")[0])
    if one == "'":
        return "'\\''"
    if one == '"':
        return "'\"'"
    known = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    hexadecimal = f"\\x{ord(one):02x}"
    return "'" + (known.get(one) or (one if one.isprintable() else hexadecimal)) + "'"
