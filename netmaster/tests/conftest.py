from __future__ import annotations

import pytest

from netmaster import prepared
from netmaster.tests.stage import Contiv, contiv, port
from tenants.testing import people

__all__ = ["contiv", "people", "port"]


@pytest.fixture(autouse=True)
def _nothing_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that a test empties begins again with the same keys and generations: what was prepared would fit."""
    monkeypatch.setattr(prepared, "_prepared", prepared.Prepared())


@pytest.fixture
def net(contiv: Contiv) -> Contiv:
    """Blue has net1 with the group g1."""
    contiv.network()
    contiv.group()
    return contiv
