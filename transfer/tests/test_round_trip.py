"""A document leads back to itself, through an empty installation; a second time nothing changes; wrong ones say why."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from networks.actions import (
    create_endpoint,
    create_group,
    create_network,
    create_node,
    create_reservation,
    update_fabric,
)
from networks.models import Endpoint, Network, Node
from policies.actions import add_rule, create_policy, create_profile
from policies.models import Policy
from routing.actions import create_app_profile, create_bgp_peer, create_contract_group, create_gateway, create_service
from tenants.actions import create_tenant, set_quota
from tenants.change import SYSTEM, Actor
from tenants.labels import Label
from tenants.models import AuditEntry, Tenant
from transfer.document import Form, NoDocument, dump, load
from transfer.reading import carry_over
from transfer.steps import Step
from transfer.writing import document_of

pytestmark = pytest.mark.django_db
ACTOR = Actor("import", "system")
#: Keys in an order that no database keeps, and values that YAML would take for something else.
LABELS = {"tier": "web", "example.com/env": "true", "a": "1.0", "canary": ""}


def furnish(name: str = "blue", node: Node | None = None) -> Tenant:
    tenant = create_tenant(actor=SYSTEM, name=name, description="ächt", default_verdict="deny", labels=LABELS)
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": tenant}
    front = create_network(
        **give,
        name="front",
        subnet4="20.1.1.0/24",
        gateway4="20.1.1.254",
        subnet6="fd00:1::/64",
        range4="20.1.1.5-20.1.1.99",
        labels=LABELS,
    )
    back = create_network(**give, name="back", subnet6="fd00:2::/64", encap="vlan")
    create_reservation(**give, network=front, addresses="20.1.1.7", note="a printer", labels=LABELS)
    web = create_group(**give, name="web", network=front, pool4="20.1.1.50-20.1.1.60", label="tier-1", labels=LABELS)
    db = create_group(**give, name="db", network=front)
    create_profile(**give, name="ten", rate_bps=10**7, dscp=10, groups=[web, db], labels=LABELS)
    policy = create_policy(**give, name="db-policy", groups=[db], labels=LABELS)
    peer = {"peer": "group", "peer_group": web}
    add_rule(**give, policy=policy, name="r1", priority=10, protocol="tcp", ports="80, 443", labels=LABELS, **peer)
    add_rule(**give, policy=policy, action="deny")
    add_rule(**give, policy=policy, action="deny", priority=1, protocol="udp", own_addresses="20.1.1.7", idle=True)
    add_rule(**give, policy=policy, missing={"group": "gone"}, peer="group", idle=True)
    create_policy(**give, name="empty")
    create_app_profile(**give, name="shop", groups=[web], labels=LABELS)
    create_contract_group(
        **give, name="common", kind="provided", contracts=["uni/tn-common/brc-default"], labels=LABELS
    )
    create_service(
        **give, name="dns", network=front, selectors={"zone": "a", "app": "dns"}, ports=["53:53:UDP"], labels=LABELS
    )
    create_endpoint(**give, name="web-1", network=front, group=web, node=node, labels=LABELS)
    create_endpoint(**give, name="only6", network=back)
    return tenant


def everything() -> None:
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1", labels=LABELS)
    furnish("blue", node)
    furnish("green")
    update_fabric(actor=SYSTEM, vxlan_last=20000)
    create_bgp_peer(actor=SYSTEM, name="n1", router_address="50.1.1.1/24", asn="65001", neighbor="50.1.1.2")
    create_gateway(actor=SYSTEM, physical_domain="domain")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_round_trip_gives_the_same_bytes(form: Form) -> None:
    everything()
    green = Tenant.objects.get(name="green")
    set_quota(actor=SYSTEM, row=green, networks=1, bandwidth_bps=10**9, services=7)  # There are two networks.
    text = dump(document_of(), form)
    call_command("flush", interactive=False, verbosity=0)
    assert document_of()["tenants"] == []
    outcome = carry_over(load(text), ACTOR)
    assert outcome.refused == []
    assert set(outcome.tokens) == {"n1"}
    assert dump(document_of(), form) == text
    assert Endpoint.objects.get(tenant__name="blue", name="web-1").node == Node.objects.get()


def test_a_second_time_nothing_changes() -> None:
    everything()
    before = AuditEntry.objects.count()
    outcome = carry_over(document_of(), ACTOR)
    assert {step.does for step in outcome.steps} == {"same"}
    assert AuditEntry.objects.count() == before


def test_what_differs_is_changed_and_what_is_not_named_stays() -> None:
    tenant = furnish()
    document = {
        "format": "contivui/1",
        "tenants": [
            {
                "name": "blue",
                "description": "other words",
                "default_verdict": "deny",
                "labels": LABELS,
                "policies": [
                    {
                        "name": "db-policy",
                        "labels": LABELS,
                        "groups": ["web"],
                        "rules": [{"action": "deny", "protocol": "icmp"}],
                    }
                ],
            }
        ],
    }
    outcome = carry_over(document, ACTOR)
    assert [(step.does, step.what, step.why) for step in outcome.steps] == [
        ("update", "tenant blue", "description"),
        ("update", "policy blue/db-policy", "groups"),
        ("update", "rules blue/db-policy", "1 rules"),
    ]
    assert Network.objects.filter(tenant=tenant).count() == 2
    policy = Policy.objects.get(tenant=tenant, name="db-policy")
    assert [group.name for group in policy.groups.all()] == ["web"]
    assert [rule.protocol for rule in policy.rules.all()] == ["icmp"]


def test_everything_wrong_is_said_in_one_go_and_nothing_is_stored() -> None:
    furnish()
    document = {
        "format": "contivui/1",
        "tenants": [
            {"name": "green", "networks": [{"name": "fine", "subnet4": "10.0.0.0/24"}]},
            {
                "name": "blue",
                "networks": [{"name": "clash", "subnet4": "20.1.1.0/25"}, {"name": "odd", "colour": "red"}],
            },
            {"name": "blue", "groups": [{"name": "lost", "network": "nowhere"}]},
        ],
    }
    outcome = carry_over(document, ACTOR)
    said = {step.what: step.why for step in outcome.refused}
    assert "overlaps network front" in said["network blue/clash"]
    assert said["network blue/odd"] == "colour: There is no such field."
    assert "Tenant blue has no network nowhere" in said["group blue/lost"]
    assert Step("create", "tenant green") in outcome.steps
    assert not Tenant.objects.filter(name="green").exists()


def test_a_plan_stores_nothing() -> None:
    outcome = carry_over({"format": "contivui/1", "tenants": [{"name": "green"}]}, ACTOR, only_plan=True)
    assert outcome.steps == [Step("create", "tenant green")]
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "neither YAML nor JSON"),
        ("- a", "does not begin with"),
        ("format: contivui/9", "does not begin with"),
        ("format: contivui/1\ntenants: {}", "must be a list of objects"),
        ("format: contivui/1\ntenants: [{name: blue, networks: [1]}]", "must be a list of objects"),
    ],
)
def test_what_is_no_document_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(NoDocument, match=sentence):
        load(text)


def test_an_export_costs_the_same_however_much_there_is() -> None:
    furnish("one")
    with CaptureQueriesContext(connection) as few:
        document_of()
    for number in range(5):
        furnish(f"more-{number}")
    with CaptureQueriesContext(connection) as many:
        document_of()
    assert len(many) == len(few)


def test_the_commands_write_and_read_a_file(tmp_path: Path) -> None:
    everything()
    out = io.StringIO()
    call_command("export", "--tenant", "blue", stdout=out)
    file = tmp_path / "blue.yaml"
    file.write_text(out.getvalue(), encoding="utf-8")
    told = io.StringIO()
    call_command("import", str(file), "--plan", stdout=told)
    assert "0 to make, 0 to change" in told.getvalue()
    file.write_text(file.read_text(encoding="utf-8").replace("20.1.1.50", "20.1.1.7"), encoding="utf-8")
    with pytest.raises(CommandError, match="Nothing is stored"):
        call_command("import", str(file), stdout=told)
    assert "! endpoint blue/web-1: ip4: Endpoint web-1 keeps its ip4, 20.1.1.50." in told.getvalue()
    with pytest.raises(CommandError, match="There is no tenant red"):
        call_command("export", "--tenant", "red")


def test_what_a_document_leaves_out_of_an_object_is_taken_away() -> None:
    furnish()
    document = document_of()
    (tenant,) = document["tenants"]
    for kind in ("networks", "services", "contract-groups"):
        for item in tenant[kind]:
            item.pop("labels", None)
            item.pop("contracts", None)
    outcome = carry_over(document, ACTOR)
    assert [step for step in outcome.steps if step.does == "refused"] == []
    assert document_of() == document
    assert not Label.objects.filter(kind__in=["network", "service", "contractgroup"]).exists()
    assert Label.objects.filter(kind="endpoint").count() == len(LABELS)


def quota_of(name: str) -> dict[str, int]:
    return dict(Tenant.objects.get(name=name).limits)


def test_a_quota_is_widened_before_what_needs_it_is_made() -> None:
    tenant = furnish()
    set_quota(actor=SYSTEM, row=tenant, networks=2, rules=4, services=1)
    document = document_of()
    assert document["tenants"][0]["quota"] == {"networks": 2, "rules": 4, "services": 1}
    document["tenants"][0] |= {"quota": {"networks": 3, "services": 0}}
    document["tenants"][0]["networks"].append({"name": "third", "subnet4": "30.1.1.0/24"})
    outcome = carry_over(document, ACTOR)
    assert [(step.what, step.why) for step in outcome.steps if step.does == "update"] == [
        ("quota blue", "networks, rules"),
        ("quota blue", "services"),
    ]
    assert quota_of("blue") == {"networks": 3, "services": 0}
    assert document_of()["tenants"][0]["quota"] == {"networks": 3, "services": 0}
    assert {step.does for step in carry_over(document_of(), ACTOR).steps} == {"same"}


def test_what_a_document_makes_is_held_to_the_quota_that_stays() -> None:
    set_quota(actor=SYSTEM, row=furnish(), networks=2)
    document = document_of()
    document["tenants"][0]["networks"].append({"name": "third", "subnet4": "30.1.1.0/24"})
    outcome = carry_over(document, ACTOR)
    (refused,) = outcome.refused
    assert refused.what == "network blue/third"
    assert "may have 2 networks" in refused.why


def test_a_document_without_a_quota_takes_it_away_as_it_does_with_what_else_it_leaves_out() -> None:
    set_quota(actor=SYSTEM, row=furnish(), networks=2)
    document = document_of()
    del document["tenants"][0]["quota"]
    assert carry_over(document, ACTOR).refused == []
    assert quota_of("blue") == {}


@pytest.mark.parametrize(
    ("quota", "says"),
    [
        ({"wheels": 4}, "wheels: There is no such quota. There are: networks,"),
        ({"networks": -1}, "networks: "),
        ({"networks": "many"}, "networks: "),
        ([1], "quota: Write limits by their names"),
    ],
)
def test_what_is_no_quota_is_refused_with_a_sentence(quota: Any, says: str) -> None:
    outcome = carry_over({"format": "contivui/1", "tenants": [{"name": "blue", "quota": quota}]}, ACTOR)
    assert [step.what for step in outcome.refused] == ["quota blue"]
    assert outcome.refused[0].why.startswith(says)
    assert not Tenant.objects.exists()


def test_a_misspelt_field_of_a_rule_is_refused_as_any_other() -> None:
    policies = [{"name": "p", "rules": [{"protocol": "tcp"}, {"protocol": "udp", "own_adresses": "20.1.1.5"}]}]
    outcome = carry_over({"format": "contivui/1", "tenants": [{"name": "blue", "policies": policies}]}, ACTOR)
    assert [(step.what, step.why) for step in outcome.refused] == [
        ("rules blue/p", "1.own_adresses: There is no such field.")
    ]


@pytest.mark.parametrize("only_plan", [True, False])
def test_rules_of_a_policy_that_is_refused_do_not_hide_what_else_is_wrong(only_plan: bool) -> None:
    rules = [{"protocol": "tcp"}]
    policies = [
        {"name": "lost", "groups": ["nowhere"], "rules": rules},
        {"groups": [], "rules": rules},
        {"name": "fine", "rules": rules},
    ]
    tenant = {"name": "blue", "policies": policies, "services": [{"name": "odd", "colour": "red"}]}
    outcome = carry_over({"format": "contivui/1", "tenants": [tenant]}, ACTOR, only_plan=only_plan)
    said = {step.what: step.why for step in outcome.refused}
    assert list(said) == ["policy blue/lost", "policy blue/", "service blue/odd"]
    assert "Tenant blue has no group nowhere" in said["policy blue/lost"]
    assert said["policy blue/"].startswith("name: ")
    assert [step.what for step in outcome.steps if step.what.startswith("rules ")] == ["rules blue/fine"]
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("part", "what", "says"),
    [
        ({"fabric": [1]}, "fabric", "fabric: Write its settings by their names"),
        ({"nodes": [{"name": "n1", 1: "odd", "colour": "red"}]}, "node n1", "1: There is no such field. colour: "),
        (
            {"tenants": [{"name": "green", "policies": [{"name": "p", "rules": {"protocol": "tcp"}}]}]},
            "rules green/p",
            "“rules” of policy p must be a list of objects.",
        ),
    ],
)
def test_nor_does_what_cannot_be_read_at_all(part: Any, what: str, says: str) -> None:
    tenants = [*part.get("tenants", []), {"name": "blue", "colour": "red"}]
    outcome = carry_over({"format": "contivui/1", **part, "tenants": tenants}, ACTOR)
    said = {step.what: step.why for step in outcome.refused}
    assert list(said) == [what, "tenant blue"]
    assert said[what].startswith(says)
