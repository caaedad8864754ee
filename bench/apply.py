"""A full apply of a tenant with 250 endpoints and 50 rules, against the least it could take: the same text given to
one `nft -f` and one `ip -batch` (with one each of `bridge` and `tc` for what ip cannot say).
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agent.kernel import nft
from agent.kernel.commands import Where, batches
from agent.kernel.namespace import Resident, make
from bench.figures import Figure
from bench.ground import crowd
from core.compile import compile_tenant
from core.diff import diff
from core.model import BandwidthProfile, TenantIntent
from core.plan import Op, plan
from core.render import render
from core.spec import Item, NetworkItem
from core.state import KernelObject, Key
from lab import fabric
from lab.bare import BareFabric, Machine

ENDPOINTS, RULES = 250, 50
ROUNDS = 5


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bare = BareFabric(2, Path(folder))
        items = compile_tenant(many(bare))[1]
        machine = bare.machines[1]
        rounds = [(ours(machine, items, 100 + n), floor(machine, items, 200 + n)) for n in range(ROUNDS)]
        again = repeated(machine, items, 100)
        bare.close()
    times = [statistics.median(column) * 1000 for column in zip(*rounds, strict=True)]
    note = f"{ENDPOINTS} endpoints here, {RULES} rules, rate limits; medians of {ROUNDS}"
    yield Figure("full apply, ours", times[0], "ms", note=note)
    yield Figure("full apply, nft -f and ip -batch", times[1], "ms", note=note)
    ratio = statistics.median(one / other for one, other in rounds)
    yield Figure("full apply, ours to the least", ratio, "×", "at most", 2.0)
    yield Figure("second apply of the same", again, "ops", "at most", 0.0)


def many(bare: BareFabric) -> TenantIntent:
    """All endpoints on the first node, each under a rate limit."""
    intent = crowd(bare.nodes, 1, rules=RULES, members=ENDPOINTS - 2)
    profile = BandwidthProfile(1, "limit", 100_000_000, 0)
    return replace(
        intent,
        profiles=(profile,),
        groups=tuple(replace(group, profile_id=profile.id) for group in intent.groups),
        endpoints=tuple(replace(endpoint, node_id=bare.nodes[0].id) for endpoint in intent.endpoints),
    )


def tagged(items: Sequence[Item], tenant: int) -> list[Item]:
    """The same for another tenant, its tunnel under a number of its own."""
    return [
        replace(item, tenant=tenant, tag=tenant) if isinstance(item, NetworkItem) else replace(item, tenant=tenant)
        for item in items
    ]


def veths() -> None:
    """The host's ends of the containers' cables, which somebody else makes: the same for both sides."""
    lines = [f"link add ep{n} mtu 1450 type veth peer name p{n}" for n in range(1, ENDPOINTS + 1)]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


def ours(machine: Machine, items: Sequence[Item], tenant: int) -> float:
    """Seconds from items to a kernel that holds them: render, diff, plan, apply."""
    path = machine.kernel.path(tenant)
    cabled(path)
    mine = tagged(items, tenant)
    begun = time.perf_counter()
    desired = render(mine, range(1, ENDPOINTS + 1), machine.facts)
    machine.kernel.apply(tenant, plan(diff(desired, {})))
    took = time.perf_counter() - begun
    left = plan(diff(desired, without_strangers(machine.kernel.observe(tenant))))
    if left:
        raise RuntimeError(f"The apply left {len(left)} differences, such as {left[0]}.")
    return took


def without_strangers(found: dict[Key, KernelObject]) -> dict[Key, KernelObject]:
    """But for the far ends of the cables, which are not in containers here."""
    return {key: thing for key, thing in found.items() if thing.kind != "foreign device"}


def repeated(machine: Machine, items: Sequence[Item], tenant: int) -> float:
    desired = render(tagged(items, tenant), range(1, ENDPOINTS + 1), machine.facts)
    return len(plan(diff(desired, without_strangers(machine.kernel.observe(tenant)))))


def floor(machine: Machine, items: Sequence[Item], tenant: int) -> float:
    """Seconds the tools alone take for the same state, each started once."""
    path = machine.kernel.path(tenant)
    cabled(path)
    ops = plan(diff(render(tagged(items, tenant), range(1, ENDPOINTS + 1), machine.facts), {}))
    rules = "".join(f"{s.text}\n" for s in nft.transaction([op for op in ops if nft.is_nft(op)]))
    texts = by_tool(ops, str(path))
    node = fabric.nodes(1, Path("unused"))[0].netns
    begun = time.perf_counter()
    run(["nsenter", f"--net={path}", "nft", "-f", "-"], rules)
    run(["nsenter", f"--net={node}", "ip", "-batch", "-"], texts["node"])
    for tool in ("ip", "bridge", "tc"):
        run(["nsenter", f"--net={path}", tool, "-force", "-batch", "-"], texts[tool])
    return time.perf_counter() - begun


def by_tool(ops: Sequence[Op], path: str) -> dict[str, str]:
    made = [op for op in ops if op.subject.kind not in {"namespace", "sysctl"} and not nft.is_nft(op)]
    texts = {"node": "", "ip": "", "bridge": "", "tc": ""}
    # Devices that the node's namespace makes come first; within a tool the order of the plan stays.
    for lines in batches(made, Where(path, fabric.UPLINK)):
        for line in lines:
            texts[line.tool] += line.text + "\n"
    return texts


def cabled(path: Path) -> None:
    """A namespace with the containers' cables in it."""
    holder = Resident(path, make)
    try:
        holder.run(veths)
    finally:
        holder.close()


def run(argv: list[str], text: str) -> None:
    subprocess.run(argv, input=text, text=True, check=False, capture_output=True)
