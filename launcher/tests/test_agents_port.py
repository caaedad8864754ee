"""The agents' port for real: TLS on loopback, the installation's own authority, agents as they are, and strangers."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import identity
from agent.config import Config
from agent.identity import Joined
from agent.joining import Connection, NotLetIn, join, new_request
from agent.link import Link
from agent.renewal import renew
from core.joining import JoinText, parse
from launcher import agents_port, web
from launcher.settings import ROOT
from networks.actions import create_node, make_join_token, revoke_node
from networks.authority import at, pem_of
from networks.models import Knock, Node, NodeCertificate
from tenants.change import SYSTEM
from worker.models import NodeStatus

pytestmark = pytest.mark.django_db(transaction=True)

VTEP = "127.0.0.1"


@pytest.fixture
def controller(settings: Any) -> Iterator[str]:
    """Where a real one listens for agents."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    with web.tcp("127.0.0.1", 0) as listening:
        server = agents_port.server()
        thread = threading.Thread(target=asyncio.run, args=[server.serve([listening])])
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def token(name: str = "n1") -> JoinText:
    node = Node.objects.filter(name=name).first()
    if node is None:
        return parse(create_node(actor=SYSTEM, name=name, vtep=VTEP)[1])
    return parse(make_join_token(actor=SYSTEM, node=node)[1])


