"""The frame of every verb: what it records, whom it wakes, and what the database's own refusals become."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from tenants.actions import create_tenant, delete_tenant, update_tenant
from tenants.change import SYSTEM, Refused, as_one, change, collision
from tenants.models import AuditEntry, Realization, Tenant
from tenants.signals import nodes_changed, tenant_changed
from tenants.testing import Cast


def test_it_wakes_the_tenants_listeners_after_the_commit_and_only_then(
    people: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[tuple[int, int]] = []

    def listener(tenant_id: int, generation: int, **_: Any) -> None:
        heard.append((tenant_id, generation))

    tenant_changed.connect(listener)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            row = update_tenant(actor=SYSTEM, row=people.blue, description="x")
            assert heard == []
    finally:
        tenant_changed.disconnect(listener)
    assert heard == [(row.pk, row.generation)]


def test_a_listener_that_fails_does_not_fail_the_change(people: Cast, django_capture_on_commit_callbacks: Any) -> None:
    def listener(**_: Any) -> None:
        raise RuntimeError("the broker is away")

    nodes_changed.connect(listener)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            create_tenant(actor=SYSTEM, name="red")
    finally:
        nodes_changed.disconnect(listener)
    assert Tenant.objects.filter(name="red").exists()


def test_a_verb_that_fails_leaves_nothing_behind(people: Cast) -> None:
    people.blue.refresh_from_db()
    before = (people.blue.generation, AuditEntry.objects.count(), Realization.objects.count())
    with pytest.raises(ZeroDivisionError), change(actor=SYSTEM, tenant=people.blue, verb="tenant.update") as step:
        Tenant.objects.filter(pk=people.blue.pk).update(description="half")
        step.updated(people.blue, {})
        raise ZeroDivisionError
    people.blue.refresh_from_db()
    assert (people.blue.generation, AuditEntry.objects.count(), Realization.objects.count()) == before
    assert people.blue.description == ""


def test_a_verb_that_tells_the_record_nothing_is_a_fault_of_ours(people: Cast) -> None:
    with (
        pytest.raises(RuntimeError, match="told the record nothing"),
        change(actor=SYSTEM, tenant=people.blue, verb="x.y"),
    ):
        pass


def test_what_only_the_database_saw_becomes_an_error_of_its_field(people: Cast) -> None:
    with pytest.raises(ValidationError) as caught, change(actor=SYSTEM, tenant=None, verb="tenant.create"):
        Tenant.objects.create(name="blue")
    assert caught.value.error_dict["name"][0].code == "collision"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("UNIQUE constraint failed: networks_network.tenant_id, networks_network.name", "name"),
        ("UNIQUE constraint failed: networks_endpoint.network_id, networks_endpoint.ip4", "ip4"),
        ('duplicate key value violates "x"\nDETAIL:  Key (encap, tag)=(vxlan, 7) already exists.', "tag"),
        ('violates foreign key\nDETAIL:  Key (node_id)=(3) is not present in table "networks_node".', "node"),
        ("FOREIGN KEY constraint failed", "__all__"),
    ],
)
def test_it_reads_the_field_from_the_words_of_either_database(said: str, field: str) -> None:
    assert list(collision(IntegrityError(said)).error_dict) == [field]


def test_it_says_when_the_tenant_itself_is_gone(people: Cast) -> None:
    red = create_tenant(actor=SYSTEM, name="red")
    delete_tenant(actor=SYSTEM, row=Tenant.objects.get(pk=red.pk))
    with pytest.raises(Refused) as caught:
        update_tenant(actor=SYSTEM, row=red, name="x")
    assert caught.value.code == "gone"


def test_verbs_done_together_are_all_undone_by_the_refusal_of_one(people: Cast) -> None:
    """Also inside a transaction of somebody who goes on afterwards, which then holds what was done outside only."""
    records = AuditEntry.objects.count()
    with transaction.atomic():
        with pytest.raises(ValidationError), as_one():
            update_tenant(actor=SYSTEM, row=people.blue, description="half")
            update_tenant(actor=SYSTEM, row=people.blue, name="no name")
        update_tenant(actor=SYSTEM, row=people.green, description="whole")
    told = dict(Tenant.objects.values_list("name", "description"))
    assert (told["blue"], told["green"], AuditEntry.objects.count()) == ("", "whole", records + 1)


def test_a_verb_alone_after_others_done_together_can_be_refused_and_gone_on_from(people: Cast) -> None:
    with as_one():
        update_tenant(actor=SYSTEM, row=people.blue, description="first")
    with transaction.atomic():
        with pytest.raises(ValidationError):
            update_tenant(actor=SYSTEM, row=people.blue, name="no name")
        update_tenant(actor=SYSTEM, row=people.blue, description="second")
    assert Tenant.objects.get(pk=people.blue.pk).description == "second"
