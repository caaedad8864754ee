"""What an answer says, and whether it tells what it must not."""

from __future__ import annotations

import re
from typing import Any

from tests.leaks.expected import may_read
from tests.leaks.house import CLUSTER, SECRETS, Asker

#: What differs between any two answers and tells nothing: the request's own name, the time, tokens of forms.
OF_THE_MOMENT = {"X-Request-ID", "Expires"}
#: How many events there were in the whole cluster is no secret; what they were is.
UNTOLD = re.compile(rb"[0-9A-Za-z]{64}|\"last\":[0-9]+|^id: [0-9]+$|^data: [0-9]+$", re.MULTILINE)
LENGTH = re.compile(r"^Content-Length: .*$", re.MULTILINE)


def content(answer: Any) -> bytes:
    body: bytes = b"".join(answer) if answer.streaming else answer.content
    return UNTOLD.sub(b"", body)


def told(answer: Any) -> str:
    """All that an answer says, headers and all."""
    headers = [f"{name}: {value}" for name, value in answer.items() if name not in OF_THE_MOMENT]
    return "\n".join([str(answer.status_code), *sorted(headers), content(answer).decode(errors="replace")])


def less_length(said: str) -> str:
    """Which differs where a longer name is sent back."""
    return LENGTH.sub("", said)


def first_difference(one: str, other: str) -> str:
    lines = zip(one.split("\n"), other.split("\n"), strict=False)
    return next((f"{a.strip()[:300]} | {b.strip()[:300]}" for a, b in lines if a != b), "one is longer")


def leaks(asker: Asker, said: str, sent: str = "") -> list[str]:
    """Which marked words an answer has that she may not read. What she sent herself is no news to her."""
    if may_read(asker):
        return []
    words = SECRETS if "operator" in asker.roles else (*SECRETS, CLUSTER)
    return [word for word in words if word in (said.replace(sent, "") if sent else said)]
