"""Addresses, keys, shapes and refusals that are the same for every collection."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from netmaster.kinds import KINDS
from netmaster.tests.stage import Contiv
from netmaster.tests.test_rubbish import GOOD
from networks.models import Network
from tenants.models import AuditEntry, Tenant

WORDS = {
    "tenants": "tenant", "networks": "network", "endpointGroups": "endpointGroup", "policys": "policy",
    "rules": "rule", "netprofiles": "netprofile", "appProfiles": "appProfile", "serviceLBs": "serviceLB",
    "extContractsGroups": "extContractsGroup", "Bgps": "Bgp", "aciGws": "aciGw", "volumes": "volume",
    "volumeProfiles": "volumeProfile", "globals": "global",
}  # fmt: skip
NOTHING = (404, "404 page not found")


def test_there_is_every_collection_and_no_other() -> None:
    assert {name: kind.word for name, kind in KINDS.items()} == WORDS


@pytest.mark.parametrize("collection", sorted(WORDS))
def test_what_is_not_there_is_refused_with_its_word(contiv: Contiv, collection: str) -> None:
    says = (500, f"{WORDS[collection]} not found")
    for key in ("nosuch", "blue:nosuch", "blue:p:1", "a:b:c:d"):
        assert contiv.ask("GET", f"/api/v1/{collection}/{key}/") == says
        assert contiv.ask("GET", f"/api/v1/inspect/{collection}/{key}/") == says
        assert contiv.ask("DELETE", f"/api/v1/{collection}/{key}/") == says


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/api/v1/"),
        ("GET", "/api/v1/networks"),
        ("GET", "/api/v1/tenants/default"),
        ("GET", "/api/v1/Networks/"),
        ("GET", "/api/v1/endpoints/"),
        ("GET", "/api/v1/inspect/networks/"),
        ("GET", "/api/v1/inspect/nosuch/x/"),
        ("POST", "/api/v1/networks/"),
        ("DELETE", "/api/v1/networks/"),
        ("PATCH", "/api/v1/tenants/default/"),
        ("OPTIONS", "/api/v1/tenants/"),
        ("HEAD", "/api/v1/tenants/"),
        ("POST", "/api/v1/tenants/a/b/"),
        ("GET", "/plugin/allocAddress"),
        ("POST", "/plugin/nosuch"),
        ("GET", "/login/"),
        ("GET", "/api/v2/networks/"),
        ("GET", "/healthz"),
    ],
)
def test_everything_else_is_not_found_as_text(contiv: Contiv, method: str, path: str) -> None:
    status, said = contiv.ask(method, path, "{}" if method == "POST" else None)
    assert (status, said) == (NOTHING if method != "HEAD" else (404, ""))


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("//api/v1/tenants/", "/api/v1/tenants/"),
        ("/api//v1/tenants///blue//", "/api/v1/tenants/blue/"),
        ("/api/v2/../v1/./tenants/?x=1&y=%2F", "/api/v1/tenants/?x=1&y=%2F"),
        ("//elsewhere.example/x", "/elsewhere.example/x"),
        ("/../..", "/"),
        ("/api/v1/rules/blue:p: //", "/api/v1/rules/blue:p:%20/"),
    ],
)
def test_a_path_that_is_written_oddly_is_sent_to_where_it_belongs(contiv: Contiv, asked: str, there: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        path, _, query = asked.partition("?")
        answer = contiv.client.generic(method, "/", SERVER_PORT="9999", PATH_INFO=path, QUERY_STRING=query)
        assert (answer.status_code, answer["Location"], answer.content) == (301, there, b"")


def test_answers_are_json_that_ends_a_line_and_refusals_are_text(contiv: Contiv) -> None:
    found = contiv.client.get("/api/v1/tenants/blue/", SERVER_PORT="9999")
    assert (found["Content-Type"], found.content) == (
        "application/json",
        b'{"key":"blue","tenantName":"blue","link-sets":{}}\n',
    )
    refused = contiv.client.get("/api/v1/tenants/nosuch/", SERVER_PORT="9999")
    assert (refused["Content-Type"], refused.content) == ("text/plain; charset=utf-8", b"tenant not found\n")


def test_members_stand_in_the_order_of_their_names_with_the_key_first(contiv: Contiv) -> None:
    contiv.network()
    profile = {"tenantName": "blue", "profileName": "np", "DSCP": 9, "bandwidth": "1mbps", "burst": 2}
    assert list(contiv.make("netprofiles", "blue:np", **profile)) == [
        "key", "DSCP", "bandwidth", "burst", "profileName", "tenantName", "link-sets", "links",
    ]  # fmt: skip
    peer = {"hostname": "h", "routerip": "5.1.1.1/24", "as": "1", "neighbor": "5.1.1.2", "neighbor-as": "2"}
    assert list(contiv.make("Bgps", "h", **peer)) == ["key", "as", "hostname", "neighbor", "neighbor-as", "routerip"]


def test_the_key_is_compared_before_anything_else(contiv: Contiv) -> None:
    assert contiv.ask("POST", "/api/v1/tenants/x/", "null") == (500, "Invalid Key")
    assert contiv.ask("POST", "/api/v1/tenants/x/", "{}") == (500, "Invalid Key")
    assert contiv.refused("networks", "blue:a", tenantName="blue", networkName="b") == "Invalid Key"
    assert contiv.refused("volumes", "blue:a", tenantName="blue", volumeName="a") == "Invalid object type"


def test_put_and_post_are_the_same_and_a_deletion_answers_the_key(contiv: Contiv) -> None:
    body = {"tenantName": "blue", "policyName": "p"}
    for method in ("PUT", "POST", "PUT"):
        assert contiv.ask(method, "/api/v1/policys/blue:p/", body)[0] == 200
    assert contiv.ask("DELETE", "/api/v1/policys/blue:p/") == (200, "blue:p")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.b-c.d1", ""),
        ("a" * 64, ""),
        ("a" * 65, "tenantName string too long"),
        ("a_b", "tenantName string invalid format"),
        ("-a", "tenantName string invalid format"),
        ("a-", "tenantName string invalid format"),
        ("a..b", "tenantName string invalid format"),
        (".a", "tenantName string invalid format"),
        ("ä", "tenantName string invalid format"),
    ],
)
def test_names(contiv: Contiv, name: str, says: str) -> None:
    if says:
        assert contiv.refused("tenants", name, tenantName=name) == says
    else:
        assert contiv.make("tenants", name, tenantName=name)["key"] == name


def test_fields_are_checked_in_the_order_of_their_names(contiv: Contiv) -> None:
    wrong: dict[str, Any] = {"tenantName": "blue", "networkName": "n", "subnet": "x", "pktTag": 2**30, "gateway": "x"}
    order = ["encap", "gateway", "pktTag", "subnet"]
    right = {"encap": "vlan", "gateway": "10.1.1.1", "pktTag": 7, "subnet": "10.1.1.0/24"}
    for name in order:
        said = contiv.refused("networks", "blue:n", **wrong)
        assert said.startswith(f"{name} ")
        wrong[name] = right[name]
    assert contiv.make("networks", "blue:n", **wrong)


def test_capitals_come_first_in_that_order(contiv: Contiv) -> None:
    said = {"tenantName": "blue", "profileName": "np", "DSCP": 64, "bandwidth": "x", "burst": 99999}
    assert contiv.refused("netprofiles", "blue:np", **said) == "DSCP Value Out of bound"
    assert contiv.refused("netprofiles", "blue:np", **said | {"DSCP": 1}) == "bandwidth string invalid format"


@pytest.mark.parametrize(
    ("collection", "field", "value"),
    [
        ("aciGws", "enforcePolicies", "y" * 65),
        ("aciGws", "includeCommonTenant", "n" * 65),
        ("aciGws", "pathBindings", "x" * 2049),
        ("aciGws", "nodeBindings", "x" * 2049),
        ("globals", "arpMode", "x" * 65),
        ("globals", "fwdMode", "x" * 65),
        ("globals", "networkInfraType", "x" * 65),
        ("Bgps", "neighbor", "1" * 16),
        ("serviceLBs", "ipAddress", "1" * 16),
        # Go counts bytes.
        ("netprofiles", "profileName", "ü" * 33),
    ],
)
def test_a_text_is_too_long_before_it_is_wrong(contiv: Contiv, collection: str, field: str, value: str) -> None:
    good = GOOD[collection] | {field: value}
    struct = KINDS[collection].struct
    key = quote(struct.key_of({name: good[name] for name in struct.key}))
    assert contiv.refused(collection, key, **good) == f"{field} string too long"


def test_the_links_of_a_request_are_answered_and_decide_nothing(contiv: Contiv) -> None:
    """Clients send an object back as they read it, with whatever links they know of."""
    said: dict[str, Any] = {"tenantName": "blue", "policyName": "p"}
    sent = {"Rules": {"b": None, "a": {"type": "rule", "key": "a"}}, "EndpointGroups": {}, "Nothing": 5}
    made = contiv.make("policys", "blue:p", **said, **{"link-sets": sent, "links": {"Tenant": {"key": "red"}}})
    assert (made["link-sets"], made["links"]) == ({}, {"Tenant": {"type": "tenant", "key": "blue"}})
    answer = contiv.make("policys", "blue:p", **said, **{"link-sets": sent, "LINKS": {"tenant": {"TYPE": "tenant"}}})
    assert answer["link-sets"] == {"Rules": {"a": {"type": "rule", "key": "a"}, "b": {}}}
    assert list(answer["link-sets"]["Rules"]) == ["a", "b"]
    assert answer["links"] == {"Tenant": {"type": "tenant"}}
    assert contiv.get("policys/blue:p") == made


def test_a_change_is_in_the_product_at_once_and_in_its_record(contiv: Contiv) -> None:
    contiv.network()
    row = Network.objects.get(name="net1")
    assert (row.subnet4, row.gateway4, row.tag, row.generation) == ("10.1.1.0/24", "10.1.1.254", 1, 2)
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.actor, entry.via, entry.verb) == ("netmaster", "contiv", "network.create")
    assert Tenant.objects.get(name="blue").generation == row.generation


def test_about_itself(contiv: Contiv) -> None:
    assert set(contiv.ask("GET", "/version")[1]) == {"GitCommit", "Version", "BuildTime"}
    info = contiv.ask("GET", "/info")[1]
    assert info["current-state"] == "leader"
    assert info["netplugin-nodes"] == []


def test_a_list_is_a_constant_number_of_queries(contiv: Contiv, django_assert_max_num_queries: Any) -> None:
    contiv.network()
    contiv.policy()
    for number in range(20):
        contiv.group(f"g{number}", policies=["p1"])
        contiv.rule(str(number), port=number + 1, protocol="tcp")
    for collection in ("networks", "endpointGroups", "policys", "rules", "tenants"):
        with django_assert_max_num_queries(9):
            assert contiv.get(collection)
