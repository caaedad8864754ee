"""The free numbers of a space as rows: a change reads and writes the few spans it meets, whatever else is in use.

Called inside change() with the lock of whoever owns the numbers held: the tenant's row for addresses, the fabric's for
tags. Numbers are written in hexadecimal of a fixed width; only this module knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from django.db.models import QuerySet

from core import spans
from core.intervals import Interval
from core.spans import Pool, Span
from networks.models import FreeSpan, NumberSpace
from tenants.lookup import Lookup
from tenants.storing import update

#: Hexadecimal digits that hold the largest number of a space.
WIDTHS: dict[str, int] = {NumberSpace.What.IP6: 32}
WIDTH = 8
LOWEST = Lookup(lambda space: FreeSpan.objects.filter(space=space, group=None).order_by("first")[:1], int)
LOWEST_OF_POOL = Lookup(
    lambda space, pool: FreeSpan.objects.filter(space=space, group=pool).order_by("first")[:1], int, int
)
LOWEST_OF_NETWORK = Lookup(
    lambda network, what: FreeSpan.objects.filter(space__network=network, space__what=what, group=None).order_by(
        "first"
    )[:1],
    int,
    str,
)
#: Rows written at once when a space is counted from the beginning.
BATCH = 5_000


def make(space: NumberSpace, found: Iterable[Span]) -> NumberSpace:
    """Store a space that was counted."""
    space.save()
    rows = [_row(space, span) for span in found]
    FreeSpan.objects.bulk_create(rows, batch_size=BATCH)
    return space


def take_lowest(space: NumberSpace, pool: int | None = None) -> int | None:
    """The lowest number of a pool (None: of those in no pool), which is not free any more; None when there is none."""
    row = LOWEST.first(space.pk) if pool is None else LOWEST_OF_POOL.first(space.pk, pool)
    return _take_first(space.what, row) if row else None


def take_lowest_of(network: int, what: str) -> int | None:
    """As take_lowest, of what is in no pool, without asking for the space; None also where it was never counted."""
    row = LOWEST_OF_NETWORK.first(network, what)
    return _take_first(what, row) if row else None


def _take_first(what: str, row: FreeSpan) -> int:
    """The first number of a row, which keeps the others or goes with its last one."""
    lowest, last, _ = _span(row)
    if lowest < last:
        update(FreeSpan, row.pk, first=_digits(what, lowest + 1))
    else:
        FreeSpan.objects.filter(pk=row.pk).delete()
    return lowest


def take(space: NumberSpace, area: Interval) -> None:
    """What is free of the area is not any more."""
    _edit(space, area, lambda near: spans.take(near, area))


def give(space: NumberSpace, area: Interval, pools: Sequence[Pool] = ()) -> None:
    """All of the area is free, each part for the pool it lies in."""
    _edit(space, area, lambda near: spans.give(near, area, pools))


def keep_for(space: NumberSpace, area: Interval, pool: int | None) -> None:
    """What is free of the area is for a pool, or for everybody (None)."""
    _edit(space, area, lambda near: spans.keep_for(near, area, pool))


def free_in(space: NumberSpace, area: Interval) -> list[Span]:
    """The spans that meet the area, in order."""
    return [_span(row) for row in _near(space, area)]


def lowest_spans(space: NumberSpace, most: int) -> list[Interval]:
    """The first `most` spans."""
    return [_span(row)[:2] for row in _first(most).all(space.pk)]


@cache
def _first(most: int) -> Lookup[FreeSpan]:
    return Lookup(lambda space: FreeSpan.objects.filter(space=space).order_by("first")[:most], int)


def all_spans(space: NumberSpace, start: int = 0) -> Iterable[Span]:
    """Every span that ends at `start` or after, in order, read as they are used."""
    rows: QuerySet[FreeSpan] = space.spans.filter(first__gt=_digits(space.what, start)).order_by("first")
    yield from free_in(space, (start, start))
    columns = rows.values_list("first", "last", "group_id")
    yield from ((int(first, 16), int(last, 16), group) for first, last, group in columns.iterator())


def _edit(space: NumberSpace, area: Interval, decide: Callable[[list[Span]], list[Span]]) -> None:
    near = _near(space, (area[0] - 1, area[1] + 1))
    _write(space, near, decide([_span(row) for row in near]))


def _near(space: NumberSpace, area: Interval) -> list[FreeSpan]:
    """The rows that meet the area: those that begin in it, and the one before if it reaches into it."""
    first, last = (_digits(space.what, max(0, number)) for number in area)
    before = list(space.spans.filter(first__lt=first).order_by("-first")[:1])
    return [row for row in before if row.last >= first] + list(
        space.spans.filter(first__range=(first, last)).order_by("first")
    )


def _write(space: NumberSpace, rows: list[FreeSpan], wanted: list[Span]) -> None:
    """Make `wanted` of these rows: what stays is left alone, and one that goes becomes one that comes."""
    coming = sorted(set(wanted) - {_span(row) for row in rows})
    going = [row for row in rows if _span(row) not in set(wanted)]
    reused = going.pop(0) if coming and going else None
    for some in batched(going):
        FreeSpan.objects.filter(pk__in=[row.pk for row in some]).delete()
    if reused is not None:
        fresh = _row(space, coming.pop(0))
        update(FreeSpan, reused.pk, first=fresh.first, last=fresh.last, group=fresh.group_id)
    if coming:
        FreeSpan.objects.bulk_create([_row(space, span) for span in coming], batch_size=BATCH)


def batched(rows: list[FreeSpan]) -> Iterator[list[FreeSpan]]:
    """Databases take a limited number of values at once."""
    return (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))


def _row(space: NumberSpace, span: Span) -> FreeSpan:
    first, last, pool = span
    return FreeSpan(space=space, first=_digits(space.what, first), last=_digits(space.what, last), group_id=pool)


def _span(row: FreeSpan) -> Span:
    return int(row.first, 16), int(row.last, 16), row.group_id


def _digits(what: str, number: int) -> str:
    width = WIDTHS.get(what, WIDTH)
    return f"{number:0{width}x}"
