"""What the next address costs when a million of a /8 are in use, with holes among them: in the core, and as a verb."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice

from bench.figures import Figure, percentile
from core import ipam
from core.free import FreeSet

IN_USE = 1_000_000
#: Of so many addresses in a row one is free.
HOLE_EVERY = 11
ASKED = 200
SUBNET = "20.0.0.0/8"


def measure() -> Iterator[Figure]:
    yield from in_core()
    with tempfile.TemporaryDirectory(prefix="contivui-bench-") as folder:
        os.environ |= {"CONTIVUI_DATA": folder, "DJANGO_SETTINGS_MODULE": "contivui.settings"}
        os.environ.pop("DATABASE_URL", None)
        yield from as_verb()


def in_use() -> Iterator[int]:
    """A million addresses, a hole after each ten."""
    first = ipam.usable(SUBNET).first
    return islice((first + n for n in range(2 * IN_USE) if n % HOLE_EVERY), IN_USE)


def in_core() -> Iterator[Figure]:
    room = ipam.usable(SUBNET)
    free = FreeSet.whole(room.first, room.last)
    begun = time.perf_counter()
    for number in in_use():
        free = free.take(number)
    note = f"{IN_USE} addresses in use, {IN_USE // (HOLE_EVERY - 1)} holes"
    yield Figure("core: all of them taken, one by one", time.perf_counter() - begun, "s", note=note)

    def one() -> None:
        nonlocal free
        lowest = free.lowest()
        assert lowest is not None
        free = free.take(lowest)

    yield Figure("core: the next address, p99", percentile(times(one), 0.99) * 1000, "µs", "at most", 1000, note)


def times(act: Callable[[], None]) -> list[float]:
    """How long it took each time, in milliseconds."""
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        act()
        took.append((time.perf_counter() - begun) * 1000)
    return took


def as_verb() -> Iterator[Figure]:
    import django

    django.setup()
    from django.core.management import call_command

    from networks.actions import create_endpoint, create_network
    from networks.models import Network
    from tenants.actions import create_tenant
    from tenants.change import SYSTEM
    from tenants.signals import nodes_changed, tenant_changed

    call_command("migrate", verbosity=0)
    # Nobody listens here: there is no broker to wake.
    tenant_changed.receivers = nodes_changed.receivers = []
    made = 0

    def one(network: Network) -> Callable[[], None]:
        def act() -> None:
            nonlocal made
            made += 1
            create_endpoint(actor=SYSTEM, tenant=network.tenant, name=f"asked-{made}", network=network)

        return act

    networks = {}
    for name in ("empty", "full"):
        tenant = create_tenant(actor=SYSTEM, name=name)
        networks[name] = create_network(actor=SYSTEM, tenant=tenant, name=name, subnet4=SUBNET)
    empty = percentile(times(one(networks["empty"])), 0.5)
    yield Figure("verb: an endpoint in an empty /8, p50", empty, "ms")
    fill(networks["full"])
    begun = time.perf_counter()
    one(networks["full"])()
    yield Figure("verb: the first one, which counts what is free", time.perf_counter() - begun, "s")
    took = times(one(networks["full"]))
    note = f"{IN_USE} endpoints in the network, SQLite"
    yield Figure("verb: an endpoint among a million, p50", percentile(took, 0.5), "ms", note=note)
    yield Figure("verb: among a million, in times of the empty /8", percentile(took, 0.5) / empty, "×", "at most", 2)


def fill(network: object) -> None:
    """A million endpoints as rows, past the verbs."""
    from networks.models import Endpoint, Network

    assert isinstance(network, Network)
    numbers = in_use()
    while some := list(islice(numbers, 10_000)):
        Endpoint.objects.bulk_create(
            Endpoint(
                tenant_id=network.tenant_id, network=network, name=f"e{n}", mac=f"02:03:{n:08x}", ip4=ipam.text_of(4, n)
            )
            for n in some
        )
