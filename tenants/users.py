"""The verbs on people's accounts. Passwords are checked and hashed, and never part of the record."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from tenants.access import ClusterRole
from tenants.change import KEEP, Actor, Keep, Refused, assign, change, gone
from tenants.checks import FieldErrors, refuse
from tenants.credentials import end_tokens
from tenants.models import Account, HeldRole
from tenants.signals import password_set, role_set

#: What the record says of an account.
RECORDED = ("username", "first_name", "last_name", "is_active", "cluster_role")


def create_user(
    *,
    actor: Actor,
    username: str,
    password: str = "",
    first_name: str = "",
    last_name: str = "",
    is_active: bool = True,
    cluster_role: str | None = None,
) -> Account:
    """Make an account that may sign in. What it may do in tenants is granted by their owners."""
    with change(actor=actor, tenant=None, verb="user.create") as step:
        row = Account(username=username, first_name=first_name, last_name=last_name, is_active=is_active)
        if Account.objects.filter(username=username).exists():
            refuse("username", f"There is an account {username} already. Choose another name.", "name_in_use")
        _check(row)
        _set_password(row, password)
        row.save()
        row = _hold(row, cluster_role)
        password_set.send(sender=User, user=row, by_herself=actor.name == row.username)
        step.created(row, recorded(row))
    return row


@transaction.atomic
def update_user(
    *,
    actor: Actor,
    row: User,
    username: str | Keep = KEEP,
    first_name: str | Keep = KEEP,
    last_name: str | Keep = KEEP,
    password: str | Keep = KEEP,
    is_active: bool | Keep = KEEP,
) -> Account:
    """Change what is given. Somebody must be left who administers the cluster. The name stays: the record names people
    by it; `username` is there to be refused when it differs. A password that somebody else sets ends her tokens."""
    with change(actor=actor, tenant=None, verb="user.update") as step:
        account = _fresh(row)
        before = recorded(account)
        if username not in (KEEP, account.username):
            refuse("username", f"{account} keeps that name. Make another account instead.", "fixed")
        assign(account, first_name=first_name, last_name=last_name, is_active=is_active)
        if password is not KEEP:
            _set_password(account, password)
        if not account.is_active:
            _another_administrator(account)
        _check(account)
        if password is KEEP and recorded(account) == before:
            step.unchanged()
            return account
        account.save()
        if password is not KEEP:
            password_set.send(sender=User, user=account, by_herself=actor.user_id == account.pk)
        step.updated(account, before, recorded(account))
    if password is not KEEP and actor.user_id != account.pk:
        end_tokens(actor=actor, user=account)
    return account


def set_cluster_role(*, actor: Actor, row: User, role: str | None) -> Account:
    """Give a person a role in the cluster (one takes the place of another), or take it. Raises Refused for the last
    administrator."""
    with change(actor=actor, tenant=None, verb="user.role") as step:
        account = _fresh(row)
        before = recorded(account)
        if before["cluster_role"] == role:
            step.unchanged()
            return account
        if role != ClusterRole.ADMINISTRATOR:
            _another_administrator(account)
        account = _hold(account, role)
        role_set.send(sender=Account, row=account)
        step.updated(account, before, recorded(account))
    return account


def change_user(
    *,
    actor: Actor,
    row: User,
    username: str | Keep = KEEP,
    first_name: str | Keep = KEEP,
    last_name: str | Keep = KEEP,
    password: str | Keep = KEEP,
    is_active: bool | Keep = KEEP,
    cluster_role: str | Keep | None = KEEP,
) -> Account:
    """What pages and API change in one go: both of it or nothing, each in the record by its own verb."""
    names = {"username": username, "first_name": first_name, "last_name": last_name}
    with transaction.atomic():
        account = update_user(actor=actor, row=row, password=password, is_active=is_active, **names)
        if cluster_role is not KEEP:
            account = set_cluster_role(actor=actor, row=account, role=cluster_role or None)
    return account


def delete_user(*, actor: Actor, row: User) -> None:
    """Delete an account with its memberships."""
    with change(actor=actor, tenant=None, verb="user.delete") as step:
        account = _fresh(row)
        _another_administrator(account)
        before = recorded(account)
        account.delete()
        step.deleted(account, before)


def recorded(row: Account) -> dict[str, Any]:
    return {"id": row.pk} | {name: getattr(row, name) for name in RECORDED}


def administrators() -> QuerySet[Account]:
    return Account.objects.filter(is_superuser=True)


def _fresh(row: User) -> Account:
    found: Account | None = Account.objects.select_related("held_role").filter(pk=row.pk).first()
    if found is None:
        raise gone(row)
    return found


def _hold(row: Account, role: str | None) -> Account:
    if role and role not in ClusterRole.values:
        refuse("cluster_role", f"Choose one of {', '.join(ClusterRole.values)}, or none.", "invalid_choice")
    HeldRole.objects.filter(user=row).delete()
    Account.objects.filter(pk=row.pk).update(is_superuser=role == ClusterRole.ADMINISTRATOR)
    if role and role != ClusterRole.ADMINISTRATOR:
        HeldRole.objects.create(user=row, role=role)
    return _fresh(row)


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
    """Somebody must be left who administers the cluster, and of those whose password is kept here somebody, too: where
    others sign in by may be away, or say that nobody is an administrator any more."""
    now = administrators().filter(is_active=True)
    local = now.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    for left, words in ((now, ""), (local, " with a password that is kept here")):
        if left.filter(pk=row.pk).exists() and not left.exclude(pk=row.pk).exists():
            raise Refused(
                f"{row.get_username()} is the last who administers the cluster{words}. "
                "Make somebody else an administrator first.",
                code="last_administrator",
            )
