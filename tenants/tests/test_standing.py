"""What was read of a locked tenant stands until a verb is done, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from networks.actions import create_group, create_network, update_network
from networks.models import Network
from tenants import chain, standing
from tenants.actions import update_tenant
from tenants.change import SYSTEM, as_one, change
from tenants.checks import named_in, owned
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast
from tenants.verify import Verification


def asked(ask: Any) -> int:
    """The queries that something takes."""
    with CaptureQueriesContext(connection) as queries:
        ask()
    return len(queries)


@pytest.fixture
def net(people: Cast) -> Network:
    return create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="10.1.0.0/24")


def test_of_a_locked_tenant_an_answer_is_asked_for_once(people: Cast, net: Network) -> None:
    with as_one():
        tenant = standing.locked_by_name("blue")
        assert tenant is not None
        first = named_in(tenant, Network, "net")
        assert first == net
        assert asked(lambda: named_in(tenant, Network, "net")) == 0
        assert named_in(tenant, Network, "net") is first
        assert asked(lambda: owned("network", first, tenant)) == 0
        assert asked(lambda: standing.locked(tenant.pk)) == 0
        assert named_in(tenant, Network, "no") is None
        assert asked(lambda: named_in(tenant, Network, "no")) == 0


def test_of_a_tenant_that_is_not_locked_it_is_asked_for_each_time(people: Cast, net: Network) -> None:
    with as_one():
        standing.locked_by_name("green")
        assert asked(lambda: named_in(people.blue, Network, "net")) == 1
        assert asked(lambda: named_in(people.blue, Network, "net")) == 1
    with transaction.atomic():
        standing.locked_by_name("blue")
        assert asked(lambda: named_in(people.blue, Network, "net")) == 1
        assert asked(lambda: named_in(people.blue, Network, "net")) == 1


def test_a_row_of_another_tenant_is_refused_also_where_it_stands(people: Cast, net: Network) -> None:
    with pytest.raises(ValidationError, match="Tenant green has no network"), as_one():
        standing.locked_by_name("blue")
        standing.locked_by_name("green")
        found = named_in(people.blue, Network, "net")
        assert found is not None
        owned("network", found, people.green)


def test_a_row_that_was_read_otherwise_is_read_again(people: Cast, net: Network) -> None:
    with as_one():
        tenant = standing.locked_by_name("blue")
        assert tenant is not None
        named_in(tenant, Network, "net")
        stale = Network(pk=net.pk, tenant=tenant, name="stale")
        assert owned("network", stale, tenant).name == "net"


def test_after_a_verb_everything_is_read_again(people: Cast, net: Network) -> None:
    with as_one():
        tenant = standing.locked_by_name("blue")
        assert tenant is not None
        assert named_in(tenant, Network, "net") is not None
        update_network(actor=SYSTEM, row=net, name="other")
        assert named_in(tenant, Network, "net") is None
        assert named_in(tenant, Network, "other") == net


def test_verbs_one_after_another_each_have_a_generation_and_a_row_of_the_chain(people: Cast, net: Network) -> None:
    before = Tenant.objects.get(pk=people.blue.pk).generation
    with as_one():
        standing.locked_by_name("blue")
        for name in ("a", "b", "c"):
            create_group(actor=SYSTEM, tenant=people.blue, name=name, network=net)
        update_tenant(actor=SYSTEM, row=people.blue, description="changed itself")
        create_group(actor=SYSTEM, tenant=people.blue, name="d", network=net)
    stored = Tenant.objects.get(pk=people.blue.pk)
    assert (stored.generation, stored.description) == (before + 5, "changed itself")
    entries = AuditEntry.objects.filter(tenant=stored, generation__gt=before).order_by("number")
    assert [entry.generation for entry in entries] == [before + n for n in range(1, 6)]
    assert list(Verification().faults()) == []


def test_a_limit_that_was_set_in_between_counts_for_the_next_verb(people: Cast, net: Network) -> None:
    with as_one():
        standing.locked_by_name("blue")
        create_group(actor=SYSTEM, tenant=people.blue, name="a", network=net)
        with change(actor=SYSTEM, tenant=people.blue, verb="tenant.limits") as step:
            row = Tenant.objects.get(pk=people.blue.pk)
            row.limits = {"groups": 1}
            row.save(update_fields=["limits"])
            step.updated(row, {})
        with pytest.raises(ValidationError, match="may have 1 groups"):
            create_group(actor=SYSTEM, tenant=people.blue, name="b", network=net)


def test_an_entry_beside_the_verbs_keeps_the_chain_whole(people: Cast, net: Network) -> None:
    with as_one():
        standing.locked_by_name("blue")
        create_group(actor=SYSTEM, tenant=people.blue, name="a", network=net)
        told: dict[str, Any] = {"actor": "n", "via": "agent", "verb": "drift.found", "object_type": "node"}
        chain.write(AuditEntry(tenant=people.blue, tenant_name="blue", object_name="n", **told))
        create_group(actor=SYSTEM, tenant=people.blue, name="b", network=net)
    assert list(Verification().faults()) == []


def test_nothing_stands_after_the_transaction(people: Cast, net: Network) -> None:
    with as_one():
        standing.locked_by_name("blue")
        named_in(people.blue, Network, "net")
    assert not standing.is_kept()
    assert asked(lambda: named_in(people.blue, Network, "net")) == 1
