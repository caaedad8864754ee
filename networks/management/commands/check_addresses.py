"""`manage.py check_addresses`: compares what is stored as free with what networks, endpoints, pools and reservations
say. Only a fault of ours, or rows changed past the verbs, makes a difference."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from networks.check import differences


class Command(BaseCommand):
    help = "Compare the free addresses and tags with what is in use. Exit status 1 when they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="Count anew what differs.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for difference in differences(repair=options["repair"]):
            found += 1
            self.stdout.write(str(difference))
        self.stdout.write(f"{found} differ." if found else "What is free and what is in use agree.")
        if found and not options["repair"]:
            sys.exit(1)
