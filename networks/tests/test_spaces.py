"""What is free, kept as rows, through lives of networks made by chance: against a twin that looks at every number."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import ipam
from networks import actions, spaces
from networks.allocation import space_of
from networks.check import differences
from networks.kept import FAMILIES, Family, of_family
from networks.models import AddressReservation, Endpoint, EndpointGroup, Fabric, FreeSpan, Network, NumberSpace
from networks.tags import space_of_tags
from networks.tests.made import network
from tenants.change import SYSTEM
from tenants.testing import Cast

STEPS = 60


def free_of(net: Network, family: Family, group: EndpointGroup | None) -> list[str]:
    """The twin: address after address, asked of every row whether it keeps it."""
    rows = [row for row in net.reservations.all() if ipam.family(row.addresses) == family]
    pools = {row.pk: of_family(row, "pool", family) for row in net.groups.all()}
    mine = group.pk if group and pools[group.pk] else None
    had = set(net.endpoints.values_list(f"ip{family}", flat=True)) | {of_family(net, "gateway", family)}
    room = ipam.span(of_family(net, "range", family) or of_family(net, "subnet", family))
    found = []
    for text in (ipam.text_of(family, number) for number in range(room.first, room.last + 1)):
        owner = next((pk for pk, pool in pools.items() if pool and ipam.overlaps(pool, text)), None)
        if (
            _usable(net, family, text)
            and owner == mine
            and text not in had
            and not any(ipam.overlaps(r.addresses, text) for r in rows)
        ):
            found.append(text)
    return found


def _usable(net: Network, family: Family, text: str) -> bool:
    try:
        return ipam.host(of_family(net, "subnet", family), text) == text
    except ipam.AddressError:
        return False


class Life:
    """Verbs with arguments drawn by chance, on one network of two families with two groups."""

    def __init__(self, people: Cast, seed: int) -> None:
        self.chance, self.tenant, self.made = random.Random(seed), people.blue, 0
        self.net = actions.create_network(
            actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/28", subnet6="fd00::/124"
        )
        for name in ("web", "db"):
            actions.create_group(actor=SYSTEM, tenant=people.blue, name=name, network=self.net)

    def step(self) -> str:
        """One verb; answers "done" or "refused"."""
        verbs: list[Callable[[], Any]] = [self.plug, self.plug, self.plug, self.ask, self.unplug, self.reserve]
        verbs += [self.rewrite, self.unreserve, self.pool, self.gateway, self.range, self.move, self.regroup]
        try:
            self.chance.choice(verbs)()
        except ValidationError:
            return "refused"
        return "done"

    def text(self, family: Family) -> str:
        return f"20.1.1.{self.chance.randint(0, 16)}" if family == 4 else f"fd00::{self.chance.randint(0, 16):x}"

    def some(self, family: Family) -> str:
        return "-".join(sorted((self.text(family) for _ in range(2)), key=ipam.number))

    def one(self, model: Any) -> Any:
        rows = list(model.objects.order_by("pk"))
        return self.chance.choice(rows) if rows else None

    def plug(self) -> None:
        """The lowest free address of each family, as the twin says; or a refusal where the twin finds none."""
        group = self.chance.choice([None, *EndpointGroup.objects.order_by("pk")])
        self.net.refresh_from_db()
        free = [free_of(self.net, family, group) for family in FAMILIES]
        try:
            made = self._create(group=group)
        except ValidationError:
            assert not all(free), "there is a free address, and it was not given"
            raise
        assert [made.ip4, made.ip6] == [addresses[0] for addresses in free]

    def ask(self) -> None:
        self._create(group=self.one(EndpointGroup), ip4=self.text(4), ip6=self.text(6))

    def _create(self, **fields: Any) -> Endpoint:
        self.made += 1
        give = {"actor": SYSTEM, "tenant": self.tenant, "network": self.net}
        return actions.create_endpoint(**give, name=f"e{self.made}", **fields)

    def unplug(self) -> None:
        if row := self.one(Endpoint):
            actions.delete_endpoint(actor=SYSTEM, row=row)

    def reserve(self) -> None:
        addresses = self.some(self.chance.choice(FAMILIES))
        actions.create_reservation(actor=SYSTEM, tenant=self.tenant, network=self.net, addresses=addresses)

    def rewrite(self) -> None:
        if row := self.one(AddressReservation):
            actions.update_reservation(actor=SYSTEM, row=row, addresses=self.some(self.chance.choice(FAMILIES)))

    def unreserve(self) -> None:
        if row := self.one(AddressReservation):
            actions.delete_reservation(actor=SYSTEM, row=row)

    def pool(self) -> None:
        pools = {f"pool{f}": self.chance.choice(["", self.some(f)]) for f in self.chance.sample(FAMILIES, 1)}
        actions.update_group(actor=SYSTEM, row=self.one(EndpointGroup), **pools)

    def gateway(self) -> None:
        family = self.chance.choice(FAMILIES)
        gateway = self.chance.choice(["", self.text(family)])
        actions.update_network(actor=SYSTEM, row=self.net, **{f"gateway{family}": gateway})

    def range(self) -> None:
        family = self.chance.choice(FAMILIES)
        actions.update_network(
            actor=SYSTEM, row=self.net, **{f"range{family}": self.chance.choice(["", self.some(family)])}
        )

    def move(self) -> None:
        if row := self.one(Endpoint):
            actions.update_endpoint(actor=SYSTEM, row=row, group=self.one(EndpointGroup))

    def regroup(self) -> None:
        """Delete a group, where nothing stands in the way, and make it again."""
        row = self.one(EndpointGroup)
        if not row.endpoints.exists():
            actions.delete_group(actor=SYSTEM, row=row)
            actions.create_group(
                actor=SYSTEM, tenant=self.tenant, name=row.name, network=self.net, pool4=row.pool4, pool6=row.pool6
            )


@pytest.mark.parametrize("seed", range(12))
def test_what_is_free_follows_whatever_happens_to_a_network(people: Cast, seed: int) -> None:
    life = Life(people, seed)
    outcomes = []
    for _ in range(STEPS):
        outcomes.append(life.step())
        assert [str(one) for one in differences()] == [], outcomes
    assert {"done", "refused"} == set(outcomes)
    assert NumberSpace.objects.filter(network=life.net).count() == 2


@pytest.mark.parametrize("seed", range(3))
def test_free_tags_follow_whatever_happens_to_networks(people: Cast, seed: int) -> None:
    chance, made, met = random.Random(seed), 0, 0
    actions.update_fabric(actor=SYSTEM, vxlan_first=5, vxlan_last=12)
    for _ in range(40):
        rows, made = list(Network.objects.order_by("pk")), made + 1
        used, fabric = {row.tag for row in rows if row.encap == "vxlan"}, Fabric.objects.get()
        what = chance.choice(["make", "make", "ask", "drop", "turn", "range"])
        try:
            if what in ("make", "ask"):
                asked = chance.randint(4, 14) if what == "ask" else 0
                free = [t for t in range(fabric.vxlan_first, fabric.vxlan_last + 1) if t not in used]
                give = {"actor": SYSTEM, "tenant": people.blue, "name": f"n{made}"}
                row = actions.create_network(**give, subnet4=f"20.{made}.0.0/16", tag=asked)
                assert row.tag == (asked or free[0]) and row.tag in free
            elif what == "drop" and rows:
                actions.delete_network(actor=SYSTEM, row=chance.choice(rows))
            elif what == "turn" and rows:
                encap, tag = chance.choice(["vxlan", "vxlan", "vlan"]), chance.randint(4, 14)
                actions.update_network(actor=SYSTEM, row=chance.choice(rows), encap=encap, tag=chance.choice([0, tag]))
            elif what == "range":
                actions.update_fabric(actor=SYSTEM, vxlan_first=chance.randint(3, 8), vxlan_last=chance.randint(9, 14))
        except ValidationError:
            pass
        assert [str(one) for one in differences()] == []
        met += NumberSpace.objects.filter(what="vxlan").count()
    assert met > 20, "there was something to compare"


def test_giving_the_next_address_reads_as_much_however_many_are_in_use(people: Cast) -> None:
    """Counted in queries and in rows of spans, both with few and with thousands of holes."""
    net = actions.create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.0.0.0/8")
    give = {"actor": SYSTEM, "tenant": people.blue, "network": net}
    actions.create_endpoint(**give, name="first")
    seen = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            row = actions.create_endpoint(**give, name=f"e{number}")
            actions.delete_endpoint(actor=SYSTEM, row=row)
            actions.create_endpoint(**give, name=f"f{number}")
        seen.append(len(queries))
        base = ipam.number("20.0.0.1")
        for hole in range(1000):
            spaces.take(space_of(net, 4), (base + 10 * hole + 5, base + 10 * hole + 5))
    assert seen[0] == seen[1]
    assert FreeSpan.objects.filter(space__network=net).count() == 1001
    plan = _plan("SELECT * FROM networks_freespan WHERE space_id = 1 AND group_id IS NULL ORDER BY first LIMIT 1")
    assert "networks_span_lowest" in plan and "TEMP B-TREE" not in plan, plan


def _plan(query: str) -> str:
    if connection.vendor != "sqlite":
        pytest.skip("the plan is read in SQLite's words")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        return str(cursor.fetchall())


def test_a_space_nobody_counted_is_counted_when_it_is_asked(people: Cast) -> None:
    """As after a migration: rows were there before there were spaces."""
    life = Life(people, 1)
    actions.update_group(actor=SYSTEM, row=EndpointGroup.objects.get(name="web"), pool4="20.1.1.3-20.1.1.5")
    for _ in range(4):
        life._create()
    before = {family: list(spaces.all_spans(space_of(life.net, family))) for family in FAMILIES}
    NumberSpace.objects.all().delete()
    assert {family: list(spaces.all_spans(space_of(life.net, family))) for family in FAMILIES} == before
    made = life._create()
    assert (made.ip4, made.ip6) == ("20.1.1.8", "fd00::5")


def test_the_check_names_what_differs_and_repairs_it(people: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    life = Life(people, 1)
    life._create()
    call_command("check_addresses")
    spaces.take(space_of(life.net, 4), (ipam.number("20.1.1.2"), ipam.number("20.1.1.2")))
    space_of_tags(Fabric.objects.get(), "vxlan").spans.all().delete()
    with pytest.raises(SystemExit):
        call_command("check_addresses")
    said = capsys.readouterr().out
    assert "ip4 of net: 1 spans stored and 1 counted differ" in said
    assert "vxlan of the fabric: 0 spans stored and 1 counted differ" in said
    call_command("check_addresses", "--repair")
    assert life._create().ip4 == "20.1.1.2"
    call_command("check_addresses")
    assert "agree" in capsys.readouterr().out


@pytest.mark.parametrize("meanwhile", ["deleted", "moved"])
def test_the_check_passes_over_what_goes_while_it_waits_for_the_owner(people: Cast, meanwhile: str) -> None:
    net = network(people.blue)
    space_of(net, 4)
    done: list[str] = []

    def writer_first(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Whoever holds the lock is done before the check has it."""
        if 'FROM "tenants_tenant"' in sql and not done:
            done.append(meanwhile)
            if meanwhile == "deleted":
                actions.delete_network(actor=SYSTEM, row=net)
            else:
                actions.update_network(actor=SYSTEM, row=net, subnet4="30.0.0.0/24", gateway4="")
        return execute(sql, *rest)

    with connection.execute_wrapper(writer_first):
        assert [str(one) for one in differences()] == []
    assert done == [meanwhile]
