"""Opening a session, and what a person must do with it before anything else."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest

from accounts.actions.factors import needs_factor
from accounts.models import GivenPassword
from accounts.sessions import MUST


def enter(request: HttpRequest, user: User) -> None:
    """Open her session: whatever is asked for at sign-in has been shown."""
    login(request, user)
    if steps := first_steps(user):
        request.session[MUST] = steps


def first_steps(user: User) -> list[str]:
    """Names of accounts.gate.STEPS, in order."""
    steps = ["password"] if GivenPassword.objects.filter(user=user).exists() else []
    return [*steps, *(["factor"] if needs_factor(user) else [])]
