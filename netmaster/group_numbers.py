"""The numbers of groups, counted round and round over all tenants, as clients see them in records of endpoints."""

from __future__ import annotations

from django.db import transaction

from netmaster.models import GroupCounter, GroupNumber
from networks.models import EndpointGroup

LAST = 65535


def group_number(group: EndpointGroup) -> int:
    """The group's number; one that was made elsewhere gets it when somebody first asks. 0 when all are given."""
    found = getattr(group, "contiv_number", None)
    return found.number if found else give_number(group)


def give_number(group: EndpointGroup) -> int:
    """The next number that no group has."""
    with transaction.atomic():
        counter = _locked()
        found = GroupNumber.objects.filter(group=group).first()
        if found is not None:
            return found.number
        for ahead in range(LAST):
            number = (counter.last + ahead) % LAST + 1
            if not GroupNumber.objects.filter(number=number).exists():
                GroupNumber.objects.create(group=group, number=number)
                _count(counter, number)
                return number
        return 0


def skip_number() -> None:
    """Count a group that was refused after Contiv has counted it."""
    with transaction.atomic():
        counter = _locked()
        _count(counter, counter.last % LAST + 1)


def _locked() -> GroupCounter:
    return GroupCounter.objects.select_for_update().get_or_create(pk=1)[0]


def _count(counter: GroupCounter, number: int) -> None:
    counter.last = number
    counter.save()
