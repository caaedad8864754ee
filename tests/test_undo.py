"""Undo over all rooms: what nodes are told after it is, to the byte, what they were told before."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from contivui.web.problem import Problem
from contivui.web.trace import traced
from core import wire
from core.compile import compile_tenant
from networks import actions as on_networks
from networks.check import differences
from networks.models import AddressReservation, Encap, Endpoint, EndpointGroup, Network, Node
from policies import actions as on_policies
from policies.models import BandwidthProfile, Policy, Rule
from policies.snapshot import tenant_intent
from routing import actions as on_routing
from routing.models import Service
from tenants import actions as on_tenants
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast, client_of, people
from tenants.undo import take_back, together
from tenants.verify import Verification
from transfer.writing import document_of
from worker.models import SpecSection
from worker.publish import publish_tenant

__all__ = ["people"]
OPERATIONS = 30


def specs() -> str:
    """What the nodes are to be told of every tenant, as it travels."""
    told = {}
    for pk in Tenant.objects.order_by("pk").values_list("pk", flat=True):
        compiled = compile_tenant(tenant_intent(pk))
        told[pk] = {node: wire.encode_items(items) for node, items in sorted(compiled.items())}
    return json.dumps(told)


def stored() -> dict[tuple[int, int], Any]:
    for tenant in Tenant.objects.all():
        publish_tenant(tenant.pk)
    return {(s.node_id, s.tenant_id): s.items for s in SpecSection.objects.exclude(items=[])}


class Driver:
    """Does things at random, as people would: one object or many at once; what is refused, another thing instead."""

    def __init__(self, seed: int, people: Cast) -> None:
        self.chance = random.Random(seed)
        self.people = people
        self.made = 0
        self.client = client_of(people.root)
        for number in (1, 2):
            on_networks.create_node(actor=SYSTEM, name=f"node-{number}", vtep=f"192.0.2.{number}")
        for tenant in (people.blue, people.green):
            self._furnish(tenant)

    def _furnish(self, tenant: Tenant) -> None:
        give: dict[str, Any] = {"actor": SYSTEM, "tenant": tenant}
        for third, encap in ((1, Encap.VXLAN), (2, Encap.VLAN)):
            net = on_networks.create_network(
                **give,
                name=f"net-{third}",
                encap=encap,
                subnet4=f"20.1.{third}.0/24",
                gateway4=f"20.1.{third}.254",
                subnet6=f"fd00:{third}::/64" if third == 2 else "",
            )
            on_networks.create_reservation(**give, network=net, addresses=f"20.1.{third}.200-20.1.{third}.210")
            for name in ("web", "db"):
                pool = f"20.1.{third}.100-20.1.{third}.120" if name == "db" else ""
                group = on_networks.create_group(**give, name=f"{name}-{third}", network=net, pool4=pool)
                for node in Node.objects.all():
                    on_networks.create_endpoint(
                        **give, name=f"{group.name}-on-{node.pk}", network=net, group=group, node=node
                    )
        policy = on_policies.create_policy(**give, name="db", groups=list(EndpointGroup.objects.filter(tenant=tenant)))
        web = EndpointGroup.objects.get(tenant=tenant, name="web-1")
        on_policies.add_rule(**give, policy=policy, peer="group", peer_group=web, protocol="tcp", ports="5432")
        on_policies.add_rule(**give, policy=policy, action="deny", priority=2, protocol="udp")
        on_policies.create_profile(**give, name="slow", rate_bps=10**7, groups=[web])

    def step(self) -> str:
        """One request that does something."""
        while True:
            work = self.chance.choice(WORKS)
            before = AuditEntry.objects.count()
            try:
                with traced(), transaction.atomic():
                    work(self)
            except (ValidationError, Problem):
                continue
            if AuditEntry.objects.count() > before:
                return work.__name__

    def name(self) -> str:
        self.made += 1
        return f"thing-{self.made}"

    def one(self, model: Any) -> Any:
        rows = list(model.objects.order_by("pk"))
        if not rows:
            raise Problem("there is none", code="none")
        return self.chance.choice(rows)

    def some(self, rows: list[Any]) -> list[Any]:
        return self.chance.sample(rows, self.chance.randint(0, len(rows)))

    def bulk(self, plural: str, operations: list[dict[str, Any]]) -> None:
        answer = self.client.post(f"/api/v2/{plural}/bulk/", {"operations": operations}, format="json")
        if answer.status_code != 200:
            raise Problem("refused", code="refused")


Work = Callable[[Driver], object]


def make_network(it: Driver) -> None:
    octet = it.chance.randint(3, 250)
    on_networks.create_network(
        actor=SYSTEM, tenant=it.one(Tenant), name=it.name(), subnet4=f"20.1.{octet}.0/24", gateway4=f"20.1.{octet}.1"
    )


def change_network(it: Driver) -> None:
    net = it.one(Network)
    gateway = it.chance.choice(["", net.subnet4.replace("0/24", "253")])
    on_networks.update_network(actor=SYSTEM, row=net, name=it.name(), gateway4=gateway)


def add_a_family(it: Driver) -> None:
    net = it.one(Network)
    on_networks.update_network(actor=SYSTEM, row=net, subnet6=f"fd01:{net.pk}::/64", gateway6=f"fd01:{net.pk}::1")


def delete_network(it: Driver) -> None:
    """With everything in it, in one request: rules, endpoints, groups, then the network with its reservations."""
    net = it.one(Network)
    for policy in Policy.objects.filter(groups__network=net).distinct():
        stays = list(policy.groups.exclude(network=net))
        on_policies.update_policy(actor=SYSTEM, row=policy, groups=stays)
    for profile in BandwidthProfile.objects.filter(groups__network=net).distinct():
        on_policies.update_profile(actor=SYSTEM, row=profile, groups=list(profile.groups.exclude(network=net)))
    for rule in [*Rule.objects.filter(peer_group__network=net), *Rule.objects.filter(peer_network=net)]:
        on_policies.delete_rule(actor=SYSTEM, row=rule)
    for service in Service.objects.filter(network=net):
        on_routing.delete_service(actor=SYSTEM, row=service)
    for endpoint in Endpoint.objects.filter(network=net):
        on_networks.delete_endpoint(actor=SYSTEM, row=endpoint)
    for group in EndpointGroup.objects.filter(network=net):
        on_networks.delete_group(actor=SYSTEM, row=group)
    on_networks.delete_network(actor=SYSTEM, row=net)


def make_group(it: Driver) -> None:
    net = it.one(Network)
    on_networks.create_group(actor=SYSTEM, tenant=net.tenant, name=it.name(), network=net)


def change_pool(it: Driver) -> None:
    group = it.one(EndpointGroup)
    base = group.network.subnet4.removesuffix("0/24")
    pool = it.chance.choice(["", f"{base}100-{base}110", f"{base}130-{base}140", f"{base}112-{base}118"])
    on_networks.update_group(actor=SYSTEM, row=group, pool4=pool)


def make_endpoints_in_bulk(it: Driver) -> None:
    net = it.one(Network)
    groups = [None, *EndpointGroup.objects.filter(network=net).values_list("name", flat=True)]
    nodes = [None, *Node.objects.values_list("name", flat=True)]
    made = [
        {"tenant": net.tenant.name, "name": it.name(), "network": net.name, "group": it.chance.choice(groups)}
        for _ in range(it.chance.randint(1, 4))
    ]
    it.bulk("endpoints", [{"op": "create", "body": {**body, "node": it.chance.choice(nodes)}} for body in made])


def delete_endpoints_in_bulk(it: Driver) -> None:
    rows = list(Endpoint.objects.order_by("pk"))
    gone = it.chance.sample(rows, min(len(rows), it.chance.randint(1, 5)))
    it.bulk("endpoints", [{"op": "delete", "id": row.pk} for row in gone])


def move_endpoint(it: Driver) -> None:
    endpoint = it.one(Endpoint)
    groups = [None, *EndpointGroup.objects.filter(network=endpoint.network)]
    on_networks.update_endpoint(
        actor=SYSTEM, row=endpoint, name=it.name(), group=it.chance.choice(groups), node=it.one(Node)
    )


def release_endpoint(it: Driver) -> None:
    on_networks.release_endpoint(actor=SYSTEM, row=it.one(Endpoint))


def place_endpoint(it: Driver) -> None:
    net = it.one(Network)
    on_networks.place_endpoint(
        actor=SYSTEM, node=it.one(Node), tenant=net.tenant.name, name=it.name(), network=net.name
    )


def reserve(it: Driver) -> None:
    net = it.one(Network)
    on_networks.reserve_next(actor=SYSTEM, tenant=net.tenant, network=net, note="by chance")


def let_reservation_go(it: Driver) -> None:
    on_networks.delete_reservation(actor=SYSTEM, row=it.one(AddressReservation))


def make_policy(it: Driver) -> None:
    """A policy with its rules, in one request."""
    group = it.one(EndpointGroup)
    policy = on_policies.create_policy(actor=SYSTEM, tenant=group.tenant, name=it.name(), groups=[group])
    on_policies.replace_rules(actor=SYSTEM, policy=policy, rules=_rules(it, group.tenant))


def change_rules(it: Driver) -> None:
    policy = it.one(Policy)
    kept = [{"id": rule.pk, "priority": it.chance.randint(1, 100)} for rule in it.some(list(policy.rules.all()))]
    on_policies.replace_rules(actor=SYSTEM, policy=policy, rules=[*kept, *_rules(it, policy.tenant)], idle=True)


def _rules(it: Driver, tenant: Tenant) -> list[dict[str, Any]]:
    group = it.chance.choice(list(EndpointGroup.objects.filter(tenant=tenant)))
    network = it.chance.choice(list(Network.objects.filter(tenant=tenant)))
    return [
        {"protocol": "tcp", "ports": str(it.chance.randint(1, 65535)), "peer": "group", "peer_group": group},
        {"action": "deny", "priority": it.chance.randint(1, 100), "peer": "network", "peer_network": network},
        {"direction": "out", "protocol": "icmp", "peer": "address", "peer_addresses": "10.0.0.0/8"},
    ]


def change_rule(it: Driver) -> None:
    on_policies.update_rule(actor=SYSTEM, row=it.one(Rule), peer="any", protocol="udp", priority=it.made % 100 + 1)


def delete_rule(it: Driver) -> None:
    on_policies.delete_rule(actor=SYSTEM, row=it.one(Rule))


def move_policy(it: Driver) -> None:
    policy = it.one(Policy)
    groups = it.some(list(EndpointGroup.objects.filter(tenant=policy.tenant).order_by("pk")))
    on_policies.update_policy(actor=SYSTEM, row=policy, name=it.name(), groups=groups)


def delete_policy(it: Driver) -> None:
    """Off its groups and away, with its rules."""
    policy = on_policies.update_policy(actor=SYSTEM, row=it.one(Policy), groups=[])
    on_policies.delete_policy(actor=SYSTEM, row=policy)


def change_profile(it: Driver) -> None:
    profile = it.one(BandwidthProfile)
    groups = it.some(list(EndpointGroup.objects.filter(tenant=profile.tenant).order_by("pk")))
    on_policies.update_profile(actor=SYSTEM, row=profile, rate_bps=it.chance.randint(1, 90) * 10**6, groups=groups)


def delete_profile(it: Driver) -> None:
    profile = on_policies.update_profile(actor=SYSTEM, row=it.one(BandwidthProfile), groups=[])
    on_policies.delete_profile(actor=SYSTEM, row=profile)


def make_service(it: Driver) -> None:
    net = it.one(Network)
    on_routing.create_service(
        actor=SYSTEM, tenant=net.tenant, name=it.name(), network=net, selectors={"app": "web"}, ports=["80:80:TCP"]
    )


def change_tenant(it: Driver) -> None:
    verdict = it.chance.choice(["allow", "deny"])
    on_tenants.update_tenant(actor=SYSTEM, row=it.one(Tenant), name=it.name(), default_verdict=verdict)


def delete_tenant(it: Driver) -> None:
    """One that was made for it, with a member and a network that went before."""
    tenant = on_tenants.create_tenant(actor=SYSTEM, name=it.name(), owner=it.people.alice)
    net = on_networks.create_network(actor=SYSTEM, tenant=tenant, name="net", subnet4="20.1.1.0/24")
    on_networks.delete_network(actor=SYSTEM, row=net)
    on_tenants.delete_tenant(actor=SYSTEM, row=tenant)


def change_cluster(it: Driver) -> None:
    """A node more, another one with another address, and narrower ranges of tags."""
    node, _ = on_networks.create_node(actor=SYSTEM, name=it.name(), vtep=f"192.0.2.{it.chance.randint(100, 250)}")
    on_networks.update_node(actor=SYSTEM, row=node, name=it.name())
    moved = Node.objects.order_by("pk").first()
    assert moved
    on_networks.update_node(actor=SYSTEM, row=moved, vtep=f"198.51.100.{it.chance.randint(1, 250)}")
    on_networks.update_fabric(actor=SYSTEM, vxlan_last=5_000 + it.made)


WORKS: list[Work] = [
    make_network,
    change_network,
    add_a_family,
    delete_network,
    make_group,
    change_pool,
    make_endpoints_in_bulk,
    delete_endpoints_in_bulk,
    move_endpoint,
    release_endpoint,
    place_endpoint,
    reserve,
    let_reservation_go,
    make_policy,
    change_rules,
    change_rule,
    delete_rule,
    move_policy,
    delete_policy,
    change_profile,
    delete_profile,
    make_service,
    change_tenant,
    delete_tenant,
    change_cluster,
]


@pytest.mark.parametrize("seed", [1])
def test_thirty_operations_undone_leave_no_trace_on_nodes(people: Cast, seed: int) -> None:
    driver = Driver(seed, people)
    nodes, document, before = stored(), document_of(), []
    for _ in range(OPERATIONS):
        seen = specs()
        work = driver.step()
        before.append((work, seen, together(AuditEntry.objects.latest("pk"))))
    assert specs() != before[0][1]
    undone = []
    for work, seen, entries in reversed(before):
        undone.append(take_back(entries, SYSTEM))
        assert specs() == seen, work
    assert stored() == nodes
    assert document_of() == document
    assert list(differences()) == []
    assert list(Verification().faults()) == []


@pytest.fixture
def net(people: Cast) -> Network:
    with traced():
        return on_networks.create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")


def newest(verb: str = "") -> AuditEntry:
    rows = AuditEntry.objects.filter(verb=verb) if verb else AuditEntry.objects.all()
    return rows.latest("pk")


def undo(verb: str = "", actor: Any = SYSTEM) -> list[AuditEntry]:
    return take_back(together(newest(verb)), actor)


def refusal(verb: str) -> str:
    with pytest.raises(Problem) as refused:
        undo(verb)
    assert refused.value.code in ("moved_on", "in_use")
    return refused.value.message.partition("cannot be undone. ")[2]


def test_an_undo_is_a_change_that_can_be_undone(people: Cast, net: Network) -> None:
    endpoint = on_networks.create_endpoint(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    on_networks.delete_endpoint(actor=SYSTEM, row=endpoint)
    deleted = newest()
    (made,) = undo()
    assert (made.verb, made.undoes, made.object_id) == ("endpoint.create", deleted.pk, endpoint.pk)
    again = Endpoint.objects.get()
    assert (again.pk, again.mac, again.ip4) == (endpoint.pk, endpoint.mac, endpoint.ip4)
    (gone,) = take_back([made], SYSTEM)
    assert (gone.verb, Endpoint.objects.count()) == ("endpoint.delete", 0)
    take_back([deleted], SYSTEM)
    assert Endpoint.objects.get().pk == endpoint.pk
    assert list(Verification().faults()) == []


def test_ids_go_on_after_one_was_brought_back(people: Cast, net: Network) -> None:
    endpoint = on_networks.create_endpoint(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    on_networks.delete_endpoint(actor=SYSTEM, row=endpoint)
    undo()
    other = on_networks.create_endpoint(actor=SYSTEM, tenant=people.blue, name="next", network=net)
    assert other.pk > endpoint.pk


def test_what_was_changed_since_is_not_undone_and_the_change_is_named(people: Cast, net: Network) -> None:
    on_networks.update_network(actor=SYSTEM, row=net, name="other")
    on_networks.update_network(actor=SYSTEM, row=net, label="mine")
    later = newest()
    first = AuditEntry.objects.filter(verb="network.update").earliest("pk")
    with pytest.raises(Problem) as refused:
        take_back([first], SYSTEM)
    assert f"changed since: system, network.update (change {later.pk})" in refused.value.message
    assert Network.objects.get().name == "other"
    on_networks.delete_network(actor=SYSTEM, row=net)
    assert f"not there any more: system, network.delete (change {newest().pk})." in refusal("network.create")


def test_a_name_or_an_address_that_is_somebody_elses_now_is_named(people: Cast, net: Network) -> None:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue, "network": net}
    on_networks.delete_endpoint(actor=SYSTEM, row=on_networks.create_endpoint(**give, name="web"))
    other = on_networks.create_endpoint(**give, name="other")
    assert refusal("endpoint.delete").startswith("Endpoint other has 20.1.1.1 already")
    on_networks.update_endpoint(actor=SYSTEM, row=other, name="web")
    on_networks.create_reservation(**give, addresses="20.1.1.77")
    assert Endpoint.objects.get().pk == other.pk
    on_networks.delete_endpoint(actor=SYSTEM, row=on_networks.create_endpoint(**give, name="db", ip4="20.1.1.9"))
    on_networks.create_endpoint(**give, name="db", ip4="20.1.1.10")
    assert refusal("endpoint.delete") == "Tenant blue has a endpoint named db already. Choose another name."


def test_what_is_needed_by_others_and_what_it_needs_itself_is_named(people: Cast, net: Network) -> None:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    group = on_networks.create_group(**give, name="web", network=net)
    assert "group web is in it" in refusal("network.create")
    on_networks.delete_group(actor=SYSTEM, row=group)
    on_networks.create_reservation(**give, network=net, addresses="20.1.1.77")
    assert "20.1.1.77-20.1.1.77 of it was reserved" in refusal("network.create")
    on_networks.delete_network(actor=SYSTEM, row=net)
    gone = newest()
    why = f"which is not there any more: system, network.delete (change {gone.pk}). Undo that first."
    assert refusal("group.delete") == f"It needs network net, {why}"


def test_a_rule_changed_in_the_table_of_its_policy_is_not_undone_alone(people: Cast, net: Network) -> None:
    policy = on_policies.create_policy(actor=SYSTEM, tenant=people.blue, name="db")
    rule = on_policies.add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="tcp", ports="80")
    table = [{"id": rule.pk, "protocol": "tcp", "ports": "81"}]
    on_policies.replace_rules(actor=SYSTEM, policy=policy, rules=table)
    assert f"changed since: system, policy.rules (change {newest().pk})" in refusal("rule.create")


def test_a_bulk_is_undone_together_or_not_at_all(people: Cast, net: Network) -> None:
    alice = client_of(people.alice)
    bodies = [{"tenant": "blue", "network": "net", "name": f"web-{number}"} for number in range(3)]
    operations = {"operations": [{"op": "create", "body": body} for body in bodies]}
    answer = alice.post("/api/v2/endpoints/bulk/", operations, format="json", headers={"X-Request-ID": "deploy-41"})
    assert answer["X-Request-ID"] == "deploy-41"
    made = AuditEntry.objects.filter(request="deploy-41")
    assert [entry["id"] for entry in alice.get("/api/v2/audit/?request=deploy-41").json()["results"]] == [
        entry.pk for entry in made
    ]
    first = made.latest("pk")
    moved = Endpoint.objects.get(name="web-1")
    on_networks.update_endpoint(actor=SYSTEM, row=moved, name="moved")
    refused = alice.post(f"/api/v2/audit/{first.pk}/undo/")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "moved_on")
    assert Endpoint.objects.count() == 3
    undo("endpoint.update")
    tried = alice.post(f"/api/v2/audit/{first.pk}/undo/?dry_run=true")
    assert (tried.status_code, len(tried.json()["changes"]), Endpoint.objects.count()) == (200, 3, 3)
    done = alice.post(f"/api/v2/audit/{first.pk}/undo/")
    assert done.json()["undone"] == [entry.pk for entry in made]
    assert [change["verb"] for change in done.json()["changes"]] == ["endpoint.delete"] * 3
    assert done["Tenant-Generation"].startswith("blue=")
    assert Endpoint.objects.count() == 0


def test_a_request_id_sent_twice_is_two_requests(people: Cast) -> None:
    alice, headers = client_of(people.alice), {"X-Request-ID": "always-the-same"}
    for third in (1, 2):
        body = {"tenant": "blue", "name": f"net-{third}", "subnet4": f"20.1.{third}.0/24"}
        assert alice.post("/api/v2/networks/", body, format="json", headers=headers).status_code == 201
    assert len(together(newest())) == 1
    strange = alice.get("/api/v2/me/", headers={"X-Request-ID": "two words"})
    assert len(strange["X-Request-ID"]) == 32


def test_undo_takes_the_rights_for_what_is_undone(people: Cast, net: Network) -> None:
    path = f"/api/v2/audit/{newest().pk}/undo/"
    assert client_of(None).post(path).status_code == 401
    assert client_of(people.charlie).post(path).status_code == 404
    refused = client_of(people.bob).post(path)
    assert refused.status_code == 403
    assert "role of an" in refused.json()["detail"]
    made = f"/api/v2/audit/{newest('tenant.create').pk}/undo/"
    assert client_of(people.charlie).post(made).status_code == 403, "tenants are an administrator's"
    assert client_of(people.alice).post(path).status_code == 200
    assert Network.objects.count() == 0


def test_what_is_never_undone_says_why(people: Cast) -> None:
    node, _ = on_networks.create_node(actor=SYSTEM, name="node", vtep="192.0.2.1")
    token, _ = on_networks.make_join_token(actor=SYSTEM, node=node)
    on_networks.end_join_token(actor=SYSTEM, row=token)
    answer = client_of(people.root).post(f"/api/v2/audit/{newest().pk}/undo/")
    assert (answer.status_code, answer.json()["detail"].partition("undone. ")[2]) == (
        409,
        "A join token that was withdrawn opens nothing any more: its text was never kept. Make another.",
    )


def test_a_node_goes_with_its_token_and_comes_back_without(people: Cast) -> None:
    with traced():
        node, _ = on_networks.create_node(actor=SYSTEM, name="node", vtep="192.0.2.1")
        on_networks.make_join_token(actor=SYSTEM, node=node)
    gone = undo("node.create")
    assert [entry.verb for entry in gone] == ["node.token_end", "node.delete"]
    back = undo("node.delete")
    assert [entry.verb for entry in back] == ["node.create"]
    assert (Node.objects.get().pk, node.join_tokens.count()) == (node.pk, 0)


def test_a_pool_comes_back_over_what_its_endpoints_have_of_it(people: Cast, net: Network) -> None:
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue, "network": net}
    group = on_networks.create_group(**give, name="db", pool4="20.1.1.100-20.1.1.110")
    endpoint = on_networks.create_endpoint(**give, name="db-1", group=group)
    assert endpoint.ip4 == "20.1.1.100"
    on_networks.update_group(actor=SYSTEM, row=group, pool4="20.1.1.130-20.1.1.140")
    moved = newest()
    undo("group.update")
    assert on_networks.create_endpoint(**give, name="db-2", group=group).ip4 == "20.1.1.101"
    on_networks.update_group(actor=SYSTEM, row=group, pool4="20.1.1.130-20.1.1.140")
    on_networks.create_endpoint(**give, name="web", ip4="20.1.1.105")
    assert newest("group.update").pk > moved.pk
    assert refusal("group.update") == "Endpoint web has 20.1.1.105 now."
    assert list(differences()) == []


def test_a_label_comes_back_where_lists_look_for_it(people: Cast, net: Network) -> None:
    on_networks.update_network(actor=SYSTEM, row=net, labels={"id": "7", "name": "store"})
    on_networks.update_network(actor=SYSTEM, row=net, labels={"id": "7", "name": "other"})
    undo("network.update")
    found = client_of(people.alice).get("/api/v2/networks/?labels=name=store").json()["results"]
    assert [one["id"] for one in found] == [net.pk]


def test_a_tenant_comes_back_with_its_members_and_its_record_goes_on(people: Cast) -> None:
    before = set(people.blue.memberships.values_list("pk", "user", "role"))
    on_tenants.delete_tenant(actor=SYSTEM, row=people.blue)
    undo("tenant.delete")
    tenant = Tenant.objects.get(name="blue")
    assert set(tenant.memberships.values_list("pk", "user", "role")) == before
    assert client_of(people.bob).get("/api/v2/audit/").json()["results"][-1]["verb"] == "tenant.create"
    assert list(Verification().faults()) == []
