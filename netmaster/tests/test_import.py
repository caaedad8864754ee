"""What a netmaster holds is made here: planned, all of it or nothing, again without effect."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from netmaster.carrying import carry_over
from netmaster.source import Held, Member, Netmaster, NoSource, read_saved
from networks.actions import create_node
from networks.models import Endpoint, EndpointGroup, Network, Node
from policies.models import Rule
from routing.models import BgpPeer, Service
from tenants.change import SYSTEM, Actor
from tenants.models import AuditEntry, Tenant

pytestmark = pytest.mark.django_db
ACTOR = Actor("import_contiv", "system")

FABRIC = {
    "key": "global",
    "arpMode": "proxy",
    "fwdMode": "routing",
    "name": "global",
    "networkInfraType": "default",
    "pvtSubnet": "172.20.0.0/16",
    "vlans": "1-4094",
    "vxlans": "1-10000",
}
TENANT = {"type": "tenant", "key": "blue"}
HELD: dict[str, list[dict[str, Any]]] = {
    "globals": [FABRIC],
    "tenants": [{"key": "blue", "tenantName": "blue", "link-sets": {}}],
    "netprofiles": [
        {
            "key": "blue:gold",
            "profileName": "gold",
            "tenantName": "blue",
            "bandwidth": "10 mbps",
            "DSCP": 10,
            "burst": 20,
        }
    ],
    "networks": [
        {
            "key": "blue:front",
            "networkName": "front",
            "tenantName": "blue",
            "encap": "vxlan",
            "nwType": "data",
            "subnet": "20.1.1.0/24",
            "gateway": "20.1.1.254",
            "link-sets": {},
            "links": {"Tenant": TENANT},
        }
    ],
    "policys": [{"key": "blue:p", "policyName": "p", "tenantName": "blue"}],
    "endpointGroups": [
        {"key": f"blue:{name}", "groupName": name, "tenantName": "blue", "networkName": "front", **more}
        for name, more in (
            ("db", {"policies": ["p"], "netProfile": "gold"}),
            ("web", {"ipPool": "20.1.1.10-20.1.1.20"}),
        )
    ],
    "rules": [
        {
            "key": "blue:p:1",
            "tenantName": "blue",
            "policyName": "p",
            "ruleId": "1",
            "direction": "in",
            "priority": 10,
            "action": "allow",
            "protocol": "tcp",
            "port": 5432,
            "fromEndpointGroup": "web",
        }
    ],
    "serviceLBs": [
        {
            "key": "blue:dns",
            "serviceName": "dns",
            "tenantName": "blue",
            "networkName": "front",
            "ipAddress": "20.1.1.100",
            "selectors": ["app=dns"],
            "ports": ["53:53:UDP"],
        }
    ],
    "Bgps": [{"key": "h1", "hostname": "h1", "routerip": "50.1.1.1/24", "as": "65001", "neighbor": "50.1.1.2"}],
}
STATE = {
    "blue:front": {
        "pktTag": 3,
        "externalPktTag": 77,
        "endpoints": [
            {
                "network": "front.blue",
                "endpointID": "ep1",
                "serviceName": "web",
                "ipAddress": ["20.1.1.10", ""],
                "homingHost": "h1",
                "containerName": "/web-1",
            },
            {"network": "front.blue", "endpointID": "ep2", "ipAddress": ["20.1.1.1", ""], "homingHost": "h2"},
        ],
    }
}


def saved(tmp_path: Path, **other: Any) -> Path:
    path = tmp_path / "contiv.json"
    path.write_text(json.dumps({"collections": {**HELD, **other}, "networks": STATE}))
    return path


class Slow(Held):
    """A source that says what would wait for it."""

    def collection(self, name: str) -> list[Member]:
        assert not connection.in_atomic_block
        return super().collection(name)

    def state(self, key: str) -> Member:
        assert not connection.in_atomic_block
        return super().state(key)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("only_plan", [True, False])
def test_nobody_is_locked_out_while_a_netmaster_is_read(only_plan: bool) -> None:
    outcome = carry_over(Slow({"collections": HELD, "networks": STATE}), ACTOR, only_plan=only_plan)
    assert len(outcome.steps) > len(HELD)


def test_everything_is_made_with_its_tags_and_addresses(tmp_path: Path) -> None:
    create_node(actor=SYSTEM, name="h1", vtep="192.0.2.1")
    outcome = carry_over(read_saved(saved(tmp_path)), ACTOR)
    assert outcome.refused == []
    network = Network.objects.get(name="front")
    assert (network.tag, network.subnet4, network.gateway4) == (77, "20.1.1.0/24", "20.1.1.254")
    rule = Rule.objects.get()
    assert (rule.name, rule.peer_group, rule.ports) == ("1", EndpointGroup.objects.get(name="web"), "5432")
    assert EndpointGroup.objects.get(name="db").policies.get().name == "p"
    here, elsewhere = Endpoint.objects.order_by("name")
    assert (here.ip4, here.node, here.group) == ("20.1.1.10", Node.objects.get(), EndpointGroup.objects.get(name="web"))
    assert (elsewhere.ip4, elsewhere.node) == ("20.1.1.1", None)
    assert [step.why for step in outcome.steps if step.what.endswith("ep2")] == ["there is no node h2 here yet"]
    assert (Service.objects.get().address, BgpPeer.objects.get().asn) == ("20.1.1.100", "65001")


def test_again_it_changes_nothing(tmp_path: Path) -> None:
    source = read_saved(saved(tmp_path))
    carry_over(source, ACTOR)
    before = AuditEntry.objects.count()
    outcome = carry_over(source, ACTOR)
    assert {step.does for step in outcome.steps} == {"same"}, list(outcome.lines())
    assert AuditEntry.objects.count() == before


def test_a_plan_stores_nothing(tmp_path: Path) -> None:
    outcome = carry_over(read_saved(saved(tmp_path)), ACTOR, only_plan=True)
    assert len(outcome.steps) == 12
    assert not Tenant.objects.filter(name="blue").exists()


def test_what_cannot_be_is_named_with_the_reason_and_can_be_left_out(tmp_path: Path) -> None:
    odd = {**HELD["networks"][0], "key": "blue:odd", "networkName": "odd", "subnet": "20.1.1.128/25"}
    path = saved(tmp_path, networks=[*HELD["networks"], odd])
    outcome = carry_over(read_saved(path), ACTOR)
    assert [(step.what, step.why) for step in outcome.refused] == [
        ("network blue:odd", "network front conflicts with subnet 20.1.1.128/25")
    ]
    assert not Tenant.objects.filter(name="blue").exists()
    carry_over(read_saved(path), ACTOR, without_refused=True)
    assert [network.name for network in Network.objects.all()] == ["front"]


def test_the_command_tells_and_refuses(tmp_path: Path) -> None:
    told = io.StringIO()
    call_command("import_contiv", str(saved(tmp_path)), "--plan", stdout=told)
    assert "+ network blue:front" in told.getvalue()
    assert "11 to make, 1 to change, 0 as they are, 0 refused." in told.getvalue()
    with pytest.raises(CommandError, match="is not what import_contiv --save writes"):
        call_command("import_contiv", str(tmp_path / "none.json"))


@pytest.mark.django_db(transaction=True)
def test_one_that_runs_is_read_and_saved(live_server: Any, settings: Any, tmp_path: Path) -> None:
    """Our own dialect is a netmaster to whoever asks: what it holds leads back to itself."""
    settings.ROOT_URLCONF = "netmaster.urls"
    carry_over(read_saved(saved(tmp_path)), ACTOR)
    source = Netmaster(live_server.url)
    assert {step.does for step in carry_over(source, ACTOR).steps} == {"same"}
    kept = tmp_path / "kept.json"
    call_command("import_contiv", live_server.url, "--save", str(kept))
    assert {step.does for step in carry_over(read_saved(kept), ACTOR).steps} == {"same"}


def test_an_address_where_nobody_answers_is_said() -> None:
    with pytest.raises(NoSource, match="cannot be read"):
        Netmaster("http://127.0.0.1:9").collection("tenants")
