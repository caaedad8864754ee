"""How clients wrote things, kept beside the canonical form in which they are stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import models

from netmaster.models import Wording
from tenants.storing import insert

#: member → [as it was written, what was stored for it].
Words = Mapping[str, Any]


def of(kind: str, row: int) -> Words:
    found = Wording.objects.filter(kind=kind, row=row).first()
    return found.members if found else {}


def of_all(kind: str, among: Collection[int] | None = None) -> dict[int, Words]:
    rows = Wording.objects.filter(kind=kind)
    return dict((rows if among is None else rows.filter(row__in=among)).values_list("row", "members"))


def applied(members: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """The members, as they were written where they still are what was stored then."""
    shown = dict(members)
    for name, (written, stored) in words.items():
        if name in shown and shown[name] == stored:
            shown[name] = written
    return shown


def keep(kind: str, row: int, written: Mapping[str, Any], members: Mapping[str, Any], *, new: bool) -> Words:
    """Remember, and answer, what of a request reads otherwise than what became of it. Of a `new` row nothing is
    remembered yet."""
    words = {name: [value, members[name]] for name, value in written.items() if members.get(name, value) != value}
    if words and new:
        insert(Wording(kind=kind, row=row, members=words))
    elif words:
        Wording.objects.update_or_create(kind=kind, row=row, defaults={"members": words})
    elif not new:
        forget(kind, row)
    return words


def forget(kind: str, row: int) -> None:
    Wording.objects.filter(kind=kind, row=row).delete()


def forget_lost() -> None:
    """Remove wordings whose objects went otherwise than through the dialect: by the API, on a page, with their tenant.
    Nobody reads those; they would only become more."""
    for kind, model in _models().items():
        there = model._default_manager.filter(pk=models.OuterRef("row"))
        Wording.objects.filter(~models.Exists(there), kind=kind).delete()


def _models() -> dict[str, type[models.Model]]:
    """What each kind's wordings are of. Kinds import this module, so they are known only once it is there."""
    from netmaster.kinds import KINDS
    from netmaster.world import ENDPOINT
    from networks.models import Endpoint

    of_kinds = {kind.word: kind.rows().model for kind in KINDS.values()}
    return {word: model for word, model in of_kinds.items() if model is not Wording} | {ENDPOINT: Endpoint}
