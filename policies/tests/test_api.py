"""Policies, rules, bandwidth profiles and explain through the API."""

from __future__ import annotations

from typing import Any

from networks.actions import create_endpoint, create_group, create_network, create_node, update_endpoint
from networks.models import EndpointGroup, Network
from policies.actions import add_rule, create_policy, create_profile
from policies.models import Policy, Rule
from policies.resources import POLICY, PROFILE, RULE
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast, ResourceTests, client_of, codes

#: What two rules say, not as it is kept.
SAME: dict[str, dict[str, Any]] = {
    "tcp": {"protocol": "6", "ports": "80-80"},
    "udp": {"protocol": "UDP", "priority": 1},
}


def group_in(tenant: Tenant, name: str = "web") -> EndpointGroup:
    found = EndpointGroup.objects.filter(tenant=tenant, name=name).first()
    if found:
        return found
    network = Network.objects.filter(tenant=tenant).first() or create_network(
        actor=SYSTEM, tenant=tenant, name="net", subnet4="20.1.1.0/24", gateway4="20.1.1.254"
    )
    return create_group(actor=SYSTEM, tenant=tenant, name=name, network=network)


def policy_in(tenant: Tenant, name: str = "db-policy") -> Policy:
    found = Policy.objects.filter(tenant=tenant, name=name).first()
    return found or create_policy(actor=SYSTEM, tenant=tenant, name=name)


class TestPolicies(ResourceTests):
    resource = POLICY
    patch = {"name": "renamed"}

    def make(self, tenant: Tenant, name: str) -> Any:
        return create_policy(actor=SYSTEM, tenant=tenant, name=name)

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "name": "new", "groups": [group_in(people.blue).pk]}


class TestRules(ResourceTests):
    resource = RULE
    patch = {"ports": "80, 443"}

    def make(self, tenant: Tenant, name: str) -> Any:
        policy = policy_in(tenant)
        number = policy.rules.count() + 1000
        return add_rule(actor=SYSTEM, tenant=tenant, policy=policy, protocol="tcp", ports=str(number))

    def body(self, people: Cast) -> dict[str, Any]:
        return {"tenant": "blue", "policy": policy_in(people.blue).pk, "protocol": "udp", "ports": "53"}


class TestProfiles(ResourceTests):
    resource = PROFILE
    patch = {"rate_bps": 20_000_000}

    def make(self, tenant: Tenant, name: str) -> Any:
        return create_profile(actor=SYSTEM, tenant=tenant, name=name, rate_bps=10_000_000)

    def body(self, people: Cast) -> dict[str, Any]:
        group = group_in(people.blue)
        return {"tenant": "blue", "name": "new", "rate_bps": 10_000_000, "groups": [group.name]}


def test_it_takes_the_tenant_of_a_rule_from_its_policy(people: Cast) -> None:
    policy, group = policy_in(people.blue), group_in(people.blue)
    body = {"policy": policy.pk, "peer": "group", "peer_group": "web", "protocol": "TCP", "ports": "443,80-90,85"}
    made = client_of(people.alice).post("/api/v2/rules/", body, format="json").json()
    assert (made["tenant"], made["protocol"], made["ports"]) == ("blue", "tcp", "80-90, 443")
    assert made["peer_group"] == {"id": group.pk, "name": "web"}
    assert made["generation"] == Policy.objects.get(pk=policy.pk).generation
    answer = client_of(people.charlie).post("/api/v2/rules/", body, format="json")
    assert (answer.status_code, codes(answer)["policy"]) == (400, "unknown")
    answer = client_of(people.bob).post("/api/v2/rules/", body, format="json")
    assert answer.status_code == 403


def test_it_says_the_same_of_an_unknown_peer_and_of_another_tenants(people: Cast) -> None:
    theirs, policy = group_in(people.green, "secret"), policy_in(people.blue)
    messages = set()
    for said in (theirs.pk, "secret", 999_999):
        body = {"policy": policy.pk, "peer": "group", "peer_group": said}
        answer = client_of(people.alice).post("/api/v2/rules/", body, format="json")
        assert (answer.status_code, codes(answer)) == (400, {"peer_group": "unknown"})
        messages.add(answer.json()["detail"].replace(str(said), "…"))
    assert len(messages) == 1


