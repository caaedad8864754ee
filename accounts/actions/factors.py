"""The verbs on second factors. Secrets, keys and codes are never part of the record."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from accounts.actions.sessions import drop_sessions
from accounts.factors import codes
from accounts.models import Authenticator, Passkey, RecoveryCode, Rules
from accounts.sealed import seal
from tenants.access import ClusterRole, rights_of
from tenants.change import KEEP, Actor, Keep, assign, change, fresh
from tenants.checks import refuse

#: Security keys one person may have.
MOST_PASSKEYS = 20


def has_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user).exists() or Passkey.objects.filter(user=user).exists()


def add_authenticator(*, actor: Actor, user: User, secret: str, code: str) -> list[str]:
    """Add an app that has shown it knows the secret. Answers recovery codes when these are her first."""
    step_number = codes.step_of(secret, code.replace(" ", ""))
    if step_number is None:
        refuse("code", "This is not what the app shows now. Look at the clocks of both, and type it again.", "wrong")
    with change(actor=actor, tenant=None, verb="factor.create") as step:
        Authenticator.objects.filter(user=user).delete()
        row = Authenticator.objects.create(user=user, secret=seal(secret), last_step=step_number)
        made = _first_codes(user)
        step.created(row, recorded(row))
    return made


def add_passkey(*, actor: Actor, user: User, name: str, fields: dict[str, Any]) -> list[str]:
    """Add a security key that has answered. Answers recovery codes when these are her first."""
    with change(actor=actor, tenant=None, verb="factor.create") as step:
        if Passkey.objects.filter(credential_id=fields["credential_id"]).exists():
            refuse("name", "This key is known already.", "name_in_use")
        if Passkey.objects.filter(user=user).count() >= MOST_PASSKEYS:
            refuse("name", f"You have {MOST_PASSKEYS} security keys. Remove one first.", "too_many")
        row = Passkey.objects.create(user=user, name=name, **fields)
        made = _first_codes(user)
        step.created(row, recorded(row))
    return made


def remove_factor(*, actor: Actor, row: Authenticator | Passkey) -> None:
    """Remove one. With the last, the recovery codes go too: there is nothing left to recover."""
    with change(actor=actor, tenant=None, verb="factor.delete") as step:
        row = fresh(row)
        before, user = recorded(row), row.user
        row.delete()
        if not has_factor(user):
            RecoveryCode.objects.filter(user=user).delete()
        step.deleted(row, before)


def renew_codes(*, actor: Actor, user: User) -> list[str]:
    """New recovery codes; those before open nothing any more."""
    with change(actor=actor, tenant=None, verb="factor.codes") as step:
        left = RecoveryCode.objects.filter(user=user).count()
        made = _make_codes(user)
        step.updated(user, {"recovery_codes": left}, {"recovery_codes": len(made)})
    return made


def reset_factors(*, actor: Actor, user: User) -> None:
    """For somebody who lost everything: her password alone opens her account again, and her sessions end."""
    with change(actor=actor, tenant=None, verb="factor.reset") as step:
        apps, keys = Authenticator.objects.filter(user=user), Passkey.objects.filter(user=user)
        before = {"authenticator": apps.exists(), "security_keys": keys.count()}
        for rows in (apps, keys, RecoveryCode.objects.filter(user=user)):
            rows.delete()
        step.updated(user, before, {"authenticator": False, "security_keys": 0, "sessions_ended": drop_sessions(user)})


def change_rules(*, actor: Actor, factor_for_administrators: bool | Keep = KEEP) -> Rules:
    """Say how people sign in; it holds from everybody's next sign-in on. Whoever requires a second factor has one:
    otherwise she might not get in any more to take it back."""
    with change(actor=actor, tenant=None, verb="sign_in.update") as step:
        row = Rules.current()
        before = recorded_rules(row)
        assign(row, factor_for_administrators=factor_for_administrators)
        if recorded_rules(row) == before:
            step.unchanged()
            return row
        asks = User.objects.filter(pk=actor.user_id).first() if actor.user_id else None
        if row.factor_for_administrators and asks is not None and not has_factor(asks):
            refuse("factor_for_administrators", "Set up a second factor of your own first.", "own_factor")
        row.save()
        step.updated(row, before, recorded_rules(row))
    return row


def needs_factor(user: User) -> bool:
    """Whether she has to set one up before anything else."""
    return (
        rights_of(user).cluster is ClusterRole.ADMINISTRATOR
        and Rules.current().factor_for_administrators
        and not has_factor(user)
    )


def recorded_rules(row: Rules) -> dict[str, Any]:
    return {"factor_for_administrators": row.factor_for_administrators}


def recorded(row: Authenticator | Passkey) -> dict[str, Any]:
    return {"user": row.user.get_username(), "kind": row.word, "name": getattr(row, "name", "")}


def _first_codes(user: User) -> list[str]:
    return [] if RecoveryCode.objects.filter(user=user).exists() else _make_codes(user)


def _make_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    made = codes.new_codes()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=codes.digest_of(user, code)) for code in made)
    return made
