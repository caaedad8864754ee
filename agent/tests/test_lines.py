from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.lines import Message, ask, ask_now, serve

pytestmark = pytest.mark.asyncio


async def answer(message: Message) -> Message:
    if message.get("verb") == "refuse":
        raise ValueError("This is refused, and this sentence says why.")
    if message.get("verb") == "look":
        raise KeyError("container blue/web-9")
    return {"heard": message.get("text", "")}


async def test_a_question_is_answered_with_and_without_a_loop(tmp_path: Path) -> None:
    async with serve(tmp_path / "sock", answer):
        assert await ask(tmp_path / "sock", {"text": "你好"}) == {"ok": True, "heard": "你好"}
        assert await asyncio.to_thread(ask_now, tmp_path / "sock", {"text": "hi"}) == {"ok": True, "heard": "hi"}


async def test_a_refusal_is_a_sentence_and_the_line_stays_usable(tmp_path: Path) -> None:
    async with serve(tmp_path / "sock", answer):
        refused = await ask(tmp_path / "sock", {"verb": "refuse"})
        assert refused == {"ok": False, "error": "This is refused, and this sentence says why."}
        missing = await ask(tmp_path / "sock", {"verb": "look"})
        assert missing == {"ok": False, "error": "There is no container blue/web-9 here."}
        reader, writer = await asyncio.open_unix_connection(tmp_path / "sock")
        writer.write(b'not json\n[1]\n{"text": "still here"}\n')
        lines = [await reader.readline() for _ in range(3)]
        writer.close()
        assert [b'"ok":false' in line for line in lines] == [True, True, False]


async def test_a_line_of_a_thousand_probes_fits(tmp_path: Path) -> None:
    text = "x" * 2_000_000
    async with serve(tmp_path / "sock", answer):
        assert (await ask(tmp_path / "sock", {"text": text}))["heard"] == text


async def test_who_sends_a_line_too_long_is_not_left_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.lines.LINE_LIMIT", 1000)
    async with serve(tmp_path / "sock", answer):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "sock")
        writer.write(b"x" * 5000)
        async with asyncio.timeout(2):
            assert b"longer than 1000 bytes" in await reader.read()
        writer.close()


async def test_the_socket_is_its_owners_only_and_replaces_one_left_over(tmp_path: Path) -> None:
    for _ in range(2):
        async with serve(tmp_path / "sock", answer):
            assert (tmp_path / "sock").stat().st_mode & 0o777 == 0o600


async def test_a_silent_server_is_an_error_in_bounded_time(tmp_path: Path) -> None:
    async def never(_: Message) -> Message:
        await asyncio.sleep(60)
        return {}

    async with serve(tmp_path / "sock", never):
        with pytest.raises(TimeoutError):
            await ask(tmp_path / "sock", {}, timeout_s=0.1)


async def test_no_server_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await ask(tmp_path / "none", {})


async def test_its_end_does_not_wait_for_who_is_connected(tmp_path: Path) -> None:
    """Told to be so for Python 3.12 and newer, where an asyncio.Server that is left as a block waits."""
    async with asyncio.timeout(5):
        async with serve(tmp_path / "sock", answer):
            _, writer = await asyncio.open_unix_connection(tmp_path / "sock")
    with pytest.raises(OSError):
        await ask(tmp_path / "sock", {})
    writer.close()
