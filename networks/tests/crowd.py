"""Many threads that write through the API at the same moment: `python -m networks.tests.crowd WRITERS TURNS`.

Runs against the database of CONTIVUI_DATA, which it makes. Prints one JSON object: statuses by what was asked, the
addresses, VLAN ids and names that came of it, and what the checks of the free numbers and of the record found.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import django


class Writer:
    """One of the crowd; `meet` is where all begin the same thing."""

    def __init__(self, number: int, turns: int, meet: Barrier, user: Any) -> None:
        from tenants.testing import client_of

        self.number, self.turns, self.meet = number, turns, meet
        self.client, self.seen = client_of(user), Counter[str]()
        self.client.defaults["SERVER_NAME"] = "localhost"

    def run(self) -> Counter[str]:
        for act in (self.endpoints, self.vlans, self.names):
            self.meet.wait()
            act()
        return self.seen

    def ask(self, what: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(f"/api/v2/{path}/", body, format="json")
        self.finished(what, answer)
        return dict(answer.json() if answer["Content-Type"].endswith("json") else {"id": 0})

    def drop(self, what: str, path: str, pk: int) -> None:
        self.finished(what, self.client.delete(f"/api/v2/{path}/{pk}/"))

    def finished(self, what: str, answer: Any) -> None:
        """Count it, and give the connection back as the server does after each request."""
        from django.db import connection

        self.seen[f"{what} {answer.status_code}"] += 1
        connection.close()

    def endpoints(self) -> None:
        """Makes some, and gives each but the last back for another one: others take it meanwhile."""
        for turn in range(self.turns):
            body = {"tenant": "shared", "network": "shared", "name": f"e-{self.number}-{turn}"}
            made = self.ask("endpoint", "endpoints", body)
            self.drop("endpoint", "endpoints", made["id"])
            self.ask("endpoint", "endpoints", body)

    def vlans(self) -> None:
        """The same with VLAN ids, each writer in a tenant of its own."""
        for turn in range(self.turns):
            body = {"tenant": f"t-{self.number}", "name": f"n-{turn}", "subnet4": f"30.{turn}.0.0/16", "encap": "vlan"}
            made = self.ask("vlan", "networks", body)
            self.drop("vlan", "networks", made["id"])
            self.ask("vlan", "networks", body)

    def names(self) -> None:
        """A name that all want at once."""
        for turn in range(self.turns):
            self.ask("name", "groups", {"tenant": "shared", "network": "shared", "name": f"same-{turn}"})


def main(writers: int, turns: int) -> dict[str, Any]:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from networks.actions import create_network
    from networks.check import differences
    from networks.models import Endpoint, EndpointGroup
    from networks.tags import tags_in_use
    from tenants.actions import create_tenant
    from tenants.change import SYSTEM
    from tenants.signals import nodes_changed, tenant_changed
    from tenants.verify import Verification

    call_command("migrate", verbosity=0)
    tenant_changed.receivers = nodes_changed.receivers = []
    root, shared = User.objects.create(username="root", is_superuser=True), create_tenant(actor=SYSTEM, name="shared")
    create_network(actor=SYSTEM, tenant=shared, name="shared", subnet4="20.0.0.0/16", gateway4="20.0.0.7")
    for number in range(writers):
        create_tenant(actor=SYSTEM, name=f"t-{number}")
    meet = Barrier(writers, timeout=100)
    with ThreadPoolExecutor(writers) as pool:
        crowd = [pool.submit(Writer(number, turns, meet, root).run) for number in range(writers)]
        seen = sum((one.result() for one in crowd), Counter[str]())
    return {
        "seen": seen,
        "addresses": sorted(Endpoint.objects.values_list("ip4", flat=True)),
        "macs": len(set(Endpoint.objects.values_list("mac", flat=True))),
        "vlans": tags_in_use("vlan"),
        "names": sorted(EndpointGroup.objects.values_list("name", flat=True)),
        "differences": [str(one) for one in differences()],
        "faults": [str(one) for one in Verification().faults()],
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")
    django.setup()
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
