"""The record cannot be bent: whatever is done to its rows past the product is found, with the row's number."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from contivui.web.trace import traced
from tenants import chain
from tenants.actions import create_tenant, delete_tenant, update_tenant
from tenants.change import SYSTEM, Actor
from tenants.models import AddedOnly, AuditEntry, ClusterRecord, Tenant
from tenants.testing import Cast
from tenants.undo import take_back
from tenants.users import create_user
from tenants.verify import Verification

ALICE = Actor("alice", "api", 1, "2001:DB8::1", "ci cvui_123")
ROWS = 6


@pytest.fixture
def blue(people: Cast) -> Tenant:
    """Blue, with rows of its own: a member, and then descriptions."""
    with traced("build-7"):
        for number in range(ROWS - 1):
            update_tenant(actor=ALICE, row=people.blue, description=f"number {number}")
    return Tenant.objects.get(pk=people.blue.pk)


def faults() -> list[str]:
    return [str(fault) for fault in Verification().faults()]


def sql(text: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def test_it_is_whole_as_it_is_written(blue: Tenant) -> None:
    verification = Verification()
    assert list(verification.faults()) == []
    assert verification.rows == AuditEntry.objects.count()
    assert list(AuditEntry.objects.filter(chain=blue.pk).order_by("pk").values_list("number", flat=True)) == [
        *range(1, ROWS + 1)
    ]


ALTERED = {
    "at": "at - interval '1 second'" if connection.vendor == "postgresql" else "'2020-01-01 00:00:00'",
    "actor": "'mallory'",
    "user_id": "99",
    "token": "'another'",
    "via": "'page'",
    "address": "'10.0.0.1'",
    "request": "'build-8'",
    "batch": "'0'",
    "undoes": "1",
    "tenant_id": "null",
    "tenant_name": "'green'",
    "generation": "generation + 1",
    "verb": "'tenant.create'",
    "object_type": "'node'",
    "object_id": "object_id + 1",
    "object_name": "'violet'",
    "before": """'{"name": "blue"}'""",
    "after": """'{"name": "blue"}'""",
    "digest": "'0'",
    "number": "number + 100",
    "chain": "chain + 100",
    "id": "id + 100000",
}


def test_every_column_is_tried() -> None:
    assert ALTERED.keys() == {field.column for field in AuditEntry._meta.concrete_fields}


@pytest.mark.parametrize("number", [1, 3, ROWS])
def test_an_altered_column_is_found(blue: Tenant, number: int) -> None:
    missed = [column for column in ALTERED if not _is_found(blue, column, number)]
    assert missed == []


def _is_found(tenant: Tenant, column: str, number: int) -> bool:
    with transaction.atomic():
        sql(
            f"UPDATE tenants_auditentry SET {column} = {ALTERED[column]} WHERE chain = %s AND number = %s",
            tenant.pk,
            number,
        )
        found = {fault.split(":")[0] for fault in faults()}
        transaction.set_rollback(True)
    # An id is bound by the row after it, or by the end of the chain.
    named = number + 1 if column == "id" and number < ROWS else number
    return f"Row {named} of tenant {tenant.name}" in found


@pytest.mark.parametrize("number", [1, 3, ROWS])
def test_a_row_taken_out_is_found(blue: Tenant, number: int) -> None:
    sql("DELETE FROM tenants_auditentry WHERE chain = %s AND number = %s", blue.pk, number)
    assert faults() == [f"Row {number} of tenant blue: it is missing."]


def test_a_whole_chain_taken_out_is_found(blue: Tenant) -> None:
    sql("DELETE FROM tenants_auditentry WHERE chain = %s", blue.pk)
    assert faults() == [f"Row 1 of tenant blue: it and all up to row {ROWS} are missing."]


def test_the_last_rows_cannot_be_taken_out_together_with_the_end(blue: Tenant) -> None:
    """Nowhere in the database does it say what the end was when an earlier row was the last."""
    digest = AuditEntry.objects.get(chain=blue.pk, number=ROWS - 1).digest
    sql("DELETE FROM tenants_auditentry WHERE chain = %s AND number = %s", blue.pk, ROWS)
    sql("UPDATE tenants_tenant SET record_number = %s, record_link = %s WHERE id = %s", ROWS - 1, digest, blue.pk)
    assert [fault.split(":")[0] for fault in faults()] == [f"Row {ROWS - 1} of tenant blue"]


def test_two_rows_in_another_order_are_found(blue: Tenant) -> None:
    for old, new in ((2, 1000), (3, 2), (1000, 3)):
        sql("UPDATE tenants_auditentry SET number = %s WHERE chain = %s AND number = %s", new, blue.pk, old)
    found = faults()
    assert {"Row 2 of tenant blue", "Row 3 of tenant blue"} <= {fault.split(":")[0] for fault in found}


def test_a_row_put_in_is_found(blue: Tenant) -> None:
    columns = [f.column for f in AuditEntry._meta.concrete_fields if f.column not in ("id", "number")]
    listed = ", ".join(columns)
    sql(
        f"INSERT INTO tenants_auditentry (number, {listed}) SELECT number + 1, {listed} FROM tenants_auditentry"
        " WHERE chain = %s AND number = %s",
        blue.pk,
        ROWS,
    )
    assert [fault.split(":")[0] for fault in faults()] == [f"Row {ROWS + 1} of tenant blue"]


def test_a_tenant_taken_out_with_all_its_rows_is_found(blue: Tenant) -> None:
    sql("DELETE FROM tenants_auditentry WHERE chain = %s", blue.pk)
    for table in ("membership", "realization", "event", "tenant"):
        column = "id" if table == "tenant" else "tenant_id"
        sql(f"DELETE FROM tenants_{table} WHERE {column} = %s", blue.pk)
    assert faults() == ["Row 0 of tenant blue: the tenant is gone, and nobody deleted it."]


def test_the_rows_of_a_deleted_tenant_stay_bound(blue: Tenant) -> None:
    delete_tenant(actor=SYSTEM, row=blue)
    assert faults() == []
    assert AuditEntry.objects.filter(tenant=blue.pk, tenant_name="blue").exists()
    sql("DELETE FROM tenants_auditentry WHERE chain = %s AND number = %s", blue.pk, ROWS)
    assert faults() == [f"Row {ROWS} of tenant blue, deleted: it is missing."]


def test_a_tenant_brought_back_covers_nothing_up(blue: Tenant) -> None:
    delete_tenant(actor=SYSTEM, row=blue)
    deleted = AuditEntry.objects.get(verb="tenant.delete")
    sql("DELETE FROM tenants_auditentry WHERE chain = %s AND number = %s", blue.pk, ROWS)
    take_back([deleted], SYSTEM)
    assert [fault.split(":")[0] for fault in faults()] == [f"Row {ROWS} of tenant blue"]


def test_the_cluster_has_a_chain_of_its_own(people: Cast) -> None:
    create_user(actor=SYSTEM, username="dora", password="a long enough one")
    end = ClusterRecord.objects.get().record_number
    assert AuditEntry.objects.get(chain=chain.CLUSTER, number=end).verb == "user.create"
    sql("DELETE FROM tenants_auditentry WHERE chain = 0 AND number = %s", end)
    assert faults() == [f"Row {end} of the cluster: it is missing."]


def test_who_has_not_the_key_cannot_make_it_anew(blue: Tenant, settings: object) -> None:
    """What an intruder makes of the rows with a key of his own is found with ours."""
    chain._keyed.cache_clear()
    own, settings.RECORD_KEY = settings.RECORD_KEY, "another"  # type: ignore[attr-defined]
    update_tenant(actor=ALICE, row=blue, description="of another key")
    settings.RECORD_KEY = own  # type: ignore[attr-defined]
    chain._keyed.cache_clear()
    assert f"Row {ROWS + 1} of tenant blue" in {fault.split(":")[0] for fault in faults()}


def test_the_model_neither_alters_nor_deletes(blue: Tenant) -> None:
    entry = AuditEntry.objects.get(chain=blue.pk, number=2)
    attempts: list[Callable[[], object]] = [
        entry.save,
        entry.delete,
        lambda: AuditEntry.objects.filter(pk=entry.pk).update(actor="mallory"),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditEntry.objects.create(actor="mallory", at=entry.at, chain=0, number=99),
    ]
    for attempt in attempts:
        with pytest.raises(AddedOnly):
            attempt()
    assert faults() == []


def test_a_change_says_by_which_token_and_request(blue: Tenant) -> None:
    one, other = AuditEntry.objects.filter(chain=blue.pk)[:2]
    assert (one.token, one.request, one.address) == ("ci cvui_123", "build-7", "2001:db8::1")
    assert one.batch == other.batch != ""


def test_rows_from_before_there_were_chains_are_bound(blue: Tenant) -> None:
    """What the migration does with an installation that is there."""
    sql("UPDATE tenants_auditentry SET chain = 0, number = id + 1000, digest = ''")
    sql("UPDATE tenants_tenant SET record_number = 0, record_link = ''")
    sql("DELETE FROM tenants_clusterrecord")
    assert faults() != []
    migration = import_module("tenants.migrations.0004_record_as_chains")
    state = MigrationLoader(connection).project_state(("tenants", "0004_record_as_chains"))
    migration.bind(state.apps, None)
    assert faults() == []
    assert AuditEntry.objects.filter(chain=blue.pk).count() == ROWS
    update_tenant(actor=ALICE, row=blue, description="and so on")
    assert faults() == []


def run(*args: str) -> tuple[int, str, str]:
    out, err, status = StringIO(), StringIO(), 0
    try:
        call_command("verify_audit", *args, stdout=out, stderr=err)
    except SystemExit as stop:
        status = int(str(stop.code))
    return status, out.getvalue(), err.getvalue()


def test_the_command_names_rows_and_ends_with_1(blue: Tenant) -> None:
    assert run() == (0, "", f"{AuditEntry.objects.count()} rows in 2 chains read: nothing wrong.\n")
    sql("UPDATE tenants_auditentry SET actor = 'bob' WHERE chain = %s AND number = 2", blue.pk)
    status, _, said = run()
    assert status == 1
    assert said.startswith("Row 2 of tenant blue: it was altered")


def test_a_record_put_back_to_an_earlier_day_is_found_by_what_was_kept_elsewhere(blue: Tenant, tmp_path: Path) -> None:
    row = {name: getattr(blue, name) for name in ("record_number", "record_link")}
    update_tenant(actor=ALICE, row=blue, description="what is to be forgotten")
    kept = tmp_path / "head"
    kept.write_text(run("--head")[1])
    assert json.loads(kept.read_text())[str(blue.pk)][0] == ROWS + 1
    assert run("--against", str(kept))[0] == 0
    sql("DELETE FROM tenants_auditentry WHERE chain = %s AND number > %s", blue.pk, ROWS)
    sql(
        "UPDATE tenants_tenant SET record_number = %s, record_link = %s WHERE id = %s",
        row["record_number"],
        row["record_link"],
        blue.pk,
    )
    assert run()[0] == 0, "who saw the end of that day can go back to it"
    status, _, said = run("--against", str(kept))
    assert (status, said.split(":")[0]) == (1, f"Row {ROWS + 1} of tenant blue")


def test_a_new_tenant_begins_a_chain(db: None) -> None:
    tenant = create_tenant(actor=SYSTEM, name="violet")
    assert faults() == []
    assert AuditEntry.objects.get(tenant=tenant).chain == chain.CLUSTER
