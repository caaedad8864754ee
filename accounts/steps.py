"""What a person must do after signing in, before anything else."""

from __future__ import annotations

from django.contrib.auth.models import User

from accounts.models import Account


def first_steps(user: User) -> list[str]:
    """Names of accounts.gate.STEPS, in order."""
    account = Account.objects.filter(user=user).first()
    return ["password"] if account and account.must_change_password else []
