"""The verbs on nodes. How a machine becomes one, and ceases to be, is in joining.py."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from core.labels import Labels
from networks.actions.join_token import issue
from networks.models import Endpoint, Node
from tenants.change import KEEP, Actor, Keep, assign, change, held, plain
from tenants.checks import FieldErrors, name_free, unused, users_seen
from tenants.models import Tenant


def create_node(
    *, actor: Actor, name: str, vtep: str, labels: Labels | None = None, pk: int | None = None
) -> tuple[Node, str]:
    """Add a node. Answers it and a token for its machine to join with, which nobody can read again. `vtep` is its
    underlay IPv4 address."""
    with transaction.atomic():
        row = add_node(actor=actor, name=name, vtep=vtep, labels=labels, pk=pk)
        # Of one change with the node: taken back, it takes its token along.
        return row, issue(row)[1]


def add_node(*, actor: Actor, name: str, vtep: str, labels: Labels | None = None, pk: int | None = None) -> Node:
    """A node, and no way in for its machine yet."""
    with change(actor=actor, tenant=None, verb="node.create") as step:
        row = Node(pk=pk, name=name, vtep=vtep, labels=labels or {})
        _check(row)
        row.save()
        step.created(row)
    return row


def update_node(
    *, actor: Actor, row: Node, name: str | Keep = KEEP, vtep: str | Keep = KEEP, labels: Labels | Keep = KEEP
) -> Node:
    """Rename, or give another underlay address. Every tenant with an endpoint here moves on: it is told of by its name,
    and reached at its address."""
    with change(actor=actor, tenant=None, verb="node.update") as step:
        hold_nodes([row])
        row = held(row)
        before = plain(row)
        assign(row, name=name, vtep=vtep, labels=labels)
        _check(row)
        if step.same(row, before):
            return row
        row.save()
        if (before["name"], before["vtep"]) != (row.name, row.vtep):
            step.touches(_tenants_on([row]))
        step.updated(row, before)
    return row


def delete_node(*, actor: Actor, row: Node) -> None:
    """Remove a node that carries no endpoint any more. Raises Refused naming those it carries."""
    with change(actor=actor, tenant=None, verb="node.delete") as step:
        row = held(row)
        on_it = Endpoint.objects.filter(node=row)
        unused(row, users_seen(actor, on_it, lambda one: f"endpoint {one} of tenant {one.tenant} is on it"))
        before = plain(row)
        row.delete()
        step.deleted(row, before)


def _check(row: Node) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    name_free(row, errors)
    # What is no address must not get to the database: one of them cannot be asked for it.
    vtep = None if "vtep" in errors.found else row.vtep
    other = Node.objects.filter(vtep=vtep).exclude(pk=row.pk).first() if vtep else None
    if other is not None:
        errors.add("vtep", f"Node {other.name} has {row.vtep} already. Give this node's own address.", "taken")
    errors.settle()


def hold_nodes(rows: Sequence[Node]) -> None:
    """Lock nodes as every verb does that alters one: first the tenants on them, as verbs do that place an endpoint, so
    that two writers never wait for each other."""
    list(Tenant.objects.select_for_update().filter(pk__in=_tenants_on(rows)).order_by("pk"))
    list(Node.objects.select_for_update().filter(pk__in=[row.pk for row in rows]).order_by("pk"))


def _tenants_on(rows: Sequence[Node]) -> list[int]:
    return list(Endpoint.objects.filter(node__in=rows).order_by().values_list("tenant_id", flat=True).distinct())
