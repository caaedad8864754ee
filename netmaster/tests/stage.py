"""A client of Contiv's, at the open port, and how the tests say what they want of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tenants.actions import create_tenant
from tenants.change import SYSTEM
from tenants.models import Tenant

PORT = 9999


@pytest.fixture
def port(settings: Any) -> None:
    """The port is open, as with NETMASTER_OPEN=1."""
    settings.NETMASTER_PORT, settings.NETMASTER_OPEN = PORT, True


class Contiv:
    """`ask` answers the status and what was said: JSON as values, text as its first line."""

    def __init__(self) -> None:
        self.client = Client()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        said = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        answer = self.client.generic(method, path, said, content_type="application/json", SERVER_PORT=str(PORT))
        text = answer.content.decode()
        try:
            return answer.status_code, json.loads(text)
        except ValueError:
            return answer.status_code, text.strip().partition("\n")[0]

    def get(self, path: str) -> Any:
        status, said = self.ask("GET", f"/api/v1/{path}/")
        assert status == 200, said
        return said

    def make(self, collection: str, key: str, **members: Any) -> Any:
        status, said = self.ask("POST", f"/api/v1/{collection}/{key}/", members)
        assert status == 200, said
        return said

    def refused(self, collection: str, key: str, **members: Any) -> str:
        """What it says to a request that it does not take."""
        status, said = self.ask("POST", f"/api/v1/{collection}/{key}/", members)
        assert status == 500, said
        return str(said)

    def gone(self, collection: str, key: str) -> Any:
        return self.ask("DELETE", f"/api/v1/{collection}/{key}/")[1]

    # --- the things most tests begin with

    def network(self, name: str = "net1", tenant: str = "blue", **members: Any) -> Any:
        said = {"encap": "vlan", "subnet": "10.1.1.0/24", "gateway": "10.1.1.254"} | members
        return self.make("networks", f"{tenant}:{name}", tenantName=tenant, networkName=name, **said)

    def group(self, name: str = "g1", tenant: str = "blue", **members: Any) -> Any:
        said = {"networkName": "net1"} | members
        return self.make("endpointGroups", f"{tenant}:{name}", tenantName=tenant, groupName=name, **said)

    def policy(self, name: str = "p1", tenant: str = "blue") -> Any:
        return self.make("policys", f"{tenant}:{name}", tenantName=tenant, policyName=name)

    def rule(self, number: str, policy: str = "p1", tenant: str = "blue", **members: Any) -> Any:
        return self.make("rules", f"{tenant}:{policy}:{number}", **rule(number, policy, tenant, **members))

    def rule_refused(self, number: str, policy: str = "p1", tenant: str = "blue", **members: Any) -> str:
        return self.refused("rules", f"{tenant}:{policy}:{number}", **rule(number, policy, tenant, **members))

    def endpoint(self, name: str, network: str = "net1", group: str = "", **config: Any) -> Any:
        asked = {"TenantName": "blue", "NetworkName": network, "ServiceName": group, "EndpointID": name}
        status, said = self.ask("POST", "/plugin/createEndpoint", asked | {"ConfigEP": config})
        assert status == 200, said
        return said["EndpointConfig"]


def rule(number: str, policy: str, tenant: str, **members: Any) -> dict[str, Any]:
    said = {"tenantName": tenant, "policyName": policy, "ruleId": number, "direction": "in", "action": "allow"}
    return said | members


@pytest.fixture
def contiv(db: None, port: None) -> Contiv:
    """A fresh installation with the tenants default and blue."""
    for name in ("default", "blue"):
        if not Tenant.objects.filter(name=name).exists():
            create_tenant(actor=SYSTEM, name=name)
    return Contiv()


def keys(shown: Any, links: str) -> list[str]:
    """The peers of one link-set."""
    return list(shown["link-sets"].get(links, {}))