def test_it_names_the_port_that_cannot_be(people: Cast) -> None:
    policy = policy_in(people.blue)
    for ports in ("0", "70000", "90-80"):
        body = {"policy": policy.pk, "protocol": "tcp", "ports": ports}
        answer = client_of(people.alice).post("/api/v2/rules/", body, format="json")
        assert (answer.status_code, codes(answer)) == (400, {"ports": "ports"})
    assert not Rule.objects.exists()


def test_it_replaces_a_policys_table_in_one_step(people: Cast) -> None:
    policy = policy_in(people.blue)
    keep, drop = (
        add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="tcp", ports=ports) for ports in ("1", "2")
    )
    group_in(people.blue)
    table = [
        {"protocol": "udp", "ports": "53", "peer": "group", "peer_group": "web", "priority": 7},
        {"id": keep.pk, "protocol": "tcp", "ports": "1-9"},
    ]
    generation = Tenant.objects.get(pk=people.blue.pk).generation
    path = f"/api/v2/policies/{policy.pk}/rules/"
    answer = client_of(people.alice).put(path, table, format="json")
    assert answer.status_code == 200, answer.json()
    assert {(rule["id"] == keep.pk, rule["ports"]) for rule in answer.json()} == {(True, "1-9"), (False, "53")}
    assert not Rule.objects.filter(pk=drop.pk).exists()
    assert Tenant.objects.get(pk=people.blue.pk).generation == generation + 1
    entry = AuditEntry.objects.first()
    assert entry is not None and entry.before and entry.after
    assert (len(entry.before["rules"]), len(entry.after["rules"])) == (2, 2)
    assert client_of(people.bob).put(path, [], format="json").status_code == 403
    assert client_of(people.charlie).put(path, [], format="json").status_code == 404


def test_a_table_that_is_the_policys_already_changes_nothing_and_the_answer_says_so(people: Cast) -> None:
    policy = policy_in(people.blue)
    path, client = f"/api/v2/policies/{policy.pk}/rules/", client_of(people.alice)
    made = client.put(path, [{"protocol": "tcp", "ports": "80"}, {"protocol": "udp"}], format="json")
    assert "Changed" not in made
    entries = AuditEntry.objects.count()
    for table in (made.json(), made.json()[::-1], [{"id": row["id"], **SAME[row["protocol"]]} for row in made.json()]):
        again = client.put(path, table, format="json")
        assert (again.status_code, again["Changed"], again.json()) == (200, "false", made.json())
        assert again["Tenant-Generation"] == made["Tenant-Generation"]
    assert AuditEntry.objects.count() == entries
    fewer = client.put(path, made.json()[:1], format="json")
    assert "Changed" not in fewer and len(fewer.json()) == 1
    assert AuditEntry.objects.count() == entries + 1


def test_it_names_the_line_of_a_table_that_is_wrong_and_does_nothing(people: Cast) -> None:
    policy = policy_in(people.blue)
    add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="tcp", ports="1")
    path, client = f"/api/v2/policies/{policy.pk}/rules/", client_of(people.alice)
    wrong = client.put(path, [{"protocol": "tcp"}, {"protocol": "tcp", "ports": "70000"}], format="json")
    assert (wrong.status_code, codes(wrong)) == (400, {"1.ports": "ports"})
    foreign = client.put(path, [{"id": 999_999}], format="json")
    assert (foreign.status_code, codes(foreign)) == (400, {"0.id": "unknown"})
    shadowed = client.put(path, [{"action": "deny", "priority": 5}, {"protocol": "tcp", "ports": "80"}], format="json")
    assert (shadowed.status_code, codes(shadowed)) == (400, {"1.action": "without_effect"})
    assert "line 1" in shadowed.json()["detail"]
    assert list(policy.rules.values_list("ports", flat=True)) == ["1"]


