"""What was read of a tenant that is locked. Nobody else changes it until the transaction ends, so it is not read twice.

Who names things (a client of the dialect) looks them up, and the verb that is then asked checks what it is given: both
ask for the same rows. Inside `kept` an answer stands until the next verb is done.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from django.db import models

from tenants.lookup import Lookup
from tenants.models import Tenant

Answer = TypeVar("Answer")
LOCKED = Lookup(lambda pk: Tenant.objects.select_for_update().filter(pk=pk).order_by(), int)
LOCKED_BY_NAME = Lookup(lambda name: Tenant.objects.select_for_update().filter(name=name).order_by(), str)


class Standing:
    """Of one transaction: the tenants that are locked in it, as they stand, and what was read of them since."""

    def __init__(self) -> None:
        self.tenants: dict[int, Tenant] = {}
        self.read: dict[Hashable, Any] = {}

    def forget(self) -> None:
        self.tenants.clear()
        self.read.clear()


_standing: ContextVar[Standing | None] = ContextVar("standing", default=None)


@contextmanager
def kept() -> Iterator[None]:
    """Keep what is read of locked tenants. Around a transaction, or within one that is."""
    before = _standing.get()
    token = _standing.set(before or Standing())
    try:
        yield
    finally:
        _standing.reset(token)


def is_kept() -> bool:
    return _standing.get() is not None


def locked(pk: int) -> Tenant | None:
    """The tenant, locked to the end of the transaction; None when there is none."""
    known = _standing.get()
    if known is not None and pk in known.tenants:
        return known.tenants[pk]
    return _note(LOCKED.first(pk))


def locked_by_name(name: str) -> Tenant | None:
    """As `locked`."""
    return _note(LOCKED_BY_NAME.first(name))


def known_by_name(name: str) -> Tenant | None:
    """The tenant of this name, if it is locked already."""
    known = _standing.get()
    return next((one for one in known.tenants.values() if one.name == name), None) if known else None


def _note(found: Tenant | None) -> Tenant | None:
    known = _standing.get()
    if known is not None and found is not None:
        known.tenants[found.pk] = found
    return found


def once(tenant_id: int, what: Hashable, ask: Callable[[], Answer]) -> Answer:
    """What `ask` answers of a tenant; asked once where the tenant is locked, and `what` tells it from other answers."""
    known = _standing.get()
    if known is None or tenant_id not in known.tenants:
        return ask()
    if what not in known.read:
        known.read[what] = ask()
    return cast(Answer, known.read[what])


def stands(row: models.Model) -> bool:
    """Whether this row was read since its tenant was locked, and nothing was changed since."""
    known = _standing.get()
    return known is not None and any(row is one for one in known.read.values())


def changed(tenant: Tenant | None) -> None:
    """A verb is done: what was read may be otherwise now. `tenant` is still as it stands; None: nothing else is."""
    known = _standing.get()
    if known is None:
        return
    known.forget()
    if tenant is not None:
        known.tenants[tenant.pk] = tenant
