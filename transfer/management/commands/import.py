"""`manage.py import FILE`: make what an exported document says, all of it or nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from contivui.web.trace import traced
from tenants.change import Actor
from transfer.document import NoDocument, load
from transfer.reading import carry_over

ACTOR = Actor("import", "system")


class Command(BaseCommand):
    help = (
        "Make what an exported document says. What is there already and differs is changed; what the document does not "
        "name stays. Repeating it changes nothing. When anything is refused, nothing is stored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the document; - for standard input")
        parser.add_argument(
            "--plan", action="store_true", help="only say what would be made, and what cannot be and why"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = load(_text(options["file"]))
            with traced():
                outcome = carry_over(document, ACTOR, only_plan=options["plan"])
        except (OSError, NoDocument) as error:
            raise CommandError(str(error)) from None
        for line in outcome.lines():
            self.stdout.write(line)
        if outcome.refused:
            raise CommandError("Nothing is stored. Set right what is refused, or take it out of the document.")
        for node, token in sorted(outcome.tokens.items()):
            self.stdout.write(f"Join token of node {node}, shown this once: {token}")
        self.stdout.write("Nothing is stored: this was the plan." if options["plan"] else "Done.")


def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