def test_a_misspelt_field_of_a_table_is_refused_and_what_is_only_shown_may_be_sent_back(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    path, client = f"/api/v2/policies/{policy.pk}/rules/", client_of(people.alice)
    wrong = client.put(path, [{"protocol": "tcp"}, {"prio": 7, "protocol": "udp"}], format="json")
    assert (wrong.status_code, codes(wrong)) == (400, {"1.prio": "unknown_field"})
    assert wrong.json()["errors"][0]["pointer"] == "#/1/prio"
    assert not policy.rules.exists()
    body = [{"protocol": "tcp", "own_addresses": "20.1.1.5", "labels": {"tier": "web"}}]
    table = client.put(path, body, format="json").json()
    again = client.put(path, table, format="json")
    assert again.status_code == 200, again.content
    assert [row["id"] for row in again.json()] == [row["id"] for row in table]
    twice = client.put(path, table * 2, format="json")
    assert (twice.status_code, codes(twice)) == (400, {"": "twice"})


def test_it_explains_which_rule_of_which_policy_decides(people: Cast) -> None:
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="10.0.0.1")
    web, db = group_in(people.blue, "web"), group_in(people.blue, "db")
    for name, group, where in (("w", web, node), ("d", db, None)):
        create_endpoint(actor=SYSTEM, tenant=people.blue, name=name, network=group.network, group=group, node=where)
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="db-policy", groups=[db])
    add = {"actor": SYSTEM, "tenant": people.blue, "policy": policy}
    allow = add_rule(**add, priority=2, peer="group", peer_group=web, protocol="tcp", ports="5432")
    deny = add_rule(**add, priority=1, action="deny")
    client = client_of(people.bob)
    question = {"tenant": "blue", "source": "w", "destination": "d", "protocol": "tcp", "port": 5432}
    answer = client.post("/api/v2/explain/", question, format="json").json()
    assert (answer["action"], answer["incoming"]["rule"], answer["incoming"]["policy"]) == (
        "allow",
        allow.pk,
        "db-policy",
    )
    assert (answer["outgoing"]["group"], answer["outgoing"]["rule"]) == ("web", None)
    question |= {"port": 22, "source": "20.1.1.1"}
    answer = client.post("/api/v2/explain/", question, format="json").json()
    assert (answer["action"], answer["incoming"]["rule"]) == ("deny", deny.pk)
    assert answer["outgoing"]["endpoint"] == "w"
    for wrong, field in (
        ({"source": "nobody"}, "source"),
        ({"protocol": "tcp", "port": None}, "port"),
        ({"protocol": "any", "port": None}, "protocol"),
        ({"destination": "fd00::1"}, "destination"),
    ):
        answer = client.post("/api/v2/explain/", question | wrong, format="json")
        assert (answer.status_code, list(codes(answer))) == (400, [field])
    assert client_of(people.charlie).post("/api/v2/explain/", question, format="json").status_code == 400


def test_endpoints_on_no_node_are_explained_as_if_they_were_on_one_also_where_a_rule_is_about_some_of_a_group(
    people: Cast,
) -> None:
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="10.0.0.1")
    web, db = group_in(people.blue, "web"), group_in(people.blue, "db")
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue, "network": web.network}
    source = create_endpoint(**give, name="w", group=web)
    create_endpoint(**give, name="d", group=db)
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="db-policy", groups=[db])
    some = {"peer": "group", "peer_group": web, "peer_addresses": str(source.ip4)}
    deny = add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, action="deny", **some)
    question = {"tenant": "blue", "source": "w", "destination": "d", "protocol": "tcp", "port": 80}
    before = client_of(people.bob).post("/api/v2/explain/", question, format="json").json()
    assert (before["action"], before["incoming"]["rule"]) == ("deny", deny.pk)
    update_endpoint(actor=SYSTEM, row=source, node=node)
    assert client_of(people.bob).post("/api/v2/explain/", question, format="json").json() == before
