"""What must outlive the process, on disk: the last good spec and what is plugged in.

The spec is a whole one in `spec.json` and the deltas since then, one line each, in `spec.journal`: a change of one
endpoint costs one line, however large the spec. A delta is written BEFORE it is applied. Were it written after, a
process killed in between would come back to the older spec, undo the change, and take a new tenant's namespace for a
stale one. It is acknowledged after both, so what is lost on the way is sent again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from core.spec import NodeSpec, SpecDelta
from core.wire import apply_delta, decode_delta, encode_delta, whole

log = logging.getLogger("agent.cache")

#: The journal is folded into the whole spec when it is longer than this and longer than the spec itself.
JOURNAL_BYTES = 256 * 1024


class BrokenFile(Exception):
    """A file of ours whose content is not what was written."""


class SpecCache:
    """The last good spec of this node in `folder`. Not for use by two threads at once."""

    def __init__(self, folder: Path) -> None:
        self._whole = folder / "spec.json"
        self._journal = folder / "spec.journal"
        #: Checksum of the whole spec the journal continues; "" before there is one.
        self._base = ""
        self._whole_bytes = 0

    def load(self) -> NodeSpec | None:
        """The last spec noted, None when there is none. A file that is broken is set aside, and the log says so."""
        try:
            payload = read_sealed(self._whole)
            spec = apply_delta(NodeSpec(), decode_delta(json.loads(payload)))
        except FileNotFoundError:
            return None
        except (BrokenFile, ValueError) as error:
            set_aside(self._whole, error)
            return None
        self._base, self._whole_bytes = _checksum(payload), len(payload)
        return self._continue(spec)

    def note(self, deltas: Sequence[SpecDelta], spec: NodeSpec) -> None:
        """Put on disk that `deltas`, one after another, led to `spec`. On return it survives a power failure. Raises
        OSError; what was noted before is then still there."""
        lines = [_line(json.dumps(encode_delta(delta), separators=(",", ":"))) for delta in deltas]
        longest = max(JOURNAL_BYTES, self._whole_bytes)
        starts_anew = not self._base or any(delta.base is None for delta in deltas)
        try:
            if starts_anew or self._journal_bytes() + sum(map(len, lines)) > longest:
                self._fold(spec)
            else:
                self._append(lines)
        except OSError:
            self._base = ""  # A line is missing or torn, and no later one can follow it: next comes a whole spec.
            raise

    def _fold(self, spec: NodeSpec) -> None:
        payload = json.dumps(encode_delta(whole(spec)), separators=(",", ":")).encode()
        # The journal names the whole spec it continues, so killed between these two the old journal is not believed.
        write_sealed(self._whole, payload)
        self._base, self._whole_bytes = _checksum(payload), len(payload)
        self._journal.unlink(missing_ok=True)

    def _append(self, lines: list[bytes]) -> None:
        with self._journal.open("ab") as file:
            if file.tell() == 0:
                file.write(_line(self._base))
            file.writelines(lines)
            file.flush()
            os.fdatasync(file.fileno())

    def _journal_bytes(self) -> int:
        return self._journal.stat().st_size if self._journal.exists() else 0

    def _continue(self, spec: NodeSpec) -> NodeSpec:
        """Follow the journal as far as it is whole, and cut what is not: the next line must not join a torn one."""
        if not self._journal.exists():
            return spec
        content = self._journal.read_bytes()
        good = 0
        for number, line in enumerate(content.splitlines(keepends=True)):
            try:
                text = _unseal_line(line)
                if number == 0 and text != self._base:
                    raise BrokenFile("it continues another spec")
                spec = apply_delta(spec, decode_delta(json.loads(text))) if number else spec
            except (BrokenFile, ValueError) as error:
                log.warning("The journal of the spec is cut after revision %s: %s.", spec.revision, error)
                break
            good += len(line)
        if good < len(content):
            os.truncate(self._journal, good)
        return spec


def write_sealed(path: Path, payload: bytes) -> None:
    """Replace `path` by checksum and payload, all or nothing, whenever the process or the power dies."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(_checksum(payload).encode() + b"\n" + payload)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_sealed(path: Path) -> bytes:
    """The payload written. Raises FileNotFoundError, or BrokenFile when it is not what was written."""
    checksum, _, payload = path.read_bytes().partition(b"\n")
    if checksum.decode("ascii", "replace") != _checksum(payload):
        raise BrokenFile("its checksum differs")
    return payload


def set_aside(path: Path, error: Exception) -> None:
    """Keep a broken file for whoever looks into it, out of the way."""
    aside = path.with_name(f"{path.name}.broken-{time.time_ns()}")
    path.replace(aside)
    log.error("%s cannot be used: %s. It is set aside as %s.", path, error, aside.name)


def _checksum(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def _line(text: str) -> bytes:
    return f"{_checksum(text.encode())[:16]} {text}\n".encode()


def _unseal_line(line: bytes) -> str:
    checksum, _, text = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
    if not line.endswith(b"\n") or checksum != _checksum(text.encode())[:16]:
        raise BrokenFile("a line is torn or altered")
    return text
