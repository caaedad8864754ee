"""Nothing changes for others when a tenant comes to be."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from tests.leaks import declared, walk
from tests.leaks.answers import told
from tests.leaks.house import SECRET, Asker, by_session, ours, theirs
from tests.pages import FOLDERS, OTHERS, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")

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
            asked += [f"{path}?{query}" for query in queries]
        if operation.path == "events/":
            asked += [f"{path}?since=0&tenant=home", f"{path}?since=0&tenant={SECRET}-tenant"]
        found |= {one: told(asker.ask("GET", one)) for one in asked}
    for name, keyed in walk.pages().items():
        kind = name.partition(".")[0]
        if name in ("healthz", "logout", "invitation", *NEVER_THE_SAME) or kind in ("node", "bgp", "aci", "user"):
            continue
        url = reverse(name, args=[keys[(FOLDERS | OTHERS)[kind]]] if keyed else [])
        asked = [url, *([f"{url}?q={SECRET}"] if name.endswith(".list") else [])]
        if url.startswith("/account/factors/"):
            continue  # A new secret each time.
        if asker.user is not None:
            found |= {one: told(asker.ask("GET", one)) for one in asked}
    return found


def test_nothing_an_outsider_reads_changes_when_another_tenant_comes_to_be(db: None, settings: Any) -> None:
    """Lists, pages, searches, counts, ETags, refusals: byte for byte."""
    settings.API_RATE = 0
    _home, people, keys = ours()
    outsider = by_session("another tenant's owner", people["owner"])
    before = looked_at(outsider, keys)
    theirs()
    after = looked_at(outsider, keys)
    assert [url for url in after if after[url] != before[url]] == []
