"""The verbs on people's accounts. Passwords are checked and hashed, and never part of the record."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from tenants.change import KEEP, Actor, Keep, Refused, assign, change, fresh
from tenants.checks import FieldErrors, refuse
from tenants.signals import password_set

#: What the record says of an account.
RECORDED = ("username", "first_name", "last_name", "is_active", "is_superuser")


def create_user(
    *, actor: Actor, username: str, password: str, first_name: str = "", last_name: str = "", is_active: bool = True
) -> User:
    """Make an account that may sign in; what it may do is granted separately."""
    with change(actor=actor, tenant=None, verb="user.create") as step:
        row = User(username=username, first_name=first_name, last_name=last_name, is_active=is_active)
        if User.objects.filter(username=username).exists():
            refuse("username", f"There is an account {username} already. Choose another name.", "name_in_use")
        _check(row)
        _set_password(row, password)
        row.save()
        password_set.send(sender=User, user=row, by_herself=False)
        step.created(row, recorded(row))
    return row


def update_user(
    *,
    actor: Actor,
    row: User,
    first_name: str | Keep = KEEP,
    last_name: str | Keep = KEEP,
    password: str | Keep = KEEP,
    is_active: bool | Keep = KEEP,
    is_superuser: bool | Keep = KEEP,
) -> User:
    """Change what is given. Somebody must be left who administers the cluster."""
    with change(actor=actor, tenant=None, verb="user.update") as step:
        row = fresh(row)
        before = recorded(row)
        assign(row, first_name=first_name, last_name=last_name, is_active=is_active, is_superuser=is_superuser)
        if password is not KEEP:
            _set_password(row, password)
        if not (row.is_active and row.is_superuser):
            _another_administrator(row)
        _check(row)
        row.save()
        if password is not KEEP:
            password_set.send(sender=User, user=row, by_herself=actor.user_id == row.pk)
        step.updated(row, before, recorded(row))
    return row


def delete_user(*, actor: Actor, row: User) -> None:
    """Delete an account with its memberships."""
    with change(actor=actor, tenant=None, verb="user.delete") as step:
        row = fresh(row)
        _another_administrator(row)
        before = recorded(row)
        row.delete()
        step.deleted(row, before)


def recorded(row: User) -> dict[str, Any]:
    return {"id": row.pk} | {name: getattr(row, name) for name in RECORDED}


def _check(row: User) -> None:
    errors = FieldErrors()
    errors.fields_of(row, exclude=["password"])
    errors.settle()


def _set_password(row: User, password: str) -> None:
    try:
        validate_password(password, row)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from error
    row.set_password(password)


def _another_administrator(row: User) -> None:
    now = User.objects.filter(is_superuser=True, is_active=True)
    if now.filter(pk=row.pk).exists() and not now.exclude(pk=row.pk).exists():
        raise Refused(
            f"{row.get_username()} is the last who administers the cluster. Make somebody else an administrator first.",
            code="last_administrator",
        )
