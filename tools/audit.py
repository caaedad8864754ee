"""`python tools/audit.py requirements.lock`: is a pinned dependency known to be vulnerable, or withdrawn by its makers?

Exit status 1 when one is. pip-audit asks databases of vulnerabilities; where they cannot be reached, or know nothing of
what is pinned, the package index that pip uses here is asked which versions were withdrawn. Where neither answers that
is said, and is no failure: it says nothing of the dependencies.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

PIP_AUDIT = "pip-audit==2.10.1"
INSTALL_S, AUDIT_S, INDEX_S = 90, 90, 150


class Unanswered(Exception):
    """Nobody could be asked. Its text says why."""


def main() -> None:
    locks = [Path(name) for name in sys.argv[1:]]
    for ask in (vulnerable, withdrawn):
        try:
            found = ask(locks)
        except Unanswered as error:
            print(f"{ask.__name__}: not known, {error}")
            continue
        print("\n".join(found) or f"{ask.__name__}: none")
        sys.exit(1 if found else 0)


def vulnerable(locks: list[Path]) -> list[str]:
    """A line per pinned version with a known vulnerability."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        run([f"{folder}/bin/pip", "install", "-q", PIP_AUDIT], INSTALL_S)
        asked = [f"--requirement={lock}" for lock in locks]
        options = ["--disable-pip", "--no-deps", "--format=json", "--progress-spinner=off", "--timeout=10"]
        done = run([f"{folder}/bin/pip-audit", *options, *asked], AUDIT_S, fine=(0, 1))
    return judge(done.stdout)


def judge(report: str) -> list[str]:
    """What pip-audit's report says. Raises Unanswered when it knew of none of them."""
    try:
        rows: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        raise Unanswered("pip-audit gave no report") from None
    audited = [row for row in rows if "skip_reason" not in row]
    if not audited:
        raise Unanswered("no database that can be reached knows these versions")
    return [
        f"{row['name']} {row['version']} is vulnerable: {each['id']}"
        + (f", mended in {', '.join(each['fix_versions'])}" if each.get("fix_versions") else "")
        for row in audited
        for each in row.get("vulns", ())
    ]


def withdrawn(locks: list[Path]) -> list[str]:
    """A line per pinned version that its makers withdrew (yanked), as the index says."""
    options = ["--dry-run", "--ignore-installed", "--no-deps", "--disable-pip-version-check"]
    asked = [word for lock in locks for word in ("-r", str(lock))]
    done = run([sys.executable, "-m", "pip", "install", *options, *asked], INDEX_S)
    return yanked(done.stdout + done.stderr)


def yanked(said: str) -> list[str]:
    """From what pip warns of: "… is a yanked version: 'x' candidate (version 1.2 at https://…"."""
    found = re.findall(r"yanked version: '([^']+)' candidate \(version (\S+)", said)
    return [f"{name} {version} was withdrawn by its makers" for name, version in found]


def run(command: list[str], seconds: float, fine: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unanswered(str(error)) from None
    if done.returncode not in fine:
        raise Unanswered((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    return done


if __name__ == "__main__":
    main()
