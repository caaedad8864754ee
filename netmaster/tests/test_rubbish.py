"""Whatever is sent, the answer is JSON or a line of text, and never a fault of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from netmaster.kinds import KINDS
from netmaster.tests.stage import Contiv, rule

RUBBISH: list[Any] = [
    None, True, "", " ", "\0", "x" * 3000, "ü💥", "\ud800", "a:b", "%", -1, 0, 3.7, 10**30, [], [[]], [None], ["\0"],
    ["\ud800"], [""], {}, {"a": 1}, "10.1.1.1-10.1.1.0", "255.255.255.255/31", "::/1", "1.1.1.1/8", "99999999-1",
    "=", ["="], ["::"],
]  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "tenants": {"tenantName": "red"},
    "networks": {"tenantName": "blue", "networkName": "n2", "encap": "vlan", "subnet": "20.1.1.0/24", "pktTag": 9,
                 "gateway": "20.1.1.1", "ipv6Subnet": "fd00::/64", "ipv6Gateway": "fd00::1", "cfgdTag": "t"},
    "endpointGroups": {"tenantName": "blue", "groupName": "g2", "networkName": "net1", "ipPool": "10.1.1.5-10.1.1.9",
                       "policies": ["p1"], "netProfile": "np", "extContractsGrps": ["c"], "cfgdTag": "t"},
    "policys": {"tenantName": "blue", "policyName": "p2"},
    "rules": rule("1", "p1", "blue", fromEndpointGroup="g1", fromIpAddress="10.1.1.0/24", protocol="tcp", port=80),
    "netprofiles": {"tenantName": "blue", "profileName": "np2", "bandwidth": "1mbps", "DSCP": 1, "burst": 2},
    "appProfiles": {"tenantName": "blue", "appProfileName": "a", "endpointGroups": ["g1"]},
    "extContractsGroups": {"tenantName": "blue", "contractsGroupName": "c2", "contractsType": "provided",
                           "contracts": ["x"]},
    "serviceLBs": {"tenantName": "blue", "serviceName": "s", "networkName": "net1", "ipAddress": "10.1.1.7",
                   "selectors": ["a=b"], "ports": ["1:2:TCP"]},
    "Bgps": {"hostname": "h", "routerip": "5.1.1.1/24", "as": "1", "neighbor": "5.1.1.2", "neighbor-as": "2"},
    "globals": {"name": "global", "networkInfraType": "default", "vlans": "1-4094", "vxlans": "1-10000",
                "fwdMode": "bridge", "arpMode": "proxy", "pvtSubnet": "172.19.0.0/16"},
    "aciGws": {"name": "aciGw", "physicalDomain": "d", "enforcePolicies": "yes", "includeCommonTenant": "no"},
    "volumes": {"tenantName": "blue", "volumeName": "v"},
    "volumeProfiles": {"tenantName": "blue", "volumeProfileName": "v"},
}  # fmt: skip


@pytest.fixture
def house(contiv: Contiv) -> Contiv:
    contiv.network()
    contiv.group()
    contiv.policy()
    contiv.make("netprofiles", "blue:np", tenantName="blue", profileName="np")
    contiv.make("extContractsGroups", "blue:c", tenantName="blue", contractsGroupName="c", contractsType="provided")
    return contiv


@pytest.mark.parametrize("collection", sorted(GOOD))
def test_no_collection_breaks_on_rubbish(house: Contiv, collection: str) -> None:
    good = GOOD[collection]
    key = KINDS[collection].struct.key_of({name: good[name] for name in KINDS[collection].struct.key})
    bodies = [good, *({**good, name: junk} for name in good for junk in RUBBISH), *RUBBISH]
    taken = 0
    for body in bodies:
        with transaction.atomic():
            status, said = house.ask("POST", f"/api/v1/{collection}/{key}/", json.dumps(body))
            assert status in (200, 500)
            assert said or status == 200, body
            if status == 200:
                taken += 1
                assert house.ask("GET", f"/api/v1/inspect/{collection}/{key}/")[0] == 200, body
            transaction.set_rollback(True)
    assert taken or collection.startswith("volume"), "the good one at least"


@pytest.mark.parametrize(
    "verb", ["allocAddress", "releaseAddress", "createEndpoint", "deleteEndpoint", "updateEndpoint"]
)
def test_no_plugin_call_breaks_on_rubbish(house: Contiv, verb: str) -> None:
    good: dict[str, Any] = {
        "NetworkID": "net1.blue", "AddressPool": "10.1.1.0/24", "PreferredIPv4Address": "10.1.1.9",
        "IPv4Address": "10.1.1.9",
        "TenantName": "blue", "NetworkName": "net1", "ServiceName": "g1", "EndpointID": "ep", "EPCommonName": "c",
        "ConfigEP": {"Host": "h", "IPAddress": "10.1.1.9", "IPv6Address": ""}, "Tenant": "blue", "Network": "net1",
        "Event": "start", "ContainerID": "c", "Labels": {"a": "b"}, "IPAddress": "10.1.1.9",
    }  # fmt: skip
    if verb in ("deleteEndpoint", "updateEndpoint"):
        house.endpoint("ep", Host="h")
    for body in [good, *({**good, name: junk} for name in good for junk in RUBBISH), *RUBBISH]:
        with transaction.atomic():
            assert house.ask("POST", f"/plugin/{verb}", json.dumps(body))[0] in (200, 500), body
            transaction.set_rollback(True)


@pytest.mark.parametrize("key", ["%00", "%FF", "...", "a%2Fb", "x" * 3000, "%F0%9F%92%A5", ":", "::", "a:b:c:d", "%"])
def test_no_key_breaks_anything(house: Contiv, key: str) -> None:
    for collection in KINDS:
        for path in (f"{collection}/{key}/", f"inspect/{collection}/{key}/"):
            for method in ("GET", "DELETE"):
                assert house.ask(method, f"/api/v1/{path}")[0] in (404, 500)
    assert house.ask("GET", f"/api/v1/inspect/endpoints/{key}/")[0] in (404, 500)
    assert house.ask("GET", f"/service/{key}")[0] in (200, 404)
