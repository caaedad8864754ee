"""What a node proves itself with, in its state folder: key and certificate in one file, the authority it trusts, and
what was settled when it joined."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CERTIFICATE, AUTHORITY, JOINED = "certificate.pem", "authority.pem", "joined.json"


class NotJoined(ValueError):
    """This node has nothing to prove itself with. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Where the node joined, under which name, with which underlay address."""

    controller: str
    node: str
    vtep: str


def read(state: Path) -> Joined | None:
    """None when the node never joined, or its file is not what was written."""
    try:
        return Joined(**json.loads((state / JOINED).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(state: Path, key: bytes, given: Mapping[str, Any], joined: Joined | None = None) -> None:
    """Keep what the controller gave, each file whole or not at all: a node killed in between has the old or the new.
    `joined` is left out where only the certificate is a new one."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(state / AUTHORITY, str(given["authority"]).encode())
    _replace(state / CERTIFICATE, key + str(given["certificate"]).encode())
    if joined:
        _replace(state / JOINED, json.dumps(asdict(joined)).encode())


def client_context(state: Path) -> ssl.SSLContext:
    """TLS 1.3 as this node, read anew for each connection. Raises NotJoined when that cannot be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        mode = (state / CERTIFICATE).stat().st_mode & 0o777
        if mode & 0o077:
            raise NotJoined(f"{state / CERTIFICATE} has mode {mode:04o}; a key is for its owner only: chmod 600 it.")
        context.load_verify_locations(state / AUTHORITY)
        context.load_cert_chain(state / CERTIFICATE)
    except FileNotFoundError:
        raise NotJoined(
            "This node has not joined. Make a join token for it, then: contivui-agent join URL TOKEN --vtep ADDRESS"
        ) from None
    except OSError as error:  # TLS's own errors are among them.
        raise NotJoined(f"What this node joined with cannot be used ({error}). Let it join again.") from None
    return context


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
