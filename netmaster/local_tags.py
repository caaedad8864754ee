"""The VLAN that clients see for a VXLAN network: the lowest free number, given when somebody first asks."""

from __future__ import annotations

from django.db import connection, transaction

from netmaster.models import LocalTag
from networks.models import Network
from networks.tags import locked_fabric
from tenants.lookup import Lookup
from tenants.storing import insert

FIRST, LAST = 1, 4094
GIVEN = Lookup(lambda network: LocalTag.objects.filter(network=network), int)


def local_tag(network: Network) -> int:
    """The network's number; 0 when all are given."""
    found = getattr(network, "local_tag", None)
    return found.number if found else give_local_tag(network)


def give_local_tag(network: Network, *, new: bool = False) -> int:
    """As local_tag, of a network that nobody has asked of yet; nobody can have, where it was made in this transaction
    (`new`)."""
    with transaction.atomic(savepoint=False):
        locked_fabric()
        found = None if new else GIVEN.first(network.pk)
        if found is not None:
            return found.number
        number = _lowest()
        if number:
            insert(LocalTag(network=network, number=number))
        return number


def _lowest() -> int:
    """The lowest number that is free, 0 when none is. Only where there are gaps all that are given are looked at."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*), MAX(number) FROM {LocalTag._meta.db_table}")  # noqa: S608
        count, highest = cursor.fetchone()
    last = highest or FIRST - 1
    if count == last - FIRST + 1:
        return last + 1 if last < LAST else 0
    used = set(LocalTag.objects.order_by().values_list("number", flat=True))
    return next((number for number in range(FIRST, LAST + 1) if number not in used), 0)
