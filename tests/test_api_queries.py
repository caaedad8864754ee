"""How many questions each list and each object of the API asks the database: as many as tests/api_queries.json says,
however many rows there are. When a change is meant, `CONTIVUI_RECORD=1 make test TESTS=tests/test_api_queries.py`
writes the file anew, and its difference is there for the reviewer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from networks.actions import create_endpoint, create_group, create_network
from policies.actions import add_rule, create_policy, create_profile
from tenants.actions import add_member
from tenants.change import SYSTEM
from tenants.models import Tenant, Token
from tenants.testing import Cast, people
from tests.test_api_routes import PREFIXES, furnish

__all__ = ["people"]

RECORD = Path(__file__).with_name("api_queries.json")
MOST = 12
#: For administrators only; there are few of them, whatever there is of everything else.
CLUSTER = {
    *("nodes", "join-tokens", "node-certificates", "knocks", "bgp-peers", "aci-gateways"),
    *("users", "group-grants"),
}


def grow(tenant: Tenant, numbers: range) -> None:
    """More of everything a tenant owns."""
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": tenant}
    for n in numbers:
        net = create_network(**give, name=f"net-{n}", subnet4=f"20.9.{n}.0/24")
        group = create_group(**give, name=f"group-{n}", network=net)
        create_endpoint(**give, name=f"endpoint-{n}", network=net, group=group)
        policy = create_policy(**give, name=f"policy-{n}", groups=[group])
        add_rule(**give, policy=policy, peer="group", peer_group=group)
        create_profile(**give, name=f"profile-{n}", rate_bps=10**6, groups=[group])
        add_member(**give, user=User.objects.create(username=f"member-{n}"))
        Token.objects.create(User.objects.get(username="alice"), None, name=f"token-{n}")


def asked(client: APIClient, path: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200, path
    return len(seen)


def counts(client: APIClient, keys: dict[str, int]) -> dict[str, int]:
    found = {}
    for prefix in PREFIXES:
        if prefix in CLUSTER:
            continue
        found[f"{prefix}/"] = asked(client, f"/api/v2/{prefix}/")
        if prefix != "tokens":
            found[f"{prefix}/{{id}}/"] = asked(client, f"/api/v2/{prefix}/{keys[prefix]}/")
    return found


def test_lists_and_objects_ask_as_often_as_recorded_however_many_there_are(people: Cast) -> None:
    keys = furnish(people.blue, "10.0.0.1")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(people.alice, None)[1]}")
    client.get("/api/v2/me/")  # The first use of a token is written down.
    grow(people.blue, range(2))
    few = counts(client, keys)
    grow(people.blue, range(2, 14))
    assert counts(client, keys) == few
    if os.environ.get("CONTIVUI_RECORD"):
        RECORD.write_text(json.dumps(few, indent=1) + "\n")
    assert few == json.loads(RECORD.read_text())
    assert max(few.values()) <= MOST
