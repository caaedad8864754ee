"""What the real netmaster answered, request by request, where a recording of it lies beside the project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from netmaster.tests.stage import PORT
from tenants.actions import create_tenant
from tenants.change import SYSTEM

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT.parent / "shared" / "contiv" / "transcript-http.jsonl"
DIFFERENCES = ROOT / "docs" / "contiv-differences.tsv"
#: What depends on the machine and the moment.
VOLATILE = {"GitCommit", "Version", "BuildTime", "local-ip", "leader-ip", "netmaster-nodes", "netplugin-nodes"} | {
    "current-state",
    "freeVXLANsStart",
}


def listed() -> dict[int, str]:
    """The differences that are meant: number → class. Each has its reason."""
    found = {}
    for line in DIFFERENCES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            number, kind, request, reason = line.split("\t")
            assert request and reason.endswith("."), line
            found[int(number)] = kind
    return found


def plain(value: Any) -> Any:
    """A value without what is volatile; lists in an order of their own, since Contiv's have none."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        inner = [plain(one) for one in value]
        objects = bool(inner) and all(isinstance(one, dict) for one in inner)
        return sorted(inner, key=lambda one: json.dumps(one, sort_keys=True)) if objects else inner
    return value


def read(body: str) -> Any:
    try:
        return plain(json.loads(body))
    except ValueError:
        return body.strip()


def difference(recorded: dict[str, Any], status: int, body: str) -> str:
    """ "" where both said the same; else "status" (one refused), "message" (both, otherwise) or "body"."""
    if (recorded["status"] == 200) != (status == 200):
        return "status"
    if status != 200:
        # Status 0 is a connection that Contiv dropped: any refusal is as good.
        lines = [text.strip().partition("\n")[0] for text in (recorded["resp_body"], body)]
        return "" if not recorded["status"] or lines[0] == lines[1] else "message"
    return "" if recorded["method"] == "HEAD" or read(recorded["resp_body"]) == read(body) else "body"


def replayed() -> Iterator[tuple[int, str]]:
    client = Client()
    for line in RECORDING.read_text(encoding="utf-8").splitlines():
        recorded = json.loads(line)
        answer = client.generic(
            recorded["method"],
            recorded["path"] or "/",
            recorded["req_body"],
            content_type=recorded.get("req_content_type") or "application/octet-stream",
            SERVER_PORT=str(PORT),
        )
        yield recorded["seq"], difference(recorded, answer.status_code, answer.content.decode("utf-8", "replace"))


@pytest.mark.skipif(not RECORDING.exists(), reason="there is no recording of a netmaster beside the project")
@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_it_answers_as_the_recorded_netmaster_did_but_for_the_differences_that_are_listed(port: None) -> None:
    create_tenant(actor=SYSTEM, name="default")
    found = dict(replayed())
    assert len(found) == 725
    assert {number: kind for number, kind in found.items() if kind} == listed()


def test_the_list_of_differences_can_be_read() -> None:
    assert listed()
