from __future__ import annotations

from pathlib import Path

import pytest

from agent import identity
from agent.joining import new_request
from core.joining import parse
from lab import containers
from launcher import demo, first_lab
from launcher.settings import Settings, load
from networks.actions import delete_endpoint, join_node, place_endpoint, revoke_node, update_endpoint
from networks.authority import at
from networks.models import EndpointGroup, Network, Node
from policies.models import BandwidthProfile, Rule
from policies.snapshot import tenant_intent
from tenants.actions import update_tenant
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    return load({"CONTIVUI_DATA": str(tmp_path), "LAB_NODES": "3"})


def place(container: containers.Container) -> containers.Container:
    """What the lab does when it plugs a container in, without the lab."""
    node = Node.objects.get(name=container.node)
    endpoint = place_endpoint(
        actor=SYSTEM,
        node=node,
        tenant=container.tenant,
        network=container.network,
        group=container.group,
        name=container.name,
    )
    container.endpoint = endpoint.pk
    return container


def test_both_tenants_have_the_same_addresses_a_protected_database_and_limited_clients() -> None:
    demo.make()
    assert list(Network.objects.values_list("tenant__name", "subnet4", "gateway4", "encap")) == [
        ("blue", "20.1.1.0/24", "20.1.1.254", "vxlan"),
        ("green", "20.1.1.0/24", "20.1.1.254", "vxlan"),
    ]
    assert EndpointGroup.objects.count() == 6
    for tenant in Tenant.objects.all():
        rules = Rule.objects.filter(policy__tenant=tenant, policy__groups__name="db").order_by("-priority")
        assert list(rules.values_list("priority", "action", "protocol", "ports", "peer", "peer_group__name")) == [
            (10, "allow", "tcp", "5432", "group", "web"),
            (1, "deny", "any", "", "any", None),
        ]
        profile = BandwidthProfile.objects.get(tenant=tenant)
        assert (profile.rate_bps, [g.name for g in profile.groups.all()]) == (10_000_000, ["client"])


def test_its_containers_are_two_of_each_group_spread_over_the_nodes() -> None:
    made = demo.containers(["node-1", "node-2", "node-3"])
    assert len({c.key for c in made}) == 12
    for tenant in demo.TENANTS:
        of_tenant = [c for c in made if c.tenant == tenant]
        assert [sum(c.node == f"node-{n}" for c in of_tenant) for n in (1, 2, 3)] == [2, 2, 2]
        for group in demo.GROUPS:
            assert len({c.node for c in of_tenant if c.group == group}) == 2


def test_it_is_made_once_and_what_a_person_changed_since_stays(installation: Settings) -> None:
    first_lab.make(installation)
    before = AuditEntry.objects.count()
    update_tenant(actor=SYSTEM, row=Tenant.objects.get(name="blue"), name="azure")
    first_lab.make(installation)
    assert AuditEntry.objects.count() == before + 1
    assert set(Tenant.objects.values_list("name", flat=True)) == {"azure", "green"}


def test_a_demonstration_cut_short_leaves_nothing_and_is_made_by_the_next_start(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(demo, "TENANTS", ("blue", "green", "not a name"))
        with pytest.raises(Exception, match="letters"):
            first_lab.make(installation)
    assert not Tenant.objects.exists()
    first_lab.make(installation)
    assert Tenant.objects.count() == 2
    assert len(containers.load(installation.containers_file)) == 12


def test_no_demonstration_is_made_when_it_is_turned_off(tmp_path: Path) -> None:
    first_lab.make(load({"CONTIVUI_DATA": str(tmp_path), "DEMO": "0", "LAB_NODES": "2"}))
    assert not Tenant.objects.exists()
    assert list(Node.objects.values_list("name", "vtep")) == [("node-1", "192.0.2.1"), ("node-2", "192.0.2.2")]


def test_a_node_that_has_joined_gets_no_other_token_and_one_that_may_not_connect_gets_one(
    installation: Settings,
) -> None:
    first_lab.make(installation)
    folders = {n: installation.lab_folder / f"node-{n}" for n in (1, 2, 3)}
    for n, folder in folders.items():
        file = folder / "join-token"
        assert file.stat().st_mode & 0o777 == 0o600
        join_as_its_agent_would(folder, file)
        assert first_lab.may_connect(folder), n
    revoke_node(actor=SYSTEM, row=Node.objects.get(name="node-2"))
    (folders[3] / "authority.pem").write_text(at(folders[3] / "other" / "authority.pem").pem)
    first_lab.make(installation)
    assert [(folder / "join-token").exists() for folder in folders.values()] == [False, True, True]


def join_as_its_agent_would(folder: Path, file: Path) -> None:
    key, request = new_request(folder.name)
    node = Node.objects.get(name=folder.name)
    secret = parse(file.read_text()).secret
    given = join_node(actor=SYSTEM, secret=secret, name=node.name, vtep=node.vtep, request=request)
    identity.write(folder, key, given.described)
    file.unlink()


def test_containers_follow_their_endpoints_names_and_nodes_and_stay_out_when_those_are_deleted(
    installation: Settings,
) -> None:
    first_lab.make(installation)
    noted = [place(c) for c in containers.load(installation.containers_file)]
    containers.save(installation.containers_file, noted)
    blue = Tenant.objects.get(name="blue")
    web, db, client = (blue.endpoints.get(name=name) for name in ("web-1", "db-1", "client-1"))
    update_endpoint(actor=SYSTEM, row=web, name="front-1")
    update_endpoint(actor=SYSTEM, row=db, node=Node.objects.get(name="node-2"))
    delete_endpoint(actor=SYSTEM, row=client)
    first_lab.make(installation)
    now = {c.key: c for c in containers.load(installation.containers_file)}
    assert now["blue/front-1"].endpoint == web.pk
    assert now["blue/db-1"].node == "node-2"
    assert (now["blue/client-1"].plugged, now["blue/client-1"].endpoint) == (False, None)
    assert now["green/client-1"].plugged
    assert len(tenant_intent(blue.pk).endpoints) == 5
