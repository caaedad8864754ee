"""How the audit of dependencies judges what it is told; asking is for .ci/run."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parent.parent / "tools" / "audit.py"
SPEC = importlib.util.spec_from_file_location("audit", PATH)
assert SPEC and SPEC.loader
audit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)


def test_a_vulnerability_is_named_with_what_mends_it() -> None:
    rows = [
        {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]},
        {"name": "b", "version": "2", "vulns": []},
        {"name": "c", "skip_reason": "not found"},
    ]
    assert audit.judge(json.dumps({"dependencies": rows})) == ["a 1 is vulnerable: PYSEC-1, mended in 1.1"]
    assert audit.judge(json.dumps({"dependencies": rows[1:]})) == []


@pytest.mark.parametrize("report", ["", "{}", '{"dependencies": [{"name": "c", "skip_reason": "not found"}]}'])
def test_a_report_that_knows_of_nothing_is_no_all_clear(report: str) -> None:
    with pytest.raises(audit.Unanswered):
        audit.judge(report)


def test_a_withdrawn_version_is_found_in_pips_warnings() -> None:
    said = "WARNING: The candidate selected for download is a yanked version: 'x' candidate (version 1.2 at f)\n"
    assert audit.yanked(f"Collecting x\n{said}Reason: broken") == ["x 1.2 was withdrawn by its makers"]
    assert audit.yanked("Collecting x==1.2") == []


def test_what_cannot_be_asked_says_why() -> None:
    with pytest.raises(audit.Unanswered, match="timed out"):
        audit.run([sys.executable, "-c", "import time; time.sleep(9)"], 0.1)
    with pytest.raises(audit.Unanswered, match="no network"):
        audit.run([sys.executable, "-c", "import sys; sys.exit('no network')"], 20)
