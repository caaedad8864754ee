"""The links that a request carries. Contiv reads them with the rest, and writes them again where it answers an update
with what was sent; what is stored is linked by what it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netmaster.decoding import members, typed

#: One link: its type and its key, as far as they were said.
Link = dict[str, str]
#: Under the name of a link or a set of links, what was sent of it.
Sent = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Linked:
    """All links of one kind of object, or all its sets of links. `name` is Go's of this struct, `known` has its members
    by their names, exact and in small letters."""

    name: str
    known: Mapping[str, str]
    #: Reads one member, which is at a path from the object ("links.Tenant") and in a place.
    member: Callable[[Any, str, str], Any]

    @property
    def type(self) -> str:
        return f"contivModel.{self.name}"

    def read(self, given: Mapping[str, Any], path: str) -> Sent:
        """What was sent, in the order of its names; what says nothing is left out. Raises Refusal in the decoder's
        words."""
        found = {}
        for said, value in given.items():
            name = self.known.get(said) or self.known.get(said.casefold())
            if name is not None and value is not None:
                here = f"{path}.{name}"
                found[name] = self.member(value, here, f"Go struct field {self.name}.{here}")
        return {name: found[name] for name in sorted(found) if found[name]}


def links(name: str, names: tuple[str, ...]) -> Linked:
    return Linked(f"{name}Links", _known(names), _link)


def link_sets(name: str, names: tuple[str, ...]) -> Linked:
    return Linked(f"{name}LinkSets", _known(names), _set)


def _known(names: tuple[str, ...]) -> dict[str, str]:
    return {name.casefold(): name for name in names} | {name: name for name in names}


def _set(given: Any, path: str, place: str) -> dict[str, Link]:
    peers = members(given, place, "map[string]modeldb.Link")
    read = {peer: {} if link is None else _link(link, path, place) for peer, link in peers.items()}
    return {peer: read[peer] for peer in sorted(read)}


def _link(given: Any, path: str, place: str) -> Link:
    found = {}
    for said, value in members(given, place, "modeldb.Link").items():
        part = said.casefold()
        if part in ("type", "key") and value is not None:
            found[part] = typed("string", value, f"Go struct field Link.{path}.{part}")
    return {part: found[part] for part in ("type", "key") if found.get(part)}
