"""What Contiv answers to an update: the request, read and written again. What is stored is for a GET to say."""

from __future__ import annotations

from collections.abc import Iterable

from netmaster.structs import Body
from netmaster.wire import filled

#: What a request may carry of links, apart from its own members.
CARRIED = ("link-sets", "links")


def echo(key: str, body: Body, sets: bool, links: Iterable[str] | None) -> Body:
    """The members that were sent, and of links those that were sent along, which most clients leave empty. Whether its
    kind has `sets` of links, and the names of its `links`; None: it has none of them, not even empty."""
    said = {"key": key} | filled({name: value for name, value in body.items() if name not in CARRIED})
    if sets:
        said["link-sets"] = body.get("link-sets", {})
    if links is not None:
        sent = body.get("links", {})
        said["links"] = {name: sent.get(name, {}) for name in sorted(links)}
    return said
