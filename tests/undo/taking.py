"""Taking the newest change back, and why it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from contivui.web.problem import Problem
from contivui.web.trace import traced
from networks import actions as on_networks
from networks.models import Network
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.testing import Cast, people
from tenants.undo import take_back, together

__all__ = ["people"]


@pytest.fixture
def net(people: Cast) -> Network:
    with traced():
        return on_networks.create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")


def newest(verb: str = "") -> AuditEntry:
    rows = AuditEntry.objects.filter(verb=verb) if verb else AuditEntry.objects.all()
    return rows.latest("pk")


def undo(verb: str = "", actor: Any = SYSTEM) -> list[AuditEntry]:
    return take_back(together(newest(verb)), actor)


def refusal(verb: str) -> str:
    with pytest.raises(Problem) as refused:
        undo(verb)
    assert refused.value.code in ("moved_on", "in_use")
    return refused.value.message.partition("cannot be undone. ")[2]
