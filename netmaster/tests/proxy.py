"""A client of auth_proxy, as somebody."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from netmaster.proxy.tokens import issue

PASSWORD = "correct-horse-battery-7"
DENIED = (403, {"error": "access denied"})
INSUFFICIENT = (403, {"error": "Insufficient privileges"})


class Proxy:
    def __init__(self, user: User | None = None) -> None:
        self.client, self.user = Client(), user

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        if self.user is not None:
            headers = {"X-Auth-Token": issue(self.user)} | headers
        said = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        answer = self.client.generic(method, f"/api/v1/{path}", said, content_type="application/json", headers=headers)
        assert answer["Content-Type"] == "application/json; charset=utf-8"
        assert answer["Cache-Control"] == "no-store"
        assert answer["Strict-Transport-Security"] == "max-age=15768000"
        text = answer.content.decode()
        try:
            return answer.status_code, json.loads(text)
        except ValueError:
            return answer.status_code, text.strip()

    def get(self, path: str) -> tuple[int, Any]:
        return self.ask("GET", path)

    def own(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        return self.ask(method, f"auth_proxy/{path}", body)


def keys(answer: tuple[int, Any]) -> list[str]:
    assert answer[0] == 200, answer
    return [one["key"] for one in answer[1]]
