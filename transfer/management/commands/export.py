"""`manage.py export`: what this installation holds, as one document."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from transfer.document import dump
from transfer.writing import document_of


class Command(BaseCommand):
    help = "Write everything tenants own, the nodes and the fabric's settings to standard output, as one document."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", action="append", metavar="NAME", help="only this tenant; may be given again")
        parser.add_argument("--format", choices=("yaml", "json"), default="yaml")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = document_of(options["tenant"])
        except LookupError as error:
            raise CommandError(str(error.args[0])) from None
        self.stdout.write(dump(document, options["format"]), ending="")
