"""The API over a large installation: a page of fifty, one object, and the last page, on each database there is.

100 000 endpoints, 2 000 networks, 10 000 rules, in four tenants, written with bulk inserts: this measures reading.
SQLite in a folder of its own; PostgreSQL too where DATABASE_URL names one (there a database is made, and dropped).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from bench.databases import databases, made_anew
from bench.figures import Figure, percentile

TENANTS, NETWORKS, ENDPOINTS, RULES, NODES = 4, 2_000, 100_000, 10_000, 50
#: Requests per figure; the first few, which load code, are not counted.
REQUESTS, FIRST = 60, 5
BOUND_MS = 50.0
#: Words stand anywhere in a name, which no index of both databases answers: all names are read.
SEARCH_BOUND_MS = 150.0


def measure() -> Iterator[Figure]:
    for name, url in databases():
        with made_anew(url), tempfile.TemporaryDirectory(prefix="contivui-bench-") as folder:
            environment = {**os.environ, "CONTIVUI_DATA": folder, "DATABASE_URL": url}
            environment |= {"LOG_LEVEL": "ERROR", "API_RATE": "0", "DJANGO_SETTINGS_MODULE": "contivui.settings"}
            script = "from bench.api import inside; inside()"
            done = subprocess.run([sys.executable, "-c", script], env=environment, check=True, stdout=subprocess.PIPE)
        for line in json.loads(done.stdout):
            yield Figure(f"{name}: {line['name']}", line["ms"], "ms", "at most", line["bound"], line["note"])


def inside() -> None:
    """In a process of its own, whose settings name the database."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS.append("testserver")
    django.setup()
    call_command("migrate", verbosity=0)
    furnish()
    json.dump(list(figures()), sys.stdout)


def furnish() -> None:
    from django.contrib.auth.models import User
    from django.db import connection

    from networks.models import Network
    from tenants.models import Membership, Tenant

    User.objects.create(username="root", is_superuser=True)
    owner = User.objects.create(username="owner")
    tenants = Tenant.objects.bulk_create([Tenant(name=f"tenant-{n}") for n in range(TENANTS)])
    Membership.objects.create(user=owner, tenant=tenants[1], role="owner")
    networks = Network.objects.bulk_create(
        [
            Network(tenant=tenants[n % TENANTS], name=f"net-{n}", tag=n + 1, subnet4=f"10.{n // 256}.{n % 256}.0/24")
            for n in range(NETWORKS)
        ]
    )
    groups = with_endpoints(networks)
    with_rules(tenants, groups)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def with_endpoints(networks: list[Any]) -> list[Any]:
    from core import ids
    from networks.models import Endpoint, EndpointGroup, Node
    from tenants.labels import Label

    nodes = Node.objects.bulk_create([Node(name=f"node-{n}", vtep=f"192.0.2.{n + 1}") for n in range(NODES)])
    groups = EndpointGroup.objects.bulk_create(
        [EndpointGroup(tenant_id=net.tenant_id, name=f"group-{net.name}", network=net) for net in networks]
    )
    rows = []
    for n in range(ENDPOINTS):
        net, ip4 = networks[n % NETWORKS], f"10.{n % NETWORKS // 256}.{n % NETWORKS % 256}.{n // NETWORKS + 1}"
        row = Endpoint(tenant_id=net.tenant_id, name=f"endpoint-{n}", network=net, ip4=ip4, mac=ids.endpoint_mac(ip4))
        row.group, row.node = groups[n % NETWORKS], nodes[n % NODES]
        row.labels = {"tier": "db" if n % 10 else "web"}
        rows.append(row)
    Endpoint.objects.bulk_create(rows, batch_size=5_000)
    found = [Label(kind="endpoint", object_id=row.pk, key="tier", value=row.labels["tier"]) for row in rows]
    Label.objects.bulk_create(found, batch_size=5_000)
    return groups


def with_rules(tenants: list[Any], groups: list[Any]) -> None:
    from policies.models import Policy, Rule

    made = [Policy(tenant=tenants[n % TENANTS], name=f"policy-{n}") for n in range(100)]
    policies = Policy.objects.bulk_create(made)
    for n, policy in enumerate(policies):
        policy.groups.add(groups[n])
    rules = [Rule(policy=policies[n % 100], protocol="tcp", ports=str(n % 60_000 + 1)) for n in range(RULES)]
    Rule.objects.bulk_create(rules, batch_size=2_000)


def figures() -> Iterator[dict[str, Any]]:
    """Through the whole stack of the web process but its socket: middleware, token, query, JSON."""
    from django.contrib.auth.models import User

    from networks.models import Endpoint

    client, owner = asking(User.objects.get(username="root")), asking(User.objects.get(username="owner"))
    last = Endpoint.objects.order_by("-pk").values_list("pk", flat=True)
    for kind in ("endpoints", "networks", "rules", "policies"):
        yield timed(client, f"{kind}/?limit=50", f"list of 50 {kind}")
    yield timed(owner, "endpoints/?limit=50", "list of 50 endpoints, of one's own tenant")
    yield timed(client, "endpoints/?limit=50&ordering=-name", "list of 50 endpoints by name, downwards")
    yield timed(client, "endpoints/?limit=50&labels=tier=web", "list of 50 endpoints with a label that one in ten has")
    yield timed(client, f"endpoints/{last[0]}/", "one endpoint")
    yield timed(client, "search/?q=endpoint-77777", "search for one name among all kinds", SEARCH_BOUND_MS)
    yield timed(client, "search/?q=point-9", "search for a part of many names", SEARCH_BOUND_MS)
    yield timed(client, "search/?q=no-such-thing", "search for what there is not", SEARCH_BOUND_MS)
    yield timed(client, "search/?q=10.3.7.20", "search for an address")
    yield timed(client, "search/?q=tier=web", "search for a label")
    yield timed(owner, "search/?q=no-such-thing", "search for what there is not, in one's own tenant", SEARCH_BOUND_MS)
    first = timed(client, "endpoints/?limit=50", "first page of endpoints")
    yield first
    yield timed(client, "endpoints/?limit=50&" + cursor_after(last[50]), "last page of endpoints")


def cursor_after(pk: int) -> str:
    from contivui.web.paging import cursor_of

    return f"cursor={cursor_of(False, pk, pk)}"


def asking(user: Any) -> Any:
    from rest_framework.test import APIClient

    from tenants.models import Token

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user, None)[1]}")
    return client


def timed(client: Any, path: str, name: str, bound: float = BOUND_MS) -> dict[str, Any]:
    times = []
    for _ in range(REQUESTS + FIRST):
        begun = time.perf_counter()
        answer = client.get(f"/api/v2/{path}")
        times.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} was answered {answer.status_code}: {answer.content[:200]!r}")
    note = f"p95 of {REQUESTS} requests, one client, {ENDPOINTS} endpoints"
    return {"name": f"{name}, p95", "ms": percentile(times[FIRST:], 0.95), "bound": bound, "note": note}
