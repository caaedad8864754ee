from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Value
from django.db.models.functions import Upper
from django.db.models.signals import post_init
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from networks.actions import create_network
from networks.models import Network
from tenants.change import SYSTEM
from tenants.lookup import Lookup, by_key
from tenants.models import AuditEntry, Event, Tenant, Verdict
from tenants.storing import add, insert, update
from tenants.testing import Cast

pytestmark = pytest.mark.django_db
NAMED = Lookup(lambda name: Tenant.objects.filter(name=name, default_verdict="allow"), str)


def test_what_is_found_is_what_the_queryset_finds() -> None:
    blue, _ = Tenant.objects.create(name="blue"), Tenant.objects.create(name="green", default_verdict="deny")
    found = NAMED.first("blue")
    assert found is not None
    assert found == blue
    assert {f.attname: getattr(found, f.attname) for f in Tenant._meta.concrete_fields} == Tenant.objects.values().get(
        pk=blue.pk
    )
    assert [NAMED.first(name) for name in ("green", "nobody", "' OR 1=1 --")] == [None] * 3


def test_values_are_put_where_they_belong_however_the_question_orders_them() -> None:
    asked = Lookup(lambda name, pk: Tenant.objects.exclude(pk=pk).filter(name=name).order_by("pk")[:1], str, int)
    blue = Tenant.objects.create(name="blue")
    assert asked.first("blue", blue.pk) is None
    assert asked.all("blue", blue.pk + 1) == [blue]


def test_a_question_that_alters_its_value_is_none_for_a_look_up() -> None:
    altering = Lookup(lambda name: Tenant.objects.filter(name__startswith=name), str)
    with pytest.raises(TypeError, match="not compared as it is"):
        altering.first("b")
    forgotten = Lookup(lambda name: Tenant.objects.filter(name=Upper(Value("b"))), str)
    with pytest.raises(TypeError, match="not compared as it is"):
        forgotten.first("b")


def test_a_row_that_is_found_is_as_one_that_a_queryset_finds(people: Cast) -> None:
    network = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="10.1.0.0/24", labels={"a": "b"})
    found, theirs = by_key(Network).first(network.pk), Network.objects.get(pk=network.pk)
    assert found is not None
    for row in (found, theirs):
        assert (row.labels, row.tenant, str(row), row._state.db, row._state.adding) == (
            {"a": "b"}, people.blue, "net", "default", False,
        )  # fmt: skip
    assert {name: value for name, value in vars(found).items() if name != "_state"} == {
        name: value for name, value in vars(theirs).items() if name != "_state"
    }
    found.label = "saved"
    found.save()
    assert Network.objects.get(pk=network.pk).label == "saved"
    found.refresh_from_db()
    assert found.get_deferred_fields() == set()


def test_a_model_that_somebody_listens_for_is_none_for_a_look_up() -> None:
    Tenant.objects.create(name="blue")
    asked = Lookup(lambda name: Tenant.objects.filter(name=name), str)
    post_init.connect(listener := lambda **_: None, Tenant)
    try:
        with pytest.raises(TypeError, match="when a Tenant is made"):
            asked.first("blue")
    finally:
        post_init.disconnect(listener, Tenant)


def test_a_row_that_is_inserted_is_as_one_that_is_saved() -> None:
    tenant = Tenant.objects.create(name="blue")
    told = {"actor": "a", "via": "api", "verb": "v", "object_type": "t", "object_name": "n", "tenant": tenant}
    told |= {"address": "2001:db8::1", "before": None, "after": {"a": [1, "ü", None]}}
    told |= {"at": timezone.now(), "chain": 0, "digest": "d"}
    saved, inserted = AuditEntry(**told, number=1), AuditEntry(**told, number=2)
    saved.save(force_insert=True)
    with CaptureQueriesContext(connection) as queries:
        insert(inserted)
    assert len(queries) == 1
    rows = AuditEntry.objects.values()
    own = {"id": 0, "number": 0}
    assert rows.get(pk=inserted.pk) | own == rows.get(pk=saved.pk) | own


def test_an_update_is_of_one_row_and_of_the_columns_it_names() -> None:
    blue, green = (Tenant.objects.create(name=name) for name in ("blue", "green"))
    event = Event.objects.create(kind="change", what="w", object_name="n", tenant=blue, data={"a": 1})
    update(Event, event.pk, tenant=green.pk, data={}, what="v", generation=None)
    event.refresh_from_db()
    assert (event.tenant, event.data, event.what, event.object_name) == (green, {}, "v", "n")
    update(Tenant, green.pk, generation=7)
    assert dict(Tenant.objects.values_list("name", "generation")) == {"blue": 1, "green": 7}


def test_inserted_rows_have_the_defaults_of_their_columns() -> None:
    event = Event(kind="change", what="w")
    insert(event)
    stored = Event.objects.get(pk=event.pk)
    assert (stored.data, stored.tenant_id, stored.object_name, stored.at) == ({}, None, "", event.at)


def test_a_row_that_brings_its_key_is_inserted_under_it() -> None:
    blue = Tenant(pk=4711, name="blue")
    with CaptureQueriesContext(connection) as queries:
        insert(blue)
    assert len(queries) == 1
    assert Tenant.objects.get(name="blue").pk == 4711 == blue.pk
    with pytest.raises(IntegrityError):
        insert(Tenant(pk=4711, name="green"))


def test_a_row_that_is_added_is_as_one_that_is_inserted() -> None:
    tenant = Tenant.objects.create(name="blue")
    event = Event(kind="change", what="w", tenant=tenant, generation=7, data={"a": 1})
    insert(event)
    key = add(Event, kind="change", what="w", tenant_id=tenant.pk, generation=7, data={"a": 1})
    rows = Event.objects.values()
    own = {"id": 0, "at": None}
    assert rows.get(pk=key) | own == rows.get(pk=event.pk) | own
    assert abs(Event.objects.get(pk=key).at - event.at) < timedelta(seconds=5)
    with pytest.raises(TypeError, match="Event has no column nonsense, tenant"):
        add(Event, kind="change", what="w", tenant=tenant, nonsense=1)


def test_values_that_are_not_of_their_columns_own_type_are_prepared_as_the_column_does() -> None:
    blue = Tenant(name=Verdict.DENY, default_verdict=Verdict.DENY, generation="12")
    insert(blue)
    assert list(Tenant.objects.values_list("name", "default_verdict", "generation")) == [("deny", "deny", 12)]
    with pytest.raises(ValueError, match="expected a number"):
        insert(Tenant(name="green", generation="many"))


def test_what_the_database_refuses_is_told_as_djangos_own_error() -> None:
    Tenant.objects.create(name="blue")
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Tenant(name="blue"))
    with pytest.raises(TransactionManagementError), transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic(savepoint=False):
            insert(Tenant(name="blue"))
        by_key(Tenant).first(1)
