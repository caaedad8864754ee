"""`manage.py import FILE`: make what an exported document says, all of it or nothing."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.change import Actor
from transfer.document import NoDocument, load
from transfer.reading import Outcome, carry_over

ACTOR = Actor("import", "system")
SIGNS = {"create": "+", "update": "~", "refused": "!"}


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
            outcome = carry_over(document, ACTOR, only_plan=options["plan"])
        except (OSError, NoDocument) as error:
            raise CommandError(str(error)) from None
        tell(self, outcome, planned=options["plan"])


def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")


def tell(command: BaseCommand, outcome: Outcome, *, planned: bool) -> None:
    """One line per object that changes or is refused, the counts, and tokens that nobody can read again. Raises
    CommandError when something is refused."""
    for step in outcome.steps:
        if step.does != "same":
            command.stdout.write(f"{SIGNS[step.does]} {step.what}{': ' + step.why if step.why else ''}")
    counts = Counter(step.does for step in outcome.steps)
    command.stdout.write(
        f"{counts['create']} to make, {counts['update']} to change, {counts['same']} as they are, "
        f"{counts['refused']} refused."
    )
    if outcome.refused:
        raise CommandError("Nothing is stored. Set right what is refused, or take it out of the document.")
    for node, token in sorted(outcome.tokens.items()):
        command.stdout.write(f"Token of node {node}, shown this once: {token}")
    command.stdout.write("Nothing is stored: this was the plan." if planned else "Done.")
