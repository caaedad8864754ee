"""The numbers of groups, counted round and round over all tenants, as clients see them in records of endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from netmaster.models import GroupCounter, GroupNumber
from networks.models import EndpointGroup
from tenants.lookup import Lookup
from tenants.storing import insert, update

LAST = 65535
#: Numbers kept in memory at most.
MOST_KEPT = 10_000
_numbers: dict[tuple[int, datetime], int] = {}
OF_GROUP = Lookup(lambda group: GroupNumber.objects.filter(group=group), int)
HOLDER = Lookup(lambda number: GroupNumber.objects.filter(number=number), int)
COUNTER = Lookup(lambda: GroupCounter.objects.select_for_update().filter(pk=1))


def group_number(group: EndpointGroup) -> int:
    """The group's number; one that was made elsewhere gets it when somebody first asks. 0 when all are given."""
    # A list has read it along; a group alone is asked of here, since Django would make the question anew each time.
    known = GroupNumber._meta.get_field("group").remote_field
    if known.is_cached(group):
        found: Any = known.get_cached_value(group)
        return found.number if found else give_number(group)
    # Its own as long as it lives, so it is asked of once; by the moment it was made as well, for keys may come again.
    place = group.pk, group.created_at
    if place not in _numbers:
        found = OF_GROUP.first(group.pk)
        number = found.number if found else give_number(group)
        # What is not committed yet may never be.
        if connection.in_atomic_block or not number:
            return number
        if len(_numbers) >= MOST_KEPT:
            _numbers.clear()
        _numbers[place] = number
    return _numbers[place]


def give_number(group: EndpointGroup, *, new: bool = False) -> int:
    """The next number that no group has; the group's own, if it got one meanwhile. It cannot have, where it was made in
    this transaction (`new`)."""
    with transaction.atomic(savepoint=False):
        counter = _locked()
        found = None if new else OF_GROUP.first(group.pk)
        if found is not None:
            return found.number
        for ahead in range(LAST):
            number = (counter.last + ahead) % LAST + 1
            if HOLDER.first(number) is None:
                insert(GroupNumber(group=group, number=number))
                _count(counter, number)
                return number
        return 0


def skip_number() -> None:
    """Count a group that was refused after Contiv has counted it."""
    with transaction.atomic(savepoint=False):
        counter = _locked()
        _count(counter, counter.last % LAST + 1)


def _locked() -> GroupCounter:
    return COUNTER.first() or GroupCounter.objects.select_for_update().get_or_create(pk=1)[0]


def _count(counter: GroupCounter, number: int) -> None:
    update(GroupCounter, counter.pk, last=number)
