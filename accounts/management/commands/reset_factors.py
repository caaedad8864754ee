"""`manage.py reset_factors NAME`: for the last administrator who lost her second factor."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions.factors import reset_factors
from tenants.change import SYSTEM


class Command(BaseCommand):
    help = "Take all second factors from an account: its password alone opens it again. It is written into the record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name of the account")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['name']}.")
        reset_factors(actor=SYSTEM, user=user)
        self.stdout.write(f"{user.get_username()} signs in with the password alone now.")
