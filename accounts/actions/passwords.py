"""The verbs on passwords. A password is never part of the record, that it changed is."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.actions.sessions import drop_sessions
from accounts.models import FromDirectory, FromProvider, GivenPassword
from tenants.change import Actor, Refused, change
from tenants.checks import refuse
from tenants.credentials import end_tokens


@transaction.atomic
def change_password(*, actor: Actor, user: User, password: str, keep: str | None = None, tokens: bool = False) -> User:
    """Her own new password. All her sessions end but `keep`, and so does being asked for a new one. `tokens`: hers end,
    too; programs go on with them otherwise."""
    with change(actor=actor, tenant=None, verb="account.password") as step:
        user = User.objects.select_for_update().get(pk=user.pk)
        if not user.has_usable_password():
            raise Refused("Your password is kept where you sign in by. Change it there.", code="elsewhere")
        if user.check_password(password):
            refuse("password", "This is the password you have. Choose another one.", "same")
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise ValidationError({"password": error.error_list}) from error
        user.set_password(password)
        user.save(update_fields=["password"])
        ended = drop_sessions(user, keep)
        must_change(user, False)
        step.updated(user, {}, {"password": "changed", "sessions_ended": ended})
    if tokens:
        end_tokens(actor=actor, user=user)
    return user


def password_was_set(user: User, *, by_herself: bool) -> None:
    """After a verb on accounts set a password: what was open with the old one ends, and a password that somebody else
    knows is to be changed. Within that verb's transaction. One that is kept elsewhere is not set here: it would open
    the account past whoever it is kept by."""
    if FromDirectory.objects.filter(user=user).exists() or FromProvider.objects.filter(user=user).exists():
        refuse("password", f"{user}'s password is kept where she signs in by. Change it there.", "elsewhere")
    drop_sessions(user)
    must_change(user, not by_herself)


def must_change(user: User, wanted: bool) -> None:
    if wanted:
        GivenPassword.objects.get_or_create(user=user)
    else:
        GivenPassword.objects.filter(user=user).delete()
