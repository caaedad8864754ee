"""What is free, as it is stored, against what follows from networks, endpoints, pools and reservations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from core.spans import Span
from networks import spaces
from networks.allocation import counted
from networks.kept import FAMILIES
from networks.models import Encap, NumberSpace
from networks.tags import counted_tags, locked_fabric
from tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Difference:
    """A space whose stored spans are not those that follow: spans only stored, and spans only counted."""

    space: NumberSpace
    stored: list[Span]
    counted: list[Span]

    def __str__(self) -> str:
        few = ", ".join(f"{first}-{last}" for first, last, _ in [*self.stored, *self.counted][:3])
        return f"{self.space}: {len(self.stored)} spans stored and {len(self.counted)} counted differ, such as {few}."


def differences(repair: bool = False) -> Iterator[Difference]:
    """Every space that is not as counted. Each is looked at with its owner locked, so writers wait for the length of
    one; with `repair` it is forgotten, and counted when the next number is asked for."""
    for pk in list(NumberSpace.objects.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            found = _difference(pk)
            if found and repair:
                found.space.delete()
        if found:
            yield found


def _difference(pk: int) -> Difference | None:
    space = _held(pk)
    if space is None:
        return None
    wanted, stored = _counted(space), list(spaces.all_spans(space))
    if stored == wanted:
        return None
    both = set(stored) & set(wanted)
    return Difference(space, *([span for span in some if span not in both] for some in (stored, wanted)))


def _held(pk: int) -> NumberSpace | None:
    """The space as it stands with its owner locked; None when it has gone, while the lock was waited for or before."""
    rows = NumberSpace.objects.select_related("network").filter(pk=pk)
    space = rows.first()
    if space is None:
        return None
    if space.network is None:
        locked_fabric()
    else:
        list(Tenant.objects.select_for_update().filter(pk=space.network.tenant_id))
    return rows.first()


def _counted(space: NumberSpace) -> list[Span]:
    if space.network is None:
        return counted_tags(locked_fabric(), Encap(space.what))
    family = next(family for family in FAMILIES if space.what == f"ip{family}")
    return counted(space.network, family)
