"""What people do, at random: one object or many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from networks import actions as on_networks
from networks.models import AddressReservation, Endpoint, EndpointGroup, Network, Node
from policies import actions as on_policies
from policies.models import BandwidthProfile, Policy, Rule
from routing import actions as on_routing
from routing.models import Service
from tenants import actions as on_tenants
from tenants.change import SYSTEM
from tenants.models import Tenant

if TYPE_CHECKING:
    from tests.undo.driver import Driver

Work = Callable[["Driver"], object]


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
    endpoint = it.one(Endpoint)
    on_networks.release_endpoint(actor=SYSTEM, row=endpoint, node=endpoint.node or it.one(Node))


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
