"""What holds for the whole product: Django's own deployment check, headers, cookies, and secrets that stay secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from core.joining import parse
from networks.actions import create_node
from networks.authority import authority, key_pem
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Event
from tenants.testing import Cast, client_of, people
from tests.pages import signed_in, unhashed
from worker.joining import let_in

__all__ = ["people", "unhashed"]

ROOT = Path(__file__).resolve().parent.parent
#: Django's own check, and then what it does not ask of.
ASK = """
from django.core.management import call_command
from django.conf import settings
call_command("check", deploy=True, fail_level="WARNING")
print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS)
"""


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "CONTIVUI_DATA": str(folder), **environment}
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_behind_tls_djangos_check_for_deployment_finds_nothing_and_cookies_are_bound_to_tls(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "shell", "--no-imports", "-c", ASK, BEHIND_TLS="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True True 31536000"
    assert "no issues" in done.stdout


def test_without_tls_a_browser_can_still_sign_in() -> None:
    assert not settings.SESSION_COOKIE_SECURE
    assert not settings.SECURE_SSL_REDIRECT


@pytest.mark.usefixtures("unhashed")
@pytest.mark.parametrize("path", ["/login/", "/healthz", "/api/v2/me/", "/nowhere/", "/networks/"])
def test_every_answer_has_the_headers_that_bind_a_browser(people: Cast, path: str) -> None:
    for client in (Client(), signed_in(people.alice)):
        answer = client.get(path)
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.usefixtures("unhashed")
def test_secrets_are_in_no_log_no_answer_and_no_record(
    people: Cast, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant them where they come in, break what can be broken on the way, and look where they may not be."""
    caplog.set_level(logging.DEBUG)
    password, key = "planted-password-7f", key_pem(authority().key).decode().splitlines()[1]
    _, text = create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1")
    token = client_of(people.alice).post("/api/v2/tokens/", {"name": "t"}, format="json").json()["token"]
    secrets = [password, key, parse(text).secret, token, settings.SECRET_KEY]
    shown = [
        Client().post(reverse("login"), {"username": "alice", "password": password}).content.decode(),
        Client().get("/api/v2/me/", headers={"Authorization": f"Token {token}x"}).content.decode(),
        json.dumps(let_in(json.dumps({"token": parse(text).secret}).encode(), None)),
        json.dumps(let_in(asked(parse(text).secret, "n2"), "192.0.2.66")),
        broken(monkeypatch, "/login/", {"username": "alice", "password": password}),
        broken(monkeypatch, "/api/v2/me/", None, f"Token {token}"),
        *(str((entry.before, entry.after)) for entry in AuditEntry.objects.all()),
        *(str(event.data) for event in Event.objects.all()),
        caplog.text,
    ]
    assert "Internal Server Error" in caplog.text, "the breaking was logged"
    found = [(secret[:12], place[:80]) for secret in secrets for place in shown if secret in place]
    assert found == []


def asked(secret: str, name: str) -> bytes:
    return json.dumps({"token": secret, "node": name, "vtep": "192.0.2.1", "request": "rubbish"}).encode()


def broken(monkeypatch: pytest.MonkeyPatch, path: str, data: dict[str, str] | None, authorization: str = "") -> str:
    """What somebody is answered where the product fails in the middle."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the database is made of cheese")

    client = Client(raise_request_exception=False)
    headers = {"Authorization": authorization} if authorization else {}
    with monkeypatch.context() as patched:
        patched.setattr("accounts.door.check", fail)
        patched.setattr("tenants.api.MeView.get", fail)
        answer = client.post(path, data) if data else client.get(path, headers=headers)
    assert answer.status_code == 500
    return answer.content.decode()
