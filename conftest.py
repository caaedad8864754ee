"""For every test: quick password hashes, and, at the end, what could not run and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from lab import sandbox


@pytest.fixture(autouse=True)
def _quick_passwords(request: pytest.FixtureRequest) -> None:
    """Argon2 costs 50 ms a login by design; tests need none of its strength."""
    if "settings" in request.fixturenames or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("settings").PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _no_language_of_another() -> Iterator[None]:
    """A page that was answered in Chinese leaves its language in the thread: under the server each request has a
    context of its own, here all tests share one."""
    yield
    translation.deactivate()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the kernel run in the sandbox only: elsewhere they would work on the machine's own network."""
    outside = pytest.mark.skip(reason="works on kernel objects, which needs the sandbox: make test")
    for item in items:
        if item.get_closest_marker("kernel") and not sandbox.inside():
            item.add_marker(outside)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Nothing is skipped silently: the reasons, counted, are the last thing a run says."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("what this machine could not run")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} × {reason.removeprefix('Skipped: ')}")
