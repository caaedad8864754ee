"""Tenants' namespaces go while others look at them, as the reports do, which wait for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from agent.kernel import real
from agent.kernel.interface import ApplyError, Counters
from agent.tests.kernel.cases import TENANT, intent
from agent.tests.kernel.conftest import REAL, Bench, real_bench
from core import ids

pytestmark = [pytest.mark.kernel, REAL]


@pytest.fixture
def held() -> Iterator[Bench]:
    for bench in real_bench():
        bench.realize(intent())
        yield bench


def residents() -> list[str]:
    """Threads that live in the tenant's namespace, and so keep it."""
    return [one.name for one in threading.enumerate() if one.name.startswith(ids.namespace(TENANT))]


def test_who_looks_while_a_namespace_goes_does_not_keep_it(held: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Counters] = []
    retire = real._retire

    def looked_at(resident: real.Resident) -> None:
        seen.append(held.kernel.counters(TENANT))
        retire(resident)

    monkeypatch.setattr(real, "_retire", looked_at)
    held.reach({})
    assert seen == [Counters({}, {})]
    assert residents() == []


def test_who_is_late_is_told_that_it_is_gone(held: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(held.kernel, real.Kernel)
    late = held.kernel._resident(TENANT)
    assert late is not None
    held.reach({})
    with pytest.raises(OSError, match="left"):
        late.run(real._counters)


def test_a_namespace_whose_devices_cannot_be_removed_is_left_all_the_same(
    held: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise ApplyError("The program ip could not list: out of memory.")

    monkeypatch.setattr(real, "_remove_devices", refuse)
    with pytest.raises(ApplyError):
        held.reach({})
    assert residents() == []
    assert held.kernel.tenants() == set()
