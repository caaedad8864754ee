"""The one base of everything a verb may answer instead of doing it: a sentence for people, a code for programs."""

from __future__ import annotations


class Problem(Exception):
    """`message` is a sentence that says what would be right, `code` one word for programs, `users` the objects that
    stand in the way, by name. `status` is the HTTP status the API answers with."""

    status = 400

    def __init__(self, message: str, *, code: str, users: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.users = users or []


class Unconfirmed(Problem):
    """It is worth the password, and that was not shown for a while."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Show your password first: POST it to /api/v2/me/confirm/.", code="unconfirmed")
