"""auth_proxy's dialect on the main port: tokens, who sees what, and the port of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import Guesses
from accounts.patience import LIMITS
from netmaster.proxy.tokens import ALGORITHM, ISSUER, issue, key
from netmaster.tests.proxy import INSUFFICIENT, PASSWORD, Proxy, keys
from networks.actions import create_endpoint, create_network
from networks.models import Network
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Membership, Tenant
from tenants.testing import Cast
from tests.pages import unhashed

__all__ = ["unhashed"]


# --- tokens


def test_who_signs_in_gets_a_token_that_says_who_it_is(people: Cast) -> None:
    people.alice.set_password(PASSWORD)
    people.alice.save()
    status, said = Proxy().own("login/", "POST", {"username": "alice", "password": PASSWORD})
    assert status == 200
    claims = jwt.decode(said["token"], key(), algorithms=[ALGORITHM])
    assert {name: claims[name] for name in claims if name != "exp"} == {
        "iss": "auth_proxy",
        "username": "alice",
        "principals": "alice",
        "role": "ops",
        "series": f"{people.alice.pk}.0",
    }
    assert timedelta(hours=9) < datetime.fromtimestamp(claims["exp"], UTC) - datetime.now(UTC) <= timedelta(hours=10)
    assert keys(Proxy().ask("GET", "tenants/", **{"X-Auth-Token": said["token"]})) == ["blue"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"username": "alice"}, 400, "Username and password must be provided"),
        ({"password": "x"}, 400, "Username and password must be provided"),
        ({"username": "alice", "password": "wrong"}, 401, "Invalid username/password"),
        ({"username": "nobody", "password": "wrong"}, 401, "Invalid username/password"),
        ({"username": "gone", "password": PASSWORD}, 401, "Invalid username/password"),
        ("no json", 500, "The request is no JSON object."),
        ({"username": 5, "password": "x"}, 500, "username is to be a text."),
        ({"username": "a\0", "password": "x"}, 400, "username has a character that cannot be kept."),
        ('{"username": "a\\ud800", "password": "x"}', 400, "username has a character that cannot be kept."),
        ('{"username": "a", "password": "\\udfff"}', 400, "password has a character that cannot be kept."),
    ],
)
def test_who_cannot_sign_in_is_told_no_more_than_that(people: Cast, body: Any, status: int, says: str) -> None:
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    assert Proxy().own("login/", "POST", body) == (status, {"error": says})


@pytest.mark.usefixtures("unhashed")
def test_wrong_passwords_cost_time_here_and_at_the_page_alike(people: Cast) -> None:
    people.alice.set_password(PASSWORD)
    people.alice.save()
    for _ in range(LIMITS[Guesses.Kind.PAIR].free):
        Proxy().own("login/", "POST", {"username": "alice", "password": "wrong"})
    status, said = Proxy().own("login/", "POST", {"username": "alice", "password": PASSWORD})
    assert (status, said["error"].startswith("Too many wrong passwords.")) == (429, True)
    assert Client().post("/login/", {"username": "alice", "password": PASSWORD}).status_code == 429
    other = Proxy().own("login/", "POST", {"username": "bob", "password": "wrong"})
    assert other == (401, {"error": "Invalid username/password"})


def test_tokens_that_do_not_count(people: Cast) -> None:
    good = issue(people.alice)
    claims = {"exp": datetime.now(UTC) - timedelta(minutes=1), "iss": ISSUER, "username": "alice"}
    lasting = claims | {"exp": 2**40}
    cases = {
        "": "Empty auth token",
        "x": "Bad token",
        good + "x": "Bad token",
        jwt.encode(claims, key(), ALGORITHM): "Bad token",
        jwt.encode({"iss": ISSUER, "username": "alice"}, key(), ALGORITHM): "Bad token",
        jwt.encode(lasting, b"x" * 32, ALGORITHM): "Bad token",
        jwt.encode(lasting, None, "none"): "Bad token",
        jwt.encode(lasting, key(), ALGORITHM): "Bad token",
        jwt.encode(lasting | {"series": "999.0"}, key(), ALGORITHM): "Bad token",
    }
    for token, says in cases.items():
        assert Proxy().ask("GET", "tenants/", **{"X-Auth-Token": token}) == (400, {"error": says}), token
    assert Proxy().get("tenants/") == (400, {"error": "X-Auth-Token header is missing"})
    people.alice.is_active = False
    people.alice.save()
    assert Proxy(people.alice).get("tenants/") == (401, {"error": "User account disabled"})
    stale = {"X-Auth-Token": good}
    people.alice.delete()
    assert Proxy().ask("GET", "tenants/", **stale) == (401, {"error": "Invalid user"})


def test_a_session_is_no_token(people: Cast) -> None:
    proxy = Proxy()
    proxy.client.force_login(people.root)
    assert proxy.get("tenants/")[0] == 400


def test_version_and_health_are_for_everybody(db: None) -> None:
    assert set(Proxy().own("version/")[1]) == {"version"}
    health = Proxy().own("health/")[1]
    assert (health["status"], health["netmaster"]["status"]) == ("healthy", "healthy")


@pytest.mark.parametrize("path", ["version", "info", "services", "plugin/allocAddress", "debug/ofnet"])
def test_what_is_not_netmasters_collections_is_not_proxied(people: Cast, path: str) -> None:
    for where in (path, f"{path}/"):
        assert Proxy(people.root).get(where)[0] == 404


# --- who sees what


@pytest.fixture
def nets(people: Cast) -> Cast:
    for tenant in (people.blue, people.green):
        network = create_network(actor=SYSTEM, tenant=tenant, name="net", subnet4="20.1.1.0/24", encap="vlan")
        create_endpoint(actor=SYSTEM, tenant=tenant, name=f"web-{tenant}", network=network)
    return people


def test_lists_and_objects_are_those_of_granted_tenants(nets: Cast) -> None:
    alice, root = Proxy(nets.alice), Proxy(nets.root)
    assert keys(root.get("networks/")) == ["blue:net", "green:net"]
    assert keys(alice.get("networks/")) == ["blue:net"]
    assert keys(alice.get("tenants/")) == ["blue"]
    assert alice.get("networks/blue:net/")[0] == alice.get("inspect/networks/blue:net/")[0] == 200
    assert alice.get("tenants/blue/")[0] == 200
    for path in ("networks/green:net/", "inspect/networks/green:net/", "networks/nosuch:x/", "tenants/green/"):
        assert alice.get(path) == INSUFFICIENT, path
    assert alice.get("inspect/endpoints/web/")[1]["Oper"]["endpointID"] == "web-blue"
    assert alice.get("inspect/endpoints/web-green/") == INSUFFICIENT
    assert root.get("inspect/endpoints/nosuch/") == (500, "endpoint not found"), "as netmaster said it"
    Membership.objects.filter(user=nets.alice).delete()
    assert alice.get("networks/") == (200, []), "an old token opens nothing any more"


@pytest.mark.parametrize("collection", ["aciGws", "Bgps", "globals", "volumes", "volumeProfiles"])
def test_what_is_the_clusters_is_for_administrators(nets: Cast, collection: str) -> None:
    assert Proxy(nets.alice).get(f"{collection}/") == INSUFFICIENT
    assert Proxy(nets.alice).ask("POST", f"{collection}/x/", {}) == INSUFFICIENT
    assert Proxy(nets.root).get(f"{collection}/")[0] == 200


def test_everybody_may_inspect_the_global_object_and_nothing_that_looks_like_it(nets: Cast) -> None:
    charlie = Proxy(nets.charlie)
    hers, all_of_it = (one.get("inspect/globals/global/") for one in (charlie, Proxy(nets.root)))
    assert (hers[0], hers[1]["Config"]) == (200, all_of_it[1]["Config"])
    assert hers[1]["Oper"].keys() <= all_of_it[1]["Oper"].keys()
    assert (hers[1]["Oper"]["numNetworks"], all_of_it[1]["Oper"]["numNetworks"]) == (1, 2), "her tenants' alone"
    assert charlie.get("globals/global/") == INSUFFICIENT
    assert charlie.get("globals/global/?/inspect/") == INSUFFICIENT


def test_who_may_edit_a_tenant_may_write_in_it_and_nowhere_else(nets: Cast) -> None:
    body = {"tenantName": "blue", "policyName": "p"}
    assert Proxy(nets.alice).ask("PUT", "policys/blue:p/", body)[0] == 200
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.actor, entry.via) == ("alice", "contiv")
    assert Proxy(nets.bob).get("policys/blue:p/")[0] == 200
    assert Proxy(nets.bob).ask("DELETE", "policys/blue:p/") == INSUFFICIENT, "a viewer only reads"
    assert Proxy(nets.charlie).ask("DELETE", "policys/blue:p/") == INSUFFICIENT
    assert Proxy(nets.charlie).ask("POST", "policys/green:p/", body) == (500, "Invalid Key")
    assert Proxy(nets.alice).ask("DELETE", "tenants/blue/") == INSUFFICIENT
    assert Proxy(nets.alice).ask("DELETE", "policys/blue:p/") == (200, "blue:p")


def test_refusals_of_netmaster_pass_through(nets: Cast) -> None:
    assert Proxy(nets.root).get("networks/blue:nosuch/") == (500, "network not found")
    assert Proxy(nets.alice).get("networks/blue:nosuch/") == (500, "network not found")
    for path in ("nosuch/", "nosuch/x/", "inspect/nosuch/x/"):
        assert Proxy(nets.root).get(path) == (404, "404 page not found")
        assert Proxy(nets.alice).get(path) == INSUFFICIENT, "nothing she may ask for"


# --- the port of its own, when it is not open


def test_the_port_asks_for_tokens_unless_it_is_open(nets: Cast, settings: Any) -> None:
    settings.NETMASTER_PORT, settings.NETMASTER_OPEN = 9999, False
    client = Client()
    assert client.get("/api/v1/networks/", SERVER_PORT="9999").status_code == 400
    token = {"X-Auth-Token": issue(nets.alice)}
    answer = client.get("/api/v1/networks/", SERVER_PORT="9999", headers=token)
    assert [one["key"] for one in answer.json()] == ["blue:net"]
    for path in ("/version", "/info", "/plugin/allocAddress", "/login/", "/networks/"):
        assert client.get(path, SERVER_PORT="9999", headers=token).status_code == 404
    assert Network.objects.count() == 2


def test_no_other_port_is_netmasters(nets: Cast, settings: Any) -> None:
    settings.NETMASTER_PORT, settings.NETMASTER_OPEN = 9999, True
    assert Client().get("/api/v1/networks/", SERVER_PORT="8000").status_code == 400, "with a token only"
    assert Client().get("/api/v1/networks/", SERVER_PORT="8000", headers={"Host": "localhost:9999"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"},
    ],
)
def test_no_browser_uses_the_open_port(nets: Cast, settings: Any, headers: dict[str, str]) -> None:
    settings.NETMASTER_PORT, settings.NETMASTER_OPEN = 9999, True
    body = '{"tenantName":"evil"}'
    answer = Client().generic(
        "POST", "/api/v1/tenants/evil/", body, content_type="text/plain", headers=headers, SERVER_PORT="9999"
    )
    assert answer.status_code == 403
    assert not Tenant.objects.filter(name="evil").exists()
    settings.NETMASTER_OPEN = False
    token = {"X-Auth-Token": issue(nets.alice)}
    assert Client().get("/api/v1/tenants/", headers=headers | token, SERVER_PORT="9999").status_code == 200
