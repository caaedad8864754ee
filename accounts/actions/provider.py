"""The verbs on the OpenID Connect provider, and taking in who signs in by it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction

from accounts.actions import outside
from accounts.actions.groups import give_roles
from accounts.models import FromProvider, Provider
from accounts.provider import Vouched
from tenants.change import KEEP, Actor, Keep, Refused, change
from tenants.checks import FieldErrors

#: How the record names what follows from what a provider said.
PROVIDER = Actor("provider", "system")
#: Where plain HTTP reaches nobody else.
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def set_provider(*, actor: Actor, client_secret: str | Keep = KEEP, **fields: Any) -> Provider:
    """Say which provider people may sign in by, or change what is given of it."""
    return outside.keep(Provider, actor=actor, secret=client_secret, fields=fields, check=_check)


def drop_provider(*, actor: Actor) -> None:
    outside.drop(Provider, actor=actor)


@transaction.atomic
def take_in(vouched: Vouched) -> User:
    """The account of somebody the provider vouches for, made at her first sign-in, with the roles of her groups.

    Raises Refused when her name is an account's that is not the provider's: a name is no proof.
    """
    user = _known(vouched) or _make(vouched)
    return give_roles(user, vouched.groups, PROVIDER)


def _known(vouched: Vouched) -> User | None:
    return User.objects.filter(from_provider__issuer=vouched.issuer, from_provider__subject=vouched.subject).first()


def _make(vouched: Vouched) -> User:
    """Unless another sign-in of hers was a moment faster."""
    if not vouched.name:
        raise Refused(
            "The provider does not say what you are called. An administrator chooses the claim.", code="nameless"
        )
    with change(actor=PROVIDER, tenant=None, verb="user.create") as step:
        if (known := _known(vouched)) is not None:
            step.unchanged()
            return known
        if User.objects.filter(username__iexact=vouched.name).exists():
            raise Refused(
                f"There is an account {vouched.name} here already, which is not the provider's.", code="name_in_use"
            )
        user = outside.new_account(vouched.name, vouched.first_name, vouched.last_name)
        user.save()
        FromProvider.objects.create(user=user, issuer=vouched.issuer, subject=vouched.subject)
        step.created(user, {"username": user.username, "issuer": vouched.issuer, "subject": vouched.subject})
    return user


def _check(row: Provider) -> None:
    errors = FieldErrors()
    errors.fields_of(row, exclude=[] if row.client_secret else ["client_secret"])
    if not row.client_secret:
        errors.add("client_secret", "Enter the secret the provider gave for this client id.", "required")
    url = urlsplit(row.issuer)
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
        errors.add("issuer", "Give the issuer's address, for example https://id.example.org/realms/main.", "url")
    errors.settle()
