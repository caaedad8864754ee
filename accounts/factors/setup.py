"""An authenticator app that is being set up by a program: what is asked with its first code is carried by the program
itself, sealed, so that nothing is kept of an app that never answers."""

from __future__ import annotations

import json
from datetime import timedelta

from django.contrib.auth.models import User

from accounts.sealed import Unreadable, seal, unseal
from tenants.checks import refuse

#: How long one may take to put a secret into an app.
LASTS = timedelta(minutes=10)
PURPOSE = "authenticator"


def begin(user: User, secret: str) -> str:
    """What to send back with the first code."""
    return seal(json.dumps([PURPOSE, user.pk, secret]))


def secret_of(user: User, setup: str) -> str:
    """The secret that was begun with, hers only; else an error at `setup`."""
    try:
        purpose, pk, secret = json.loads(unseal(setup, LASTS))
    except (Unreadable, ValueError, TypeError):
        purpose, pk, secret = None, None, ""
    if (purpose, pk) != (PURPOSE, user.pk):
        refuse("setup", "This is not what you were given within the last ten minutes. Begin anew.", "setup")
    return str(secret)
