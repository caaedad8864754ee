"""From a saved change to packets: how long until every node enforces it, and until a container can be reached."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import cycle

from bench.figures import Figure, percentile
from bench.installation import Installation, installation

CHANGES = 200
ATTACHED = 40
#: Changes whose effect is looked for with packets, besides asking the nodes.
SEEN = 20
PATIENCE_S = 10.0


def measure() -> Iterator[Figure]:
    with installation(nodes=3) as running:
        read_its_database(running)
        rule = widened(running)
        yield from enforced(running, rule)
        yield from seen(running, rule)
        yield from attached(running)


def read_its_database(running: Installation) -> None:
    """Asking the database for each change's times weighs less on what is measured than asking the API."""
    os.environ.update(running.environment)
    import django

    django.setup()


def widened(running: Installation) -> int:
    """Put blue's policy on every group, so that a change of it concerns all three nodes. Answers a rule's id."""
    policy = running.named("policies", "blue", "db-policy")
    groups = [row["id"] for row in running.api("GET", "groups/?tenant=blue")["results"]]
    running.api("PATCH", f"policies/{policy['id']}/", {"groups": groups})
    rules = running.api("GET", f"rules/?policy={policy['id']}")["results"]
    return int(next(rule["id"] for rule in rules if rule["protocol"] == "tcp"))


def enforced(running: Installation, rule: int) -> Iterator[Figure]:
    """Times from the commit to the last node's acknowledgement, which it sends once its kernel has the change."""
    from tenants.models import Realization

    first = None
    for _, ports in zip(range(CHANGES), cycle(("5432", "5432, 5433")), strict=False):
        running.api("PATCH", f"rules/{rule}/", {"ports": ports})
        newest = wait_live("blue")
        first = first or newest
    rows = Realization.objects.filter(tenant__name="blue", generation__gte=first)
    times = [row.live_ms for row in rows if row.live_ms is not None]
    nodes = min(row.nodes for row in rows)
    note = f"{len(times)} changes on {nodes} nodes"
    yield Figure("saved → enforced on all nodes, p50", percentile(times, 0.5), "ms", "at most", 150, note)
    yield Figure("saved → enforced on all nodes, p99", percentile(times, 0.99), "ms", "at most", 500, note)


def wait_live(tenant: str) -> int:
    """Answers the generation that is live now: the tenant's last."""
    from tenants.models import Realization, Tenant

    newest = Tenant.objects.get(name=tenant).generation
    until = time.monotonic() + PATIENCE_S
    while not Realization.objects.filter(tenant__name=tenant, generation=newest).exclude(live_at=None).exists():
        if time.monotonic() > until:
            raise RuntimeError("A change was not live after ten seconds.")
        time.sleep(0.01)
    return newest


def seen(running: Installation, rule: int) -> Iterator[Figure]:
    """The same, looked at from outside: from the answer of the API to the first packet that gets through."""
    containers = {c["key"]: c for c in running.lab("status")["containers"] if c["tenant"] == "blue"}
    web, db = (next(c for c in containers.values() if c["group"] == group) for group in ("web", "db"))
    probe = {"source": web["key"], "destination": db["key"], "address": db["ip4"], "protocol": 6, "port": 7000}
    times = []
    for _ in range(SEEN):
        running.api("PATCH", f"rules/{rule}/", {"ports": "5432"})
        wait_for_outcome(running, probe, passes=False)
        begun = time.monotonic()
        running.api("PATCH", f"rules/{rule}/", {"ports": "5432, 7000"})
        wait_for_outcome(running, probe, passes=True)
        times.append((time.monotonic() - begun) * 1000)
    yield Figure("request sent → first packet through, p50", percentile(times, 0.5), "ms", note=f"{SEEN} changes")


def wait_for_outcome(running: Installation, probe: dict[str, object], *, passes: bool) -> None:
    until = time.monotonic() + PATIENCE_S
    while (running.lab("probe", probes=[probe], timeout_s=0.05)["outcomes"] == ["answered"]) != passes:
        if time.monotonic() > until:
            raise RuntimeError(f"The probe did not {'pass' if passes else 'stop'} within ten seconds: {probe}.")


def attached(running: Installation) -> Iterator[Figure]:
    """A new container: from asking its node's agent to the first connection, on the one port that is allowed by now,
    from a container on another node. Its namespace is there before, as a container runtime makes it."""
    containers = [c for c in running.lab("status")["containers"] if c["tenant"] == "blue" and c["group"] == "web"]
    nodes = [node["name"] for node in running.lab("status")["nodes"]]
    times = []
    for number in range(ATTACHED):
        node = nodes[number % len(nodes)]
        source = next(c for c in containers if c["node"] != node)
        begun = time.monotonic()
        answer = running.lab(
            "plug", name=f"bench-{number}", tenant="blue", network=source["network"], group="web", node=node
        )
        new = answer["container"]
        probe = {"source": source["key"], "destination": new["key"], "address": new["ip4"], "protocol": 6, "port": 5432}
        wait_for_outcome(running, probe, passes=True)
        times.append((time.monotonic() - begun) * 1000 - answer["namespace_ms"])
        wait_live("blue")
    note = f"{ATTACHED} containers, each once the one before is live; the making of their namespaces not counted"
    yield Figure("endpoint attached and reachable, p50", percentile(times, 0.5), "ms", "at most", 60, note)
    yield Figure("endpoint attached and reachable, p99", percentile(times, 0.99), "ms", note=note)
