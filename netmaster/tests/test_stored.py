"""Services, BGP, ACI: stored, checked, shown."""

from __future__ import annotations

from typing import Any

import pytest

from netmaster.cards import vain
from netmaster.tests.stage import Contiv
from routing.models import BgpPeer, ContractGroup, Service

NO_PORT = "Invalid Port maping . Port format is - Port:TargetPort:Protocol"
SERVICE = {"serviceName": "svc", "tenantName": "blue", "networkName": "net1", "selectors": ["app=web"],
           "ports": ["80:8080:TCP"]}  # fmt: skip


@pytest.fixture
def net(contiv: Contiv) -> Contiv:
    contiv.network()
    contiv.group()
    return contiv


def start(contiv: Contiv, name: str, event: str = "start", **labels: str) -> Any:
    said = {"IPAddress": "10.1.1.9", "ContainerID": f"c-{name}", "Labels": labels, "Tenant": "blue", "Network": "net1"}
    return contiv.ask("POST", "/plugin/updateEndpoint", said | {"Event": event, "EndpointID": name})[1]


# --- services


def test_a_service_takes_the_lowest_address_and_keeps_it(net: Contiv) -> None:
    made = net.make("serviceLBs", "blue:svc", **SERVICE)
    assert "ipAddress" not in made, "as it was written: no address asked for"
    assert made["links"] == {
        "Network": {"type": "network", "key": "blue:net1"},
        "Tenant": {"type": "tenant", "key": "blue"},
    }
    assert net.get("inspect/serviceLBs/blue:svc")["Oper"] == {"serviceVip": "10.1.1.1"}
    assert net.endpoint("ep1")["ipAddress"] == "10.1.1.2"
    net.make("serviceLBs", "blue:svc", **SERVICE | {"ports": ["80:9090:TCP"]})
    assert Service.objects.get().address == "10.1.1.1"
    assert list(net.get("networks/blue:net1")["link-sets"]) == ["EndpointGroups", "Servicelbs"]
    net.gone("serviceLBs", "blue:svc")
    assert net.endpoint("ep2")["ipAddress"] == "10.1.1.1"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"selectors": []}, "Invalid selector options"),
        ({"selectors": ["appweb"]}, "Invalid selector appweb. selector format is key1=value1"),
        ({"ports": []}, "Invalid Port maping . Port format is - Port:TargetPort:Protocol"),
        ({"ports": ["80"]}, "Invalid Port maping . Port format is - Port:TargetPort:Protocol"),
        ({"ports": ["80:8080:TCP", "x:1:TCP"]}, "Invalid Port maping . Port format is - Port:TargetPort:Protocol"),
        ({"ports": ["80:8080:SCTP"]}, "Invalid Port maping . Port format is - Port:TargetPort:Protocol"),
        ({"tenantName": "nosuch"}, "Tenant nosuch not found"),
        ({"networkName": "nosuch"}, "Network nosuch not found"),
        ({"ipAddress": "99.1.1.1"}, "hostIP 99.1.1.1 is exceeding beyond subnet 10.1.1.0/24, hostID 1493172225"),
        ({"ipAddress": "10.1.1.999"}, "ipAddress string invalid format"),
        ({"serviceName": "svc_1"}, "serviceName string invalid format"),
        # Several things are wrong: the one that Contiv sees first.
        ({"selectors": [], "ports": []}, "Invalid selector options"),
        ({"selectors": ["x"], "ports": [], "tenantName": "nosuch"}, NO_PORT),
        ({"selectors": ["x"], "networkName": "nosuch"}, "Network nosuch not found"),
        ({"selectors": ["x"], "ipAddress": "99.1.1.1"}, "Invalid selector x. selector format is key1=value1"),
        ({"selectors": ["a=b=c"]}, "Invalid selector a=b=c. selector format is key1=value1"),
    ],
)
def test_services_that_cannot_be(net: Contiv, fields: dict[str, Any], says: str) -> None:
    said = SERVICE | fields
    assert net.refused("serviceLBs", f"{said['tenantName']}:{said['serviceName']}", **said) == says


def test_a_service_keeps_its_address_whichever_one_is_asked_for_later(net: Contiv) -> None:
    net.make("serviceLBs", "blue:svc", **SERVICE | {"ipAddress": "10.1.1.9"})
    made = net.make("serviceLBs", "blue:svc", **SERVICE | {"ipAddress": "10.1.1.8", "ports": ["1:2:UDP"]})
    assert made["ipAddress"] == net.get("serviceLBs/blue:svc")["ipAddress"] == "10.1.1.8", "as it was written"
    assert net.get("inspect/serviceLBs/blue:svc")["Oper"] == {"serviceVip": "10.1.1.9"}
    net.make("serviceLBs", "blue:svc", **SERVICE | {"ipAddress": "99.1.1.1"})
    assert Service.objects.get().address == "10.1.1.9"


