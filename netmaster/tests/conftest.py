from __future__ import annotations

import pytest

from netmaster import prepared
from netmaster.tests.stage import contiv, port
from tenants.testing import people

__all__ = ["contiv", "people", "port"]


@pytest.fixture(autouse=True)
def _nothing_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that a test empties begins again with the same keys and generations: what was prepared would fit."""
    monkeypatch.setattr(prepared, "_prepared", prepared.Prepared())
