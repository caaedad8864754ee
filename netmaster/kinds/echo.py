"""What Contiv answers to an update: the request, read and written again. What is stored is for a GET to say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netmaster.scanner import Number
from netmaster.structs import Body
from netmaster.wire import filled


def echo(key: str, body: Body, sets: Iterable[str] | None, links: Iterable[str] | None) -> Body:
    """The members that were sent, and of links those that were sent along, which most clients leave empty. `sets` and
    `links` are the names this kind has; None: it has none of them, not even empty."""
    said = {"key": key} | filled({name: value for name, value in body.items() if name not in ("link-sets", "links")})
    if sets is not None:
        sent = body.get("link-sets", {})
        said["link-sets"] = {name: _set(sent[name]) for name in sorted(sets) if _set(sent.get(name))}
    if links is not None:
        said["links"] = {name: _link(body.get("links", {}).get(name)) for name in sorted(links)}
    return said


def _set(sent: Any) -> Body:
    return {peer: _link(link) for peer, link in sorted(sent.items())} if isinstance(sent, dict) else {}


def _link(sent: Any) -> Body:
    said = sent if isinstance(sent, dict) else {}
    texts = {part: said[part] for part in ("type", "key") if isinstance(said.get(part), str) and said[part]}
    return {part: text for part, text in texts.items() if not isinstance(text, Number)}