def test_an_address_is_counted_that_was_chosen_for_a_service_and_none_that_was_asked_for(net: Contiv) -> None:
    def count() -> int:
        return int(net.get("inspect/networks/blue:net1")["Oper"].get("allocatedAddressesCount", 0))

    net.make("serviceLBs", "blue:svc", **SERVICE)
    assert count() == 1
    net.make("serviceLBs", "blue:asked", **SERVICE | {"serviceName": "asked", "ipAddress": "10.1.1.200"})
    assert count() == 1
    assert net.get("inspect/tenants/blue")["Oper"]["networks"][0]["allocatedAddressesCount"] == 1
    net.gone("serviceLBs", "blue:svc")
    assert count() == 0


def test_a_selector_may_ask_for_no_value(net: Contiv) -> None:
    made = net.make("serviceLBs", "blue:svc", **SERVICE | {"selectors": ["app="]})
    assert made["selectors"] == ["app="]
    for name, labels in (("ep1", {"app": "", "x": "y"}), ("ep2", {"app": "web"}), ("ep3", {})):
        net.endpoint(name)
        start(net, name, **labels)
    found = net.get("inspect/serviceLBs/blue:svc")["Oper"]["providers"]
    assert [one["endpointID"] for one in found] == ["ep1"]


def test_providers_are_running_containers_with_all_labels_whichever_comes_first(net: Contiv) -> None:
    for name, labels in (("ep1", {"app": "web", "tier": "front"}), ("ep2", {"app": "db"}), ("ep3", {"app": ""})):
        net.endpoint(name)
        start(net, name, **labels)
    net.make("serviceLBs", "blue:svc", **SERVICE)
    net.endpoint("ep4")
    start(net, "ep4", app="web")
    found = net.get("inspect/serviceLBs/blue:svc")["Oper"]
    assert [one["endpointID"] for one in found["providers"]] == ["ep1", "ep4"]
    assert (found["numProviders"], found["providers"][0]["labels"]) == (2, "map[app:web tier:front]")
    start(net, "ep1", "die")
    assert net.get("inspect/serviceLBs/blue:svc")["Oper"]["numProviders"] == 1


def test_services_tell_of_their_state(net: Contiv) -> None:
    assert net.ask("GET", "/services") == (500, "key not found")
    assert net.ask("GET", "/service/svc:blue") == (200, None)
    net.make("serviceLBs", "blue:svc", **SERVICE | {"ports": ["53:53:udp"]})
    net.endpoint("ep1")
    start(net, "ep1", app="web")
    state = net.ask("GET", "/service/svc:blue")[1]
    assert state == net.ask("GET", "/services")[1]
    assert state == [
        {
            "id": "svc:blue",
            "servicename": "svc",
            "tenantname": "blue",
            "subnet": "net1",
            "ports": ["53:53:udp"],
            "selectors": {"app": "web"},
            "ipaddress": "10.1.1.1",
            "providers": {
                "10.1.1.9:blue": {
                    "IPAddress": "10.1.1.9",
                    "ContainerID": "c-ep1",
                    "Labels": {"app": "web"},
                    "Tenant": "blue",
                    "Network": "net1",
                    "Services": ["svc:blue"],
                    "Container": "",
                    "EpIDKey": "net1.blue-ep1",
                }
            },
        }
    ]
    assert Service.objects.get().ports == ["53:53:UDP"]


# --- application profiles and contracts


def test_a_group_is_in_one_application_profile(net: Contiv) -> None:
    net.group("g2")
    said = {"tenantName": "blue", "appProfileName": "a", "endpointGroups": ["g2", "g1"]}
    assert net.make("appProfiles", "blue:a", **said)["endpointGroups"] == ["g2", "g1"]
    net.make("appProfiles", "blue:b", tenantName="blue", appProfileName="b", endpointGroups=["g1"])
    assert net.get("appProfiles/blue:a")["endpointGroups"] == ["g2"]
    assert net.get("endpointGroups/blue:g1")["links"]["AppProfile"] == {"type": "appProfile", "key": "blue:b"}
    assert net.gone("endpointGroups", "blue:g1") == "Cannot delete g1, associated to appProfile blue:b"


