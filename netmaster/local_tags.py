"""The VLAN that clients see for a VXLAN network: the lowest free number, given when somebody first asks."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, Max

from netmaster.models import LocalTag
from networks.models import Network
from networks.tags import locked_fabric
from tenants.lookup import Lookup

FIRST, LAST = 1, 4094
GIVEN = Lookup(lambda network: LocalTag.objects.filter(network=network), int)


def local_tag(network: Network) -> int:
    """The network's number; 0 when all are given."""
    found = getattr(network, "local_tag", None)
    return found.number if found else _give(network)


def _give(network: Network) -> int:
    with transaction.atomic():
        locked_fabric()
        found = GIVEN.first(network.pk)
        if found is not None:
            return found.number
        number = _lowest()
        if number:
            LocalTag.objects.create(network=network, number=number)
        return number


def _lowest() -> int:
    """The lowest number that is free, 0 when none is. Only where there are gaps all that are given are looked at."""
    said = LocalTag.objects.aggregate(count=Count("pk"), last=Max("number"))
    last = said["last"] or FIRST - 1
    if said["count"] == last - FIRST + 1:
        return last + 1 if last < LAST else 0
    used = set(LocalTag.objects.order_by().values_list("number", flat=True))
    return next((number for number in range(FIRST, LAST + 1) if number not in used), 0)
