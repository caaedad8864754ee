"""The evaluator and the kernel agree: random policies, random flows, real packets over two nodes.

More on request: CHANCE_POLICIES=200 CHANCE_SEED=7 in the environment.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from core.diff import diff
from core.evaluate import Evaluator
from core.isolation import compile_policy
from core.model import Endpoint, Flow
from lab import sandbox
from lab.probe import How, Probe, run
from tests.kernel import chance

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not sandbox.inside(), reason="runs in a sandbox only: python -m lab.sandbox -- pytest …"),
]

POLICIES = int(os.environ.get("CHANCE_POLICIES", "16"))
SEED = int(os.environ.get("CHANCE_SEED", "1"))
FLOWS = 40


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from lab.bare import BareFabric

    made = BareFabric(2, tmp_path_factory.mktemp("bare"))
    yield made
    made.close()


def test_it_says_what_the_kernel_does(bare) -> None:  # type: ignore[no-untyped-def]
    random = Random(SEED)
    intent = chance.tenant(bare.nodes)
    seen: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for _ in range(POLICIES):
        intent = chance.with_policies(intent, random)
        bare.realize(intent)
        flows = chance.flows(intent, random, FLOWS)
        evaluator = Evaluator(compile_policy(intent))
        outcomes = asyncio.run(run([probe(bare.containers, *one) for one in flows], timeout_s=0.6))
        for (_, _, flow), how in zip(flows, outcomes, strict=True):
            decision = evaluator.verdict(flow)
            seen[decision.action, "6" if ":" in flow.source else "4"] += 1
            if (how == "answered") != (decision.action == "allow"):
                wrong.append(told(flow, how, decision))
    assert wrong == []
    assert sum(seen.values()) == POLICIES * FLOWS >= 300
    # Both verdicts in both families, or this would show little.
    assert set(seen) == {("allow", "4"), ("allow", "6"), ("deny", "4"), ("deny", "6")}


def test_what_was_applied_is_what_is_observed(bare) -> None:  # type: ignore[no-untyped-def]
    """However the kernel prints a rule: what an agent would not recognise it would call drift, and never heal."""
    random = Random(SEED)
    intent = chance.tenant(bare.nodes)
    for _ in range(2 * POLICIES):
        intent = chance.with_policies(intent, random)
        bare.realize(intent)
        for machine in bare.machines.values():
            delta = diff(machine.applied[intent.id], machine.kernel.observe(intent.id))
            assert delta.empty, (intent.policies, delta)


def told(flow: Flow, how: How, decision: object) -> str:
    return f"{flow}: {how}, but {decision}"


def probe(containers: dict[int, Path], source: Endpoint, destination: Endpoint, flow: Flow) -> Probe:
    return Probe(
        containers[source.id], containers[destination.id], flow.destination, flow.protocol, flow.destination_port
    )