class Inbox:
    """An agent without a kernel."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def hello(self) -> dict[str, Any]:
        return {"type": "hello", "protocol": 1, "version": "t", "revision": 0, "digest": "", "features": []}

    def welcomed(self, message: dict[str, Any]) -> None:
        self.heard.append(message)

    def received(self, message: dict[str, Any]) -> None:
        self.heard.append(message)


def link_of(controller: str, state: Path, **more: Any) -> Link:
    config = Config(controller, VTEP, "n1", state, state / "agent.sock", state, **more)
    return Link(config, Inbox())


@contextlib.asynccontextmanager
async def at_work(link: Link) -> Any:
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Any, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(true):
            await asyncio.sleep(0.02)


def knocks() -> list[tuple[str, str | None, str]]:
    return [(k.why, k.node and k.node.name, k.address or "") for k in Knock.objects.order_by("pk")]


def test_an_agent_joins_connects_renews_and_is_off_when_it_is_revoked(controller: str, tmp_path: Path) -> None:
    joined = join(controller, token(), "n1", VTEP, tmp_path)
    assert identity.read(tmp_path) == joined == Joined(controller, "n1", VTEP)
    assert (tmp_path / "certificate.pem").stat().st_mode & 0o777 == 0o600

    async def live() -> None:
        link = link_of(controller, tmp_path)
        async with at_work(link):
            await until(lambda: link.connected)
            before = (tmp_path / "certificate.pem").read_bytes()
            assert await renew(link, tmp_path, "n1") > 0
            assert link.connected
            assert (tmp_path / "certificate.pem").read_bytes() != before
            assert await asyncio.to_thread(NodeCertificate.objects.count) == 2
            await asyncio.to_thread(revoke_node, actor=SYSTEM, row=await asyncio.to_thread(Node.objects.get))
            await until(lambda: "was revoked" in link.problem)
            await until(Knock.objects.exists)

    asyncio.run(live())
    assert not NodeStatus.objects.filter(connected=True).exists()
    assert knocks() == [("revoked", "n1", "127.0.0.1")]


def test_an_agent_that_finds_a_join_token_uses_it_and_removes_it(controller: str, tmp_path: Path) -> None:
    file = tmp_path / "join-token"
    file.write_text(str(token()))

    async def live() -> None:
        link = link_of(controller, tmp_path, join_token_file=file)
        async with at_work(link):
            await until(lambda: link.connected)

    asyncio.run(live())
    assert not file.exists()
    file.write_text("a token of last year")
    asyncio.run(live())
    assert file.exists()


def test_a_person_joins_by_hand_and_is_told_what_was_wrong(controller: str, tmp_path: Path) -> None:
    say = [controller, str(token()), "--node=n1", f"--vtep={VTEP}", f"--state={tmp_path / 'agent'}"]
    done = by_hand(*say)
    assert done.stdout == f"This machine is node n1 now. Start its agent: contivui-agent --state {tmp_path / 'agent'}\n"
    again = by_hand(*say)
    assert (again.returncode, again.stderr.partition(": ")[2]) == (
        1,
        "This join token was used before, and a token opens once. Make a new one for this machine.\n",
    )
    assert "That is no join token. One begins with cvj1." in by_hand(controller, "rubbish", *say[2:]).stderr


def by_hand(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "join", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_stolen_token_is_refused_with_a_sentence_and_shown_on_the_nodes_page(controller: str, tmp_path: Path) -> None:
    used = token()
    join(controller, used, "n1", VTEP, tmp_path)
    with pytest.raises(NotLetIn, match="was used before, and a token opens once"):
        join(controller, used, "n1", VTEP, tmp_path / "thief")
    assert knocks() == [("used_token", "n1", "127.0.0.1")]
    assert not (tmp_path / "thief").exists()


def test_a_token_of_another_installation_is_not_sent(controller: str, tmp_path: Path) -> None:
    elsewhere = JoinText(at(tmp_path / "other.pem").fingerprint, "secret-that-must-not-be-sent")
    with pytest.raises(NotLetIn, match="is not the controller this join token is from"):
        join(controller, elsewhere, "n1", VTEP, tmp_path / "n1")
    assert knocks() == []


def test_a_controller_of_another_authority_is_not_spoken_to(controller: str, tmp_path: Path) -> None:
    join(controller, token(), "n1", VTEP, tmp_path)
    (tmp_path / "authority.pem").write_text(at(tmp_path / "other.pem").pem)

    async def live() -> None:
        link = link_of(controller, tmp_path)
        async with at_work(link):
            await until(lambda: "certificate verify failed" in link.problem)

    asyncio.run(live())
    assert not NodeStatus.objects.exists()


def test_a_certificate_of_another_authority_is_refused_in_the_handshake_and_written_down(
    controller: str, tmp_path: Path
) -> None:
    join(controller, token(), "n1", VTEP, tmp_path)
    other, (key, request) = at(tmp_path / "other.pem"), new_request("n1")
    forged = pem_of(other.sign_node(request, "n1", timedelta(hours=1)))
    (tmp_path / "certificate.pem").write_bytes(key + forged.encode())

    async def live() -> None:
        link = link_of(controller, tmp_path)
        async with at_work(link):
            await until(lambda: Knock.objects.exists())
            assert not link.connected

    asyncio.run(live())
    assert knocks() == [("foreign", "n1", "127.0.0.1")]


def test_without_a_certificate_there_is_joining_and_nothing_else(controller: str, tmp_path: Path) -> None:
    join(controller, token(), "n1", VTEP, tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "bm90IGEgc2VjcmV0ISEhIQ==",
    }
    assert ask(controller, trusting, "GET", "/ws/agent/", headers=upgrade)[0] == 403
    assert ask(controller, trusting, "GET", "/api/v2/nodes/")[0] == 404
    assert ask(controller, trusting, "GET", "/join/")[0] == 405
    assert knocks() == [("no_certificate", "n1", "127.0.0.1")]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "Send a JSON object with token, node, vtep, request."),
        (b"[]", 400, "Send a JSON object"),
        (b'{"token": 1, "node": "n", "vtep": "", "request": ""}', 400, "token must be a text."),
        (b'{"token": "x", "node": "n\\u0000", "vtep": "", "request": ""}', 400, "node must be a text."),
        (b'{"token": "x", "node": "n", "vtep": "", "request": ""}', 403, "was never given to anybody here"),
        (b"x" * 20_000, 413, "Send at most 16384 bytes."),
    ],
)
def test_a_request_to_join_that_makes_no_sense_is_answered_with_a_sentence(
    controller: str, tmp_path: Path, body: bytes, status: int, sentence: str
) -> None:
    join(controller, token(), "n1", VTEP, tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    found, answer = ask(controller, trusting, "POST", "/join/", body)
    assert found == status
    assert sentence in json.loads(answer)["error"]


def test_older_tls_and_none_at_all_are_not_spoken(controller: str) -> None:
    older = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    older.check_hostname, older.verify_mode = False, ssl.CERT_NONE
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        ask(controller, older, "GET", "/join/authority.pem")
    host, _, port = controller.removeprefix("https://").rpartition(":")
    with socket.create_connection((host, int(port)), 5) as plain:
        plain.sendall(b"GET /join/authority.pem HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"BEGIN" not in plain.recv(1000)


def ask(
    controller: str,
    context: ssl.SSLContext,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    connection = Connection(controller, context)
    try:
        connection.request(method, path, body, headers or {})
        answer: http.client.HTTPResponse = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_certificate_that_could_not_be_made_is_made_at_the_next_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(agents_port, "RENEW_S", 0.05)
    server, file = agents_port.server(), tmp_path / "gone" / "server.pem"
    server._file = file

    async def live() -> None:
        renewing = asyncio.create_task(server._keep_fresh())
        await until(lambda: len(caplog.messages) >= 2)
        file.parent.mkdir()
        await until(file.exists)
        assert not renewing.done()
        renewing.cancel()

    asyncio.run(live())
    said = "Agents are shown the certificate of before, as none could be made: FileNotFoundError(2, "
    assert [message[: len(said)] for message in caplog.messages[:2]] == [said, said]
    assert "BEGIN CERTIFICATE" in file.read_text()
