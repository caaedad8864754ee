"""What is prepared is what would be made now: after each kind of change, whoever made it, however many threads ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from netmaster import prepared as store
from netmaster.kinds import KINDS
from netmaster.kinds.networks import Networks
from netmaster.prepared import Prepared
from netmaster.tests.stage import Contiv
from networks.actions import create_endpoint, create_network, delete_network, update_group, update_network, update_node
from networks.models import EndpointGroup, Network, Node
from policies.actions import add_rule, replace_rules, update_policy, update_profile
from policies.models import BandwidthProfile, Policy
from tenants.actions import create_tenant, update_tenant
from tenants.change import SYSTEM
from tenants.models import Tenant

pytestmark = pytest.mark.django_db
#: Kinds that have a state at run time.
INSPECTED = ("endpointGroups", "networks", "policys", "serviceLBs", "tenants")
PLACE = {"Tenant": "blue", "Network": "net1", "EndpointID": "c1"}
STARTED = {"Event": "start", "ContainerID": "abc", "Labels": {"app": "web"}}
SERVICE = {"tenantName": "blue", "serviceName": "s", "networkName": "net1", "selectors": ["app=web"]} | {
    "ports": ["80:8080:TCP"]
}


def all_of(answers: Prepared) -> dict[str, bytes | None]:
    """Every list, and every object as it is inspected. Read alone it is what the list holds."""
    found: dict[str, bytes | None] = {}
    for name, kind in KINDS.items():
        listed = found[name] = answers.listed(kind)
        for key in [one["key"] for one in json.loads(listed)]:
            if name in INSPECTED:
                found[f"{name} {key}"] = answers.inspected(kind, key)
            assert (answers.one(kind, key) or b"nothing") in listed
    return found


def tried_changes(contiv: Contiv) -> Iterable[Callable[[], Any]]:
    """One of each sort that shows in more than the object it is of."""

    def row(model: Any, name: str) -> Any:
        return model.objects.get(name=name)

    yield lambda: contiv.group("g1", policies=["p1", "p2"])
    yield lambda: contiv.group("g1", policies=["p2", "p1"])  # Another order is another wording, and no change.
    yield lambda: contiv.rule("1", fromEndpointGroup="g1")
    yield lambda: contiv.make("netprofiles", "blue:n1", tenantName="blue", profileName="n1", bandwidth="10 Mbps")
    yield lambda: contiv.group("g1", policies=["p1"], netProfile="n1")
    yield lambda: contiv.make("appProfiles", "blue:a", tenantName="blue", appProfileName="a", endpointGroups=["g1"])
    yield lambda: contiv.endpoint("c1", group="g1", Host="n1")
    yield lambda: contiv.ask("POST", "/plugin/updateEndpoint", PLACE | STARTED)
    yield lambda: contiv.make("serviceLBs", "blue:s", **SERVICE)
    yield lambda: contiv.ask("POST", "/plugin/updateEndpoint", PLACE | {"Event": "die", "ContainerID": "abc"})
    yield lambda: contiv.network("net4", subnet="10.4.0.0/16", gateway="10.4.0.1")
    yield lambda: contiv.endpoint("c4", network="net4")
    yield lambda: contiv.gone("networks", "blue:net4")  # Refused, and off its tenant's links nevertheless.
    yield lambda: update_policy(actor=SYSTEM, row=row(Policy, "p1"), name="renamed")
    yield lambda: add_rule(actor=SYSTEM, tenant=row(Tenant, "blue"), policy=row(Policy, "renamed"), protocol="udp")
    yield lambda: replace_rules(actor=SYSTEM, policy=row(Policy, "renamed"), rules=[{"protocol": "tcp"}])
    yield lambda: update_group(actor=SYSTEM, row=row(EndpointGroup, "g1"), name="g2")
    yield lambda: update_profile(actor=SYSTEM, row=row(BandwidthProfile, "n1"), rate_bps=1024)
    yield lambda: update_network(actor=SYSTEM, row=row(Network, "net1"), name="net2", gateway4="")
    yield lambda: update_node(actor=SYSTEM, row=row(Node, "n1"), name="n2")
    yield lambda: update_tenant(actor=SYSTEM, row=row(Tenant, "blue"), name="green")
    yield lambda: contiv.network("net3", tenant="green", subnet="10.3.0.0/16", gateway="10.3.0.1")
    yield lambda: contiv.gone("networks", "green:net3")
    yield lambda: contiv.make("tenants", "red", tenantName="red")
    yield lambda: contiv.gone("tenants", "red")


def test_whatever_changes_the_answers_are_those_that_would_be_made_now(contiv: Contiv) -> None:
    Node.objects.create(name="n1", vtep="192.0.2.1")
    contiv.network()
    for policy in ("p1", "p2"):
        contiv.policy(policy)
    contiv.group("g0")
    tenant, network = Tenant.objects.get(name="blue"), Network.objects.get()
    create_endpoint(actor=SYSTEM, tenant=tenant, name="e0", network=network, node=Node.objects.get())
    kept = Prepared()
    seen = all_of(kept)
    for change in tried_changes(contiv):
        change()
        now = all_of(Prepared())
        assert all_of(kept) == now
        assert now != seen
        seen = now


class Counted(Networks):
    """Networks that count how often one is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, row: Any, words: Any = None) -> Any:
        self.shown.append(row.name)
        return super().show(row, words)


