"""The verbs on the directory: which one, and taking in who signs in by it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from accounts.actions import outside
from accounts.actions.groups import give_roles
from accounts.directory import Found
from accounts.models import Directory, FromDirectory
from tenants.change import KEEP, Actor, Keep, change
from tenants.checks import FieldErrors

#: How the record names what follows from a group.
DIRECTORY = Actor("directory", "system")


def set_directory(*, actor: Actor, service_account_password: str | Keep = KEEP, **fields: Any) -> Directory:
    """Say which directory people may sign in by, or change what is given of it."""
    return outside.keep(Directory, actor=actor, secret=service_account_password, fields=fields, check=_check)


def drop_directory(*, actor: Actor) -> None:
    outside.drop(Directory, actor=actor)


@transaction.atomic
def take_in(found: Found) -> User:
    """The account of somebody the directory vouches for, made at her first sign-in, with the roles of her groups.

    Raises Refused when no account can be called as she is there.
    """
    user = _known(found) or _make(found)
    FromDirectory.objects.filter(user=user).exclude(dn=found.dn).update(dn=found.dn)
    return give_roles(user, found.groups, DIRECTORY)


def _known(found: Found) -> User | None:
    return User.objects.filter(username__iexact=found.name, from_directory__isnull=False).first()


def _make(found: Found) -> User:
    """Unless another sign-in of hers was a moment faster."""
    with change(actor=DIRECTORY, tenant=None, verb="user.create") as step:
        if (known := _known(found)) is not None:
            step.unchanged()
            return known
        user = outside.new_account(found.name, found.first_name, found.last_name)
        user.save()
        FromDirectory.objects.create(user=user, dn=found.dn)
        step.created(user, {"username": user.username, "dn": found.dn})
    return user


def _check(row: Directory) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    errors.settle()
