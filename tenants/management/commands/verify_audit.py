"""`manage.py verify_audit`: whether the record of changes is as it was written."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants import chain
from tenants.verify import Verification


class Command(BaseCommand):
    help = (
        "Read the record of changes from its beginning and name each row that was altered, taken out, added or moved. "
        "Exit status 1 when there is one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head", action="store_true", help="afterwards print where the record ends now, as JSON, to keep elsewhere"
        )
        parser.add_argument(
            "--against", type=Path, metavar="FILE", help="what --head printed earlier: all of that must still be there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        verification = Verification(_marks(options["against"]) if options["against"] else None)
        found = 0
        for fault in verification.faults():
            found += 1
            self.stderr.write(str(fault))
        chains = sum(head.number > 0 for head in verification.heads.values())
        self.stderr.write(f"{verification.rows} rows in {chains} chains read: {found or 'nothing'} wrong.")
        if options["head"]:
            self.stdout.write(json.dumps(_heads(verification)))
        if found:
            sys.exit(1)


def _heads(verification: Verification) -> dict[str, list[Any]]:
    """Chain → the number of its last row, and its fingerprint."""
    heads = sorted(verification.heads.items())
    return {str(key): [head.number, chain.fingerprint(head)] for key, head in heads if head.number > 0}


def _marks(file: Path) -> dict[int, tuple[int, str]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {int(key): (int(number), str(mark)) for key, (number, mark) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CommandError(f"{file} is not what --head printed: {error}") from None
