"""Nothing changes for others when a tenant comes to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from netmaster.kinds import KINDS as DIALECT_KINDS
from tests.leaks import declared, walk
from tests.leaks.answers import told
from tests.leaks.house import SECRET, SUBNET, Asker, by_dialect, by_session, ours, theirs
from tests.pages import FOLDERS, OTHERS, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")

#: What the marked tenant has, by the filter that would find it; by others it is looked for by name.
VALUES = dict.fromkeys(("ip4", "source", "destination", "contains", "addresses"), f"{SUBNET}.1") | {
    "subnet4": f"{SUBNET}.0/24",
    "mac": "02:02:4d:42:37:01",
    "name": f"{SECRET}-net",
}
#: Pages that show a secret made for them, and so are never the same.
NEVER_THE_SAME = ("factors.app", "factors.key")


def looked_at(asker: Asker, keys: dict[str, Any]) -> dict[str, str]:
    """All she can read, with what lists, searches and counts can be asked."""
    found: dict[str, str] = {}
    for operation in walk.operations():
        if operation.method != "GET":
            continue
        path = "/api/v2/" + operation.path.format_map(walk.Keys(pk=keys.get(operation.kind)))
        asked = [path]
        if operation.kind in declared.KINDS and operation.rest == "":
            queries = ("count=true", f"search={SECRET}&count=true", f"tenant={SECRET}-tenant")
            asked += [f"{path}?{query}" for query in (*queries, *filters(operation.kind))]
        if operation.path == "events/":
            asked += [f"{path}?since=0&tenant=home", f"{path}?since=0&tenant={SECRET}-tenant"]
        if operation.path == "search/":
            asked += [f"{path}?q={SECRET}", f"{path}?q=a", f"{path}?q=a&tenant={SECRET}-tenant"]
        found |= {one: told(asker.ask("GET", one)) for one in asked}
    for name, keyed in walk.pages().items():
        kind = name.partition(".")[0]
        if name in ("healthz", "logout", "invitation", *NEVER_THE_SAME) or kind in ("node", "bgp", "aci", "user"):
            continue
        url = reverse(name, args=[keys[(FOLDERS | OTHERS)[kind]]] if keyed else [])
        asked = [url, *([f"{url}?q={SECRET}"] if name.endswith(".list") or name == "search" else [])]
        if url.startswith("/account/factors/"):
            continue  # A new secret each time.
        found |= {one: told(asker.ask("GET", one)) for one in asked}
    return found | by_the_dialect(asker)


def filters(kind: str) -> Iterator[str]:
    """Every filter of a list, by what the marked tenant has."""
    for name in walk.VIEWS[kind].filterset_class.base_filters if kind in walk.VIEWS else ():
        yield f"{name}={VALUES.get(name, f'{SECRET}-{name}')}&count=true"


def by_the_dialect(asker: Asker) -> dict[str, str]:
    """What Contiv's clients are told: lists, and each object with its state, of hers and of theirs."""
    assert asker.user
    asks = Asker(asker.name, by_dialect(asker.user))
    asked = [f"{collection}/" for collection in declared.COLLECTIONS]
    for collection, kind in DIALECT_KINDS.items():
        for key in {*(kind.key(row) for row in kind.rows()), f"{SECRET}-tenant:{SECRET}-net", f"{SECRET}-tenant"}:
            asked += [f"{collection}/{key}/", f"inspect/{collection}/{key}/"]
    asked += [f"inspect/endpoints/{key}/" for key in ("home-endpoint", f"{SECRET}-endpoint")]
    return {one: told(asks.ask("GET", f"/api/v1/{one}")) for one in sorted(asked)}


def test_nothing_an_outsider_reads_changes_when_another_tenant_comes_to_be(db: None, settings: Any) -> None:
    """Lists, pages, searches, counts, ETags, refusals: byte for byte."""
    settings.API_RATE = 0
    _home, people, keys = ours()
    outsider = by_session("another tenant's owner", people["owner"])
    before = looked_at(outsider, keys)
    theirs()
    after = looked_at(outsider, keys)
    assert [url for url in before if after[url] != before[url]] == []
