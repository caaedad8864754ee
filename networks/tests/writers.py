"""One of several writers that compete for addresses, tags and names: `python -m networks.tests.writers NUMBER COUNT`.

Runs in a process of its own against the database of CONTIVUI_DATA, as web server and worker do. Prints one line per
verb: "made" with what was given, or "refused" with the field.
"""

from __future__ import annotations

import os
import sys

import django


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main(number: int, count: int) -> None:
    from django.core.exceptions import ValidationError

    from networks.actions import create_endpoint, create_network
    from networks.models import Network
    from tenants.change import SYSTEM
    from tenants.models import Tenant
    from tenants.signals import tenant_changed

    # Nobody listens here: there is no broker to wake, and waiting for one would make the writers take turns.
    tenant_changed.receivers = []
    shared = Network.objects.get(name="shared")
    own = Tenant.objects.get(name=f"tenant-{number}")
    for turn in range(count):
        made = create_endpoint(actor=SYSTEM, tenant=shared.tenant, name=f"e-{number}-{turn}", network=shared)
        say("made endpoint", made.ip4, made.mac)
        net = create_network(actor=SYSTEM, tenant=own, name=f"n-{turn}", subnet4=f"30.0.{turn}.0/24")
        say("made tag", net.tag)
        try:
            create_network(actor=SYSTEM, tenant=shared.tenant, name=f"same-{turn}", subnet4=f"40.0.{turn}.0/24")
            say("made name", turn)
        except ValidationError as error:
            say("refused name", turn, sorted(error.error_dict))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")
    django.setup()
    main(int(sys.argv[1]), int(sys.argv[2]))