def test_a_change_of_one_object_makes_no_other_one_anew(contiv: Contiv) -> None:
    kind, kept = Counted(), Prepared()
    for n in range(5):
        contiv.network(f"net{n}", subnet=f"10.1.{n}.0/24", gateway="")
    kept.listed(kind)
    assert sorted(kind.shown) == [f"net{n}" for n in range(5)]
    kind.shown.clear()
    contiv.network("net5", subnet="10.1.5.0/24", gateway="")
    contiv.group("g1", networkName="net2")
    contiv.policy("p1")
    kept.listed(kind)
    kept.listed(kind)
    assert kept.one(kind, "blue:net3") == Prepared().one(Networks(), "blue:net3")
    assert sorted(kind.shown) == ["net2", "net5"]


def test_only_the_tenants_asked_for_are_listed(contiv: Contiv) -> None:
    contiv.network("net1", tenant="default")
    contiv.network("net1", tenant="blue")
    default, blue = (Tenant.objects.get(name=name).pk for name in ("default", "blue"))
    kept, kind = Prepared(), KINDS["networks"]
    assert (b"blue:net1" in kept.listed(kind), b"default:net1" in kept.listed(kind)) == (True, True)
    assert b"blue:net1" not in kept.listed(kind, [default])
    assert b"default:net1" not in kept.listed(kind, [blue])
    assert kept.listed(kind, []) == b"[]"


def test_what_is_kept_has_a_bound(contiv: Contiv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 2_000)
    kept, kind = Prepared(), KINDS["networks"]
    for n in range(4):
        contiv.make("tenants", f"t{n}", tenantName=f"t{n}")
        contiv.network("net1", tenant=f"t{n}")
    for _ in range(2):
        for n in range(4):
            assert kept.one(kind, f"t{n}:net1") == Prepared().one(kind, f"t{n}:net1")
            assert kept.bytes <= 2_000
    assert kept.bytes > 0


def test_nothing_is_kept_of_what_may_never_be_committed(contiv: Contiv) -> None:
    assert connection.in_atomic_block
    assert store.prepared() is not store.prepared()


WRITERS, TURNS = 3, 8


@pytest.mark.django_db(transaction=True)
def test_each_writer_finds_its_own_change_and_no_one_elses_past() -> None:
    """Threads with connections of their own, as processes are; the store they read from is one."""
    tenants = [create_tenant(actor=SYSTEM, name=name) for name in ("blue", "green")]
    shared, kind = store.prepared(), KINDS["networks"]
    assert shared is store.prepared()

    def write(writer: int) -> None:
        try:
            for turn in range(TURNS):
                name = f"net-{writer}-{turn}"
                tenant, key = tenants[turn % 2], f"{tenants[turn % 2].name}:{name}".encode()
                made = create_network(actor=SYSTEM, tenant=tenant, name=name, subnet4=f"10.{writer}.{turn}.0/24")
                assert key in shared.listed(kind)
                assert shared.one(kind, key.decode()) is not None
                update_network(actor=SYSTEM, row=made, label=f"label-{writer}-{turn}")
                assert f"label-{writer}-{turn}".encode() in (shared.one(kind, key.decode()) or b"")
                if turn % 3 == 0:
                    delete_network(actor=SYSTEM, row=made)
                    assert key not in shared.listed(kind)
                    assert shared.one(kind, key.decode()) is None
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))
    assert shared.listed(kind) == Prepared().listed(kind)


@pytest.mark.django_db(transaction=True)
def test_a_client_reads_what_it_wrote(contiv: Contiv) -> None:
    contiv.network()
    assert [one["key"] for one in contiv.get("networks")] == ["blue:net1"]
    contiv.group("g1")
    sets = {"EndpointGroups": {"blue:g1": {"type": "endpointGroup", "key": "blue:g1"}}}
    assert contiv.get("networks/blue:net1")["link-sets"] == contiv.get("networks")[0]["link-sets"] == sets
    contiv.endpoint("c1", group="g1")
    assert contiv.get("inspect/networks/blue:net1")["Oper"]["numEndpoints"] == 1
    contiv.endpoint("c2", group="g1")
    assert contiv.get("inspect/networks/blue:net1")["Oper"]["numEndpoints"] == 2
