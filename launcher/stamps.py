"""How a start tells what is done already: digests of what preparing depends on, kept beside its results. No Django."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from launcher.settings import ROOT, Settings

MIGRATIONS = ("*/migrations/*.py",)
#: The lock file stands for the static files that packages bring.
STATIC = ("static/**/*", "requirements.lock")


def digest_of(patterns: Iterable[str]) -> str:
    """Of the names and contents of the files of ours that match."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}):
        digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprint(settings: Settings) -> str:
    """Of everything that can make preparing necessary before the first request."""
    netmaster = bool(settings.netmaster_port)
    wanted = (settings.lab_nodes, settings.demo, settings.database_url, netmaster, digest_of([*MIGRATIONS, *STATIC]))
    return hashlib.sha256(repr(wanted).encode()).hexdigest()


def is_prepared(settings: Settings) -> bool:
    """Whether the last preparation was for what there is now. A database elsewhere may have been emptied: never."""
    if settings.database_url or not (settings.data / "contivui.sqlite3").exists():
        return False
    return reads(settings.data / "prepared", fingerprint(settings))


def reads(stamp: Path, text: str) -> bool:
    return stamp.exists() and stamp.read_text() == text


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on; whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    fresh.replace(path)