def test_a_refused_application_profile_changes_nothing(net: Contiv) -> None:
    said = {"tenantName": "blue", "appProfileName": "a", "endpointGroups": ["g1", "nosuch"]}
    assert net.refused("appProfiles", "blue:a", **said) == "EndpointGroup blue:nosuch not found"
    assert net.get("endpointGroups/blue:g1")["links"]["AppProfile"] == {}
    assert net.refused("appProfiles", "red:a", **said | {"tenantName": "red"}) == "Tenant red not found"


def test_contracts_read_as_they_were_written(net: Contiv) -> None:
    said = {"tenantName": "blue", "contractsGroupName": "c", "contractsType": "provided", "contracts": ["a", "", "a"]}
    assert net.make("extContractsGroups", "blue:c", **said)["contracts"] == ["a", "", "a"]
    assert net.get("extContractsGroups/blue:c")["contracts"] == ["a", "", "a"]
    assert ContractGroup.objects.get().contracts == ["a", "a"]


def test_contracts_are_made_once_and_stay_while_they_are_used(net: Contiv) -> None:
    said = {"tenantName": "blue", "contractsGroupName": "c", "contractsType": "provided", "contracts": ["uni/x"]}
    assert "links" not in net.make("extContractsGroups", "blue:c", **said)
    assert net.refused("extContractsGroups", "blue:c", **said) == "external contracts update not supported"
    wrong = said | {"contractsGroupName": "d", "contractsType": "both"}
    says = "Contracts group need to be either 'provided' or 'consumed'"
    assert net.refused("extContractsGroups", "blue:d", **wrong) == says
    net.group(extContractsGrps=["c"])
    assert net.gone("extContractsGroups", "blue:c") == "External contracts group is in-use"
    net.group()
    assert net.gone("extContractsGroups", "blue:c") == "blue:c"


def test_the_aci_gateway(contiv: Contiv) -> None:
    said = {"name": "aciGw", "physicalDomain": "dom1", "enforcePolicies": "yes", "includeCommonTenant": "no"}
    assert contiv.refused("aciGws", "other", **said | {"name": "other"}) == "name string invalid format"
    assert contiv.make("aciGws", "aciGw", **said) == {"key": "aciGw", **said}
    for field, value in (("pathBindings", "bad"), ("nodeBindings", "bad"), ("enforcePolicies", "maybe")):
        assert contiv.refused("aciGws", "aciGw", **said | {field: value}) == f"{field} string invalid format"
    contiv.make("appProfiles", "blue:a", tenantName="blue", appProfileName="a")
    assert contiv.get("inspect/aciGws/aciGw")["Oper"] == {"numAppProfiles": 1}
    assert contiv.gone("aciGws", "aciGw") == "1 App-Profiles found. Delete them first"
    contiv.gone("appProfiles", "blue:a")
    assert contiv.gone("aciGws", "aciGw") == "aciGw"


def test_bgp_peers(contiv: Contiv) -> None:
    said = {"hostname": "h", "routerip": "5.1.1.1/24", "as": "65001", "neighbor": "5.1.1.2", "neighbor-as": "65002"}
    assert contiv.make("Bgps", "h", **said) == {"key": "h", **said}
    changed = contiv.make("Bgps", "h", hostname="h", routerip="5.1.1.1/24")
    assert changed == {"key": "h", "hostname": "h", "routerip": "5.1.1.1/24"}
    assert contiv.get("inspect/Bgps/h")["Oper"] == {}
    assert contiv.refused("Bgps", "h", hostname="h", routerip="5.1.1.1/32") == "routerip string invalid format"
    assert contiv.make("Bgps", "h", **said | {"as": "notanumber"})["as"] == "notanumber"
    assert contiv.get("Bgps/h")["as"] == "notanumber"
    row = BgpPeer.objects.get()
    assert (row.asn, row.neighbor_asn) == ("", "65002")
    assert vain("Bgps", row) == ["“notanumber” is no AS number: it is kept for who wrote it, and never in effect."]
    contiv.gone("Bgps", "h")
    globals_ = {name: value for name, value in contiv.get("globals/global").items() if name != "key"}
    contiv.make("globals", "global", **globals_ | {"networkInfraType": "aci"})
    assert contiv.refused("Bgps", "h", **said) == "not supported in ACI fabric mode"


def test_volumes_are_none(contiv: Contiv) -> None:
    assert (contiv.get("volumes"), contiv.get("volumeProfiles")) == ([], [])
    body = {"tenantName": "blue", "volumeProfileName": "v"}
    assert contiv.refused("volumeProfiles", "blue:v", **body) == "Invalid object type"
