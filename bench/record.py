"""What reading the whole record costs (`manage.py verify_audit`): a million rows in five chains.

The rows are written past the verbs, bound as verbs bind them; the command runs as an operator runs it, in a process of
its own, and its memory is what that process came to at the most.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.databases import databases, made_anew
from bench.figures import Figure
from bench.installation import ROOT

#: Read before the others are written: what memory is compared with.
FEW, ROWS = 10_000, 1_000_000
TENANTS = 4
BATCH = 5_000
BOUND_S, BOUND_MB, BOUND_TIMES = 120.0, 200.0, 1.5


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run of the command: how long it took, how much of that it worked, and its memory at the most."""

    seconds: float
    busy: float
    megabytes: float


def measure() -> Iterator[Figure]:
    for name, url in databases():
        with made_anew(url), tempfile.TemporaryDirectory(prefix="contivui-bench-") as folder:
            environment = {**os.environ, "CONTIVUI_DATA": folder, "DATABASE_URL": url, "LOG_LEVEL": "ERROR"}
            environment["DJANGO_SETTINGS_MODULE"] = "contivui.settings"
            _written(environment, FEW)
            before = _verified(environment, FEW)
            _written(environment, ROWS)
            found = _verified(environment, ROWS)
        note = f"{ROWS} rows in {TENANTS + 1} chains"
        yield Figure(f"{name}: verify_audit of a million rows", found.seconds, "s", "at most", BOUND_S, note)
        yield Figure(f"{name}: its processor time", found.busy, "s", note=note)
        yield Figure(f"{name}: its memory", found.megabytes, "MB", "at most", BOUND_MB, note)
        times = found.megabytes / before.megabytes
        yield Figure(f"{name}: its memory, in times of {FEW} rows", times, "×", "at most", BOUND_TIMES, note)


def _written(environment: Mapping[str, str], total: int) -> None:
    script = f"from bench.record import inside; inside({total})"
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, check=True)


def _verified(environment: Mapping[str, str], rows: int) -> Cost:
    """RuntimeError when it does not find all rows as they were written."""
    begun = time.perf_counter()
    command = [sys.executable, "manage.py", "verify_audit"]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or f"{rows} rows in {TENANTS + 1} chains read: nothing wrong." not in said:
        raise RuntimeError(f"verify_audit of {rows} rows: {said[-500:]}")
    return Cost(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def inside(total: int) -> None:
    """In a process of its own, whose settings name the database: rows until there are so many, each chain in turn."""
    import django

    django.setup()
    from django.db import transaction

    from tenants.chain import Head, keep
    from tenants.models import AuditEntry, ClusterRecord, Tenant

    if not _there():
        _begin()
    pattern = AuditEntry.objects.filter(verb="endpoint.create").latest("pk")
    newest, left = AuditEntry.objects.latest("pk").pk, total - AuditEntry.objects.count()
    while left > 0:
        with transaction.atomic():
            owners = [ClusterRecord.locked(), *Tenant.objects.order_by("pk")]
            heads = [Head.of(owner) for owner in owners]
            rows = []
            for n in range(min(BATCH, left)):
                at = n % len(owners)
                row, heads[at] = _next(pattern, owners[at], heads[at], newest + n + 1)
                rows.append(row)
            _insert(pattern, rows)
            for owner, head in zip(owners, heads, strict=True):
                keep(owner, head)
        left, newest = left - len(rows), newest + len(rows)


def _insert(pattern: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows that differ from the pattern in these columns: what does not differ is made for the database once."""
    from django.db import connection

    fields = {field.attname: field for field in pattern._meta.concrete_fields}
    same = {name: field.get_db_prep_save(getattr(pattern, name), connection) for name, field in fields.items()}
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields.values())
    holes = ", ".join("%s" for _ in fields)
    statement = f"INSERT INTO {pattern._meta.db_table} ({columns}) VALUES ({holes})"
    with connection.cursor() as cursor:
        cursor.executemany(statement, [tuple({**same, **row}.values()) for row in rows])


def _there() -> bool:
    from django.db import connection

    return "tenants_auditentry" in connection.introspection.table_names()


def _begin() -> None:
    """The tables, tenants, and one change as verbs write it down, which the others are like."""
    from django.core.management import call_command

    from networks.actions import create_endpoint, create_network
    from tenants.actions import create_tenant
    from tenants.change import SYSTEM
    from tenants.signals import nodes_changed, tenant_changed

    call_command("migrate", verbosity=0)
    # Nobody listens here: there is no broker to wake.
    tenant_changed.receivers = nodes_changed.receivers = []
    tenants = [create_tenant(actor=SYSTEM, name=f"tenant-{n}") for n in range(TENANTS)]
    network = create_network(actor=SYSTEM, tenant=tenants[0], name="app", subnet4="20.1.0.0/16")
    create_endpoint(actor=SYSTEM, tenant=tenants[0], name="web-1", network=network)


def _next(pattern: Any, owner: Any, head: Any, pk: int) -> tuple[dict[str, Any], Any]:
    """What the next row of a chain has otherwise than the pattern, and the end of the chain then."""
    from tenants import chain
    from tenants.models import Tenant

    tenant = owner if isinstance(owner, Tenant) else None
    number = head.number + 1
    differs = {"chain": tenant.pk if tenant else chain.CLUSTER, "number": number}
    differs |= {"tenant_id": tenant and tenant.pk, "tenant_name": tenant.name if tenant else ""}
    digest = chain.digest(head.link, {**chain.content_of(pattern), **differs})
    return {**differs, "id": pk, "digest": digest}, chain.Head(number, chain.link(pk, digest))
