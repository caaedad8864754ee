"""`manage.py import_contiv http://netmaster:9999`: make here what a netmaster holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from contivui.web.trace import traced
from netmaster.carrying import ORDER, carry_over
from netmaster.source import Netmaster, NoSource, Source, read_saved, save
from tenants.change import Actor

ACTOR = Actor("import_contiv", "system")


class Command(BaseCommand):
    help = (
        "Make here what a Contiv netmaster holds. Look at the --plan first: it says what will be made, what cannot be "
        "and why. All of it is one transaction; repeating it changes nothing; nothing is ever deleted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source", help="address of a netmaster (http://netmaster:9999), or a file that --save wrote"
        )
        parser.add_argument("--plan", action="store_true", help="only say what would be made, and what cannot be")
        parser.add_argument("--without-refused", action="store_true", help="leave out what cannot be, make the rest")
        parser.add_argument(
            "--save", type=Path, metavar="FILE", help="keep what the netmaster holds in a file, do nothing else"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source = _source(options["source"])
            if options["save"]:
                save(source, options["save"], ORDER)
                return
            plan, left_out = options["plan"], options["without_refused"]
            with traced():
                outcome = carry_over(source, ACTOR, only_plan=plan, without_refused=left_out)
        except (NoSource, OSError) as error:
            raise CommandError(str(error)) from None
        for line in outcome.lines():
            self.stdout.write(line)
        if outcome.refused and not plan and not left_out:
            raise CommandError("Nothing is stored. --without-refused makes the rest.")
        self.stdout.write("Nothing is stored: this was the plan." if plan else "Done.")


def _source(said: str) -> Source:
    return Netmaster(said) if said.startswith(("http://", "https://")) else read_saved(Path(said))
