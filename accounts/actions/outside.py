"""What is the same of those outside who vouch for people, a directory or a provider: one row each, whose secret is kept
sealed and is no part of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from accounts.models import Directory, Provider
from accounts.sealed import seal
from tenants.change import KEEP, Actor, Keep, Refused, assign, change, plain

Outside = TypeVar("Outside", Directory, Provider)
#: The column of each that is sealed.
SECRETS: Mapping[type[Any], str] = {Directory: "service_account_password", Provider: "client_secret"}
#: What the record says of it when it changed.
EARLIER, CHANGED = "earlier", "changed"


def keep(
    model: type[Outside],
    *,
    actor: Actor,
    secret: str | Keep,
    fields: Mapping[str, Any],
    check: Callable[[Outside], None],
) -> Outside:
    """Make the one row, or change what is given of it; an empty secret leaves the one it has."""
    with change(actor=actor, tenant=None, verb=f"{model._meta.model_name}.update") as step:
        known = model.current()
        row = known or model(pk=1)
        before = recorded(row) if known else None
        assign(row, **fields)
        given = "" if secret is KEEP else secret
        if given:
            setattr(row, SECRETS[model], seal(given))
        check(row)
        row.save()
        if before is None:
            step.created(row, recorded(row))
        elif given:
            step.updated(row, before | {SECRETS[model]: EARLIER}, recorded(row) | {SECRETS[model]: CHANGED})
        elif before == recorded(row):
            step.unchanged()
        else:
            step.updated(row, before, recorded(row))
    return row


def drop(model: type[Outside], *, actor: Actor) -> None:
    """Nobody signs in by it any more; the accounts it brought stay, and open nothing."""
    word = str(model._meta.model_name)
    with change(actor=actor, tenant=None, verb=f"{word}.delete") as step:
        row = model.current()
        if row is None:
            raise Refused(f"There is no {word}.", code="gone")
        before = recorded(row)
        row.delete()
        step.deleted(row, before)


def new_account(name: str, first_name: str, last_name: str) -> User:
    """The account of somebody it vouches for, not stored yet, with no password here. Raises Refused when no account can
    be called so."""
    user = User(username=name, first_name=first_name[:150], last_name=last_name[:150])
    user.set_unusable_password()
    try:
        user.clean_fields()
    except ValidationError as error:
        raise Refused(
            f"An account cannot be called {name[:150]}: a name is at most 150 letters, digits and signs out of @.+-_ "
            "without a space. Ask an administrator for such a name.",
            code="name",
        ) from error
    return user


def recorded(row: Directory | Provider) -> dict[str, Any]:
    return {name: value for name, value in plain(row).items() if name != SECRETS[type(row)]}
