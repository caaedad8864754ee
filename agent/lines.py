"""One JSON object per line over a unix socket: how an agent is spoken to on its node, and the lab on its machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

Message = dict[str, Any]
Answer = Callable[[Message], Awaitable[Message]]

#: Longest line taken, bytes: a batch of ten thousand probes fits.
LINE_LIMIT = 16 * 1024 * 1024


class NotNow(ValueError):
    """A refusal with the seconds before which asking again is in vain; the answer says them as `retry_s`."""

    def __init__(self, reason: str, retry_s: float) -> None:
        super().__init__(reason)
        self.retry_s = retry_s


async def ask(path: Path, message: Message, *, timeout_s: float = 15.0) -> Message:
    """The answer of the server at `path`. OSError when nobody listens there or it falls silent (TimeoutError)."""
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
        try:
            writer.write(_encoded(message))
            await writer.drain()
            return _decoded(await reader.readline())
        finally:
            writer.close()


def ask_now(path: Path, message: Message, *, timeout_s: float = 15.0) -> Message:
    """Like `ask`, for callers without an event loop."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout_s)
        line.connect(str(path))
        line.sendall(_encoded(message))
        with line.makefile("rb") as file:
            return _decoded(file.readline())


@contextlib.asynccontextmanager
async def serve(path: Path, answer: Answer) -> AsyncIterator[None]:
    """Listen at `path`, readable by its owner only, until the block ends; a line left over from a dead server is
    replaced. The end does not wait for whoever is connected: an asyncio.Server that is left as a block does, from
    Python 3.12 on."""
    path.unlink(missing_ok=True)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            try:
                while line := await reader.readline():
                    writer.write(_encoded(await _answered(line, answer)))
                    await writer.drain()
            except ValueError:  # What follows of the line is no line: this is the end.
                writer.write(_encoded({"ok": False, "error": f"Send no line longer than {LINE_LIMIT} bytes."}))

    server = await asyncio.start_unix_server(talk, sock=_private_socket(path), limit=LINE_LIMIT)
    try:
        yield
    finally:
        server.close()


def _private_socket(path: Path) -> socket.socket:
    """Bound with nobody else's rights on it from its first moment."""
    line = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        line.bind(str(path))
    finally:
        os.umask(before)
    return line


async def _answered(line: bytes, answer: Answer) -> Message:
    """What `answer` says; a refusal (ValueError, LookupError, OSError) becomes a sentence for the asker."""
    try:
        return {"ok": True, **await answer(_decoded(line))}
    except NotNow as refusal:
        return {"ok": False, "error": str(refusal), "retry_s": round(refusal.retry_s, 3)}
    except (ValueError, OSError) as refusal:
        return {"ok": False, "error": str(refusal)}
    except LookupError as missing:
        return {"ok": False, "error": f"There is no {missing.args[0] if missing.args else missing} here."}


def _encoded(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _decoded(line: bytes) -> Message:
    if not line:
        raise ConnectionError("The other side closed the line without an answer.")
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("Send one JSON object per line.")
    return message
