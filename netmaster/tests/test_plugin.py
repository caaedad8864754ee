"""What plug-ins on nodes ask: addresses and endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from netmaster.models import Container, Wording
from netmaster.tests.stage import Contiv
from networks.actions import create_endpoint, create_node
from networks.models import AddressReservation, Endpoint, Network
from tenants.change import SYSTEM

UNKNOWN = (500, "key not found")


@pytest.fixture
def net(contiv: Contiv) -> Contiv:
    contiv.network(ipv6Subnet="fd00::/64", ipv6Gateway="fd00::1")
    contiv.group()
    return contiv


def alloc(contiv: Contiv, network: str = "net1.blue", pool: str = "", asked: str = "") -> tuple[int, Any]:
    said = {"NetworkID": network, "AddressPool": pool, "PreferredIPv4Address": asked}
    status, answer = contiv.ask("POST", "/plugin/allocAddress", said)
    return status, answer["IPv4Address"] if status == 200 else answer


def release(contiv: Contiv, address: str, network: str = "net1.blue") -> tuple[int, Any]:
    return contiv.ask("POST", "/plugin/releaseAddress", {"NetworkID": network, "IPv4Address": address})


def test_addresses_are_the_lowest_free_and_used_again(net: Contiv) -> None:
    assert alloc(net) == (200, "10.1.1.1/24")
    assert alloc(net, pool="10.1.1.0/24") == (200, "10.1.1.2/24")
    assert alloc(net, asked="10.1.1.77") == (200, "10.1.1.77/24")
    assert release(net, "10.1.1.1") == (200, "success")
    assert release(net, "10.1.1.1") == (200, "success")
    assert alloc(net) == (200, "10.1.1.1/24")
    assert alloc(net, pool="fd00::/64") == (200, "fd00::2/64"), "never the gateway"
    found = net.get("inspect/networks/blue:net1")["Oper"]
    assert found["allocatedIPAddresses"] == "10.1.1.1-10.1.1.2, 10.1.1.77, 10.1.1.254"
    assert found["allocatedAddressesCount"] == 3, "of both families, those that were asked for aside"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"network": "nosuch.blue"}, "key not found"),
        ({"network": "net1.nosuch"}, "key not found"),
        ({"network": "net1"}, "key not found"),
        ({"asked": "10.9.1.77"}, "hostIP 10.9.1.77 is exceeding beyond subnet 10.1.1.0/24, hostID 524365"),
        ({"network": "", "pool": "99.1.1.0/24"}, "network not found"),
        ({"network": "", "pool": "30.1.1.0/24:blue"}, "subnet length 0 is invalid"),
        ({"network": "four.blue", "pool": "fd00::/64"}, "subnet length 0 is invalid"),
        ({"network": "four.blue", "pool": "fd00::/64", "asked": "fd00::9"}, "subnet length 0 not supported"),
        ({"network": "", "pool": "fd00::/64:default"}, "network not found"),
        ({"network": "", "pool": "10.1.1.0/24:default"}, "network not found"),
        ({"network": "", "pool": "10.1.1.5/24"}, "network not found"),
        ({"network": "", "pool": ""}, "network not found"),
    ],
)
def test_addresses_that_cannot_be_given(net: Contiv, asked: dict[str, str], says: str) -> None:
    net.network("four", subnet="30.1.1.0/24", gateway="")
    assert alloc(net, **asked) == (500, says)


@pytest.mark.parametrize("address", ["10.1.1.1", "10.1.1.254"])
def test_no_address_is_given_twice(net: Contiv, address: str) -> None:
    alloc(net)
    status, says = alloc(net, asked=address)
    assert (status, says.startswith(address)) == (500, True)
    net.endpoint("ep1")
    assert alloc(net, asked="10.1.1.2")[0] == 500


@pytest.mark.parametrize("pool", ["10.1.1.0/24:blue", "fd00::/64:blue", "fd00::/64"])
def test_a_pool_with_a_colon_gives_an_address_of_ipv6(net: Contiv, pool: str) -> None:
    assert alloc(net, "", pool) == (200, "fd00::2/64")


def test_a_network_is_found_by_its_subnet_in_tenant_default_first(net: Contiv) -> None:
    assert alloc(net, "", "10.1.1.0/24") == (200, "10.1.1.1/24")
    net.network("other", "default", gateway="")
    assert alloc(net, "", "10.1.1.0/24") == (200, "10.1.1.1/24")
    assert alloc(net, "net1.blue") == (200, "10.1.1.2/24")


def test_addresses_that_were_chosen_here_are_counted_also_those_of_pools(net: Contiv) -> None:
    def count() -> int:
        return int(net.get("inspect/networks/blue:net1")["Oper"].get("allocatedAddressesCount", 0))

    net.group("pool", ipPool="10.1.1.10-10.1.1.20")
    net.endpoint("ep1", group="pool")
    assert count() == 2, "an address of each family"
    net.endpoint("ep2", IPAddress="10.1.1.99", IPv6Address="fd00::99")
    assert count() == 2
    assert alloc(net) == (200, "10.1.1.1/24")
    net.endpoint("ep3", IPAddress="10.1.1.1")
    assert count() == 4, "the address it was given before, and one of IPv6"
    alloc(net, asked="10.1.1.77")
    net.endpoint("ep4", IPAddress="10.1.1.77")
    assert count() == 5
    for name in ("ep1", "ep2", "ep3", "ep4"):
        net.ask("POST", "/plugin/deleteEndpoint", {"TenantName": "blue", "NetworkName": "net1", "EndpointID": name})
    assert (count(), Wording.objects.filter(kind="endpoint").exists()) == (0, False)


def test_an_endpoint_and_a_service_are_told_where_no_address_is_left(net: Contiv) -> None:
    net.network("small", subnet="20.1.1.4-20.1.1.4/24", gateway="")
    net.group("pool", ipPool="10.1.1.9-10.1.1.9")
    for network, group, where in (
        ("small", "", "subnet 20.1.1.0/24"),
        ("net1", "pool", "pool 10.1.1.9-10.1.1.9"),
    ):
        net.endpoint(f"first-{network}", network, group)
        said = {"TenantName": "blue", "NetworkName": network, "ServiceName": group, "EndpointID": "second"}
        full = f"auto allocation failed - address exhaustion in {where}"
        assert net.ask("POST", "/plugin/createEndpoint", said) == (500, full)
    service = {"tenantName": "blue", "serviceName": "s", "selectors": ["a=b"], "ports": ["80:80:TCP"]}
    full = "auto allocation failed - address exhaustion in subnet 20.1.1.0/24"
    assert net.refused("serviceLBs", "blue:s", **service, networkName="small") == full
    assert Endpoint.objects.count() == 2


def test_names_with_dots_are_read_every_way(net: Contiv) -> None:
    net.network("a.b", subnet="20.1.1.0/24", gateway="")
    assert alloc(net, "a.b.blue") == (200, "20.1.1.1/24")


def test_calls_need_their_content_type(net: Contiv) -> None:
    answer = net.client.generic("POST", "/plugin/allocAddress", "{}", content_type="text/plain", SERVER_PORT="9999")
    assert answer.status_code == 404
    assert net.ask("POST", "/plugin/allocAddress", '{"NetworkID":5}')[0] == 500


def test_an_endpoint_is_made_once_and_answered_again(net: Contiv) -> None:
    made = net.endpoint("ep1", group="g1", Host="node1")
    assert made == {
        "id": "net1.blue-ep1",
        "netID": "net1.blue",
        "endpointID": "ep1",
        "serviceName": "g1",
        "endpointGroupId": made["endpointGroupId"],
        "endpointGroupKey": "g1:blue",
        "ipAddress": "10.1.1.1",
        "ipv6Address": "fd00::2",
        "macAddress": "02:02:0a:01:01:01",
        "homingHost": "node1",
        "intfName": "",
        "vtepIP": "",
        "labels": None,
        "containerId": "",
        "epCommonName": "",
    }
    assert net.endpoint("ep1", Host="elsewhere") == made
    row = Endpoint.objects.get()
    assert (row.name, row.group and row.group.name, row.node) == ("ep1", "g1", None)


def test_the_endpoints_own_part_says_its_group_and_an_address_of_no_family_is_ignored(net: Contiv) -> None:
    net.network("four", subnet="30.1.1.0/24", gateway="")
    made = net.endpoint("ep1", group="nosuch", ServiceName="g1")
    assert (made["serviceName"], made["endpointGroupKey"]) == ("g1", "g1:blue")
    assert net.endpoint("ep2", "four", IPv6Address="fd00::9")["ipv6Address"] == ""


def test_an_endpoint_on_a_node_of_ours_is_on_that_node(net: Contiv) -> None:
    node, _ = create_node(actor=SYSTEM, name="node1", vtep="192.0.2.1")
    net.endpoint("ep1", Host="node1")
    assert Endpoint.objects.get().node == node


def test_an_address_that_was_allocated_is_for_the_endpoint_that_names_it(net: Contiv) -> None:
    """How Docker does it: its address driver asks first, then the endpoint is made with what it got."""
    alloc(net)
    assert net.endpoint("ep1", IPAddress="10.1.1.1")["ipAddress"] == "10.1.1.1"
    assert not AddressReservation.objects.exists()
    asked = {"TenantName": "blue", "NetworkName": "net1", "EndpointID": "ep2"}
    taken = net.ask("POST", "/plugin/createEndpoint", asked | {"ConfigEP": {"IPAddress": "10.1.1.1"}})
    assert taken[0] == 500
    outside = net.ask("POST", "/plugin/createEndpoint", asked | {"ConfigEP": {"IPAddress": "99.1.1.1"}})
    assert outside == (500, "hostIP 99.1.1.1 is exceeding beyond subnet 10.1.1.0/24, hostID 1493172225")


def test_ids_that_are_no_names_of_ours_are_kept_all_the_same(net: Contiv) -> None:
    net.network("net2", subnet="20.1.1.0/24", gateway="")
    name = "0_" + "f" * 80
    assert net.endpoint(name)["endpointID"] == name
    assert net.endpoint("same")["id"] == "net1.blue-same"
    assert net.endpoint("same", "net2")["id"] == "net2.blue-same"
    assert Endpoint.objects.count() == 3
    assert net.get(f"inspect/endpoints/{name}")["Oper"]["endpointID"] == name


@pytest.mark.parametrize("field", ["TenantName", "NetworkName", "ServiceName"])
def test_what_is_not_there_is_no_endpoint_and_takes_no_address(net: Contiv, field: str) -> None:
    said = {"TenantName": "blue", "NetworkName": "net1", "ServiceName": "g1", "EndpointID": "ep1"} | {field: "nosuch"}
    assert net.ask("POST", "/plugin/createEndpoint", said) == UNKNOWN
    assert net.endpoint("ep2")["ipAddress"] == "10.1.1.1"


def test_a_deleted_endpoint_frees_its_address(net: Contiv) -> None:
    made = net.endpoint("ep1")
    said = {"TenantName": "blue", "NetworkName": "net1", "EndpointID": "ep1", "IPv4Address": "10.1.1.9"}
    assert net.ask("POST", "/plugin/deleteEndpoint", said) == (200, {"EndpointConfig": made})
    assert net.ask("POST", "/plugin/deleteEndpoint", said) == UNKNOWN
    assert net.endpoint("ep2")["ipAddress"] == "10.1.1.1"


def test_a_container_that_started_is_known_by_all_its_names(net: Contiv) -> None:
    net.endpoint("ep10")
    net.endpoint("ep1")
    said = {"IPAddress": "10.1.1.2", "ContainerID": "cid", "Labels": {"b": "2", "a": "1"}, "Tenant": "blue"}
    said |= {"Network": "net1", "Event": "start", "EndpointID": "ep1", "EPCommonName": "web-1"}
    assert net.ask("POST", "/plugin/updateEndpoint", said) == (200, {"IPAddress": "10.1.1.2"})
    for name in ("ep1", "cid", "web-1", "web"):
        found = net.get(f"inspect/endpoints/{name}")["Oper"]
        assert (found["key"], found["endpointID"], found["labels"]) == (name, "ep1", "map[a:1 b:2]"), (
            "exact before prefix"
        )
    assert found["ipAddress"] == ["10.1.1.2", "fd00::3"]
    assert found["containerName"] == "web-1"
    assert net.ask("GET", "/api/v1/inspect/endpoints/p1/") == (500, "endpoint not found"), "not in the middle"
    for field in ("EndpointID", "Network", "Tenant"):
        assert net.ask("POST", "/plugin/updateEndpoint", said | {field: "nosuch"}) == UNKNOWN


def test_plug_ins_of_docker_name_the_groups_network(net: Contiv) -> None:
    net.endpoint("ep1", group="g1")
    said = {"ContainerID": "cid", "Tenant": "blue", "Network": "g1", "Event": "start", "EndpointID": "ep1"}
    assert net.ask("POST", "/plugin/updateEndpoint", said)[0] == 200
    assert net.get("inspect/endpoints/cid")["Oper"]["serviceName"] == "g1"


def test_a_container_dies_under_its_own_id(net: Contiv) -> None:
    net.endpoint("ep1")
    said = {"ContainerID": "cid", "Tenant": "blue", "Network": "net1", "EndpointID": "ep1", "IPAddress": "10.1.1.1"}
    died = {"ContainerID": "cid", "Tenant": "blue", "Event": "die", "IPAddress": "10.1.1.1"}
    assert net.ask("POST", "/plugin/updateEndpoint", died) == (200, None), "it never started"
    net.ask("POST", "/plugin/updateEndpoint", said | {"Event": "start"})
    assert Container.objects.get().running
    assert net.ask("POST", "/plugin/updateEndpoint", died | {"Tenant": "default"}) == (200, None)
    assert net.ask("POST", "/plugin/updateEndpoint", died) == (200, {"IPAddress": "10.1.1.1"})
    assert not Container.objects.get().running
    says = "invalid containerID in UpdateEndpointRequest:(nil)"
    assert net.ask("POST", "/plugin/updateEndpoint", died | {"ContainerID": ""}) == (500, says)
    assert net.ask("POST", "/plugin/updateEndpoint", died | {"Event": "pause"}) == (200, {"IPAddress": "10.1.1.1"})
    assert net.ask("POST", "/plugin/updateEndpoint", died) == (200, {"IPAddress": "10.1.1.1"}), "known for good"
    service = {"tenantName": "blue", "serviceName": "s", "networkName": "net1", "ports": ["80:80:TCP"]}
    net.make("serviceLBs", "blue:s", **service, selectors=["app=web"])
    start = said | {"Event": "start", "Labels": {"app": "web"}}
    net.ask("POST", "/plugin/updateEndpoint", start)
    assert net.ask("POST", "/plugin/updateEndpoint", died) == (200, {"IPAddress": "10.1.1.1"})
    assert net.ask("POST", "/plugin/updateEndpoint", died) == (200, None), "unless it answered for a service"


def test_a_start_says_the_names_anew_and_needs_the_containers_id(net: Contiv) -> None:
    net.ask("POST", "/plugin/createEndpoint", {"TenantName": "blue", "NetworkName": "net1", "EndpointID": "ep1",
                                               "EPCommonName": "web-1"})  # fmt: skip
    said = {"IPAddress": "10.1.1.1", "Labels": {"b": "2", "a": "1"}, "Tenant": "blue", "Network": "net1"}
    said |= {"Event": "start", "EndpointID": "ep1"}
    says = "invalid ProviderID from providerInfo:{&{10.1.1.1  map[a:1 b:2] blue net1 []  net1.blue-ep1}}"
    assert net.ask("POST", "/plugin/updateEndpoint", said) == (500, says)
    assert not Container.objects.get().running
    assert net.ask("POST", "/plugin/updateEndpoint", said | {"ContainerID": "c"})[0] == 200
    assert "containerName" not in net.get("inspect/endpoints/ep1")["Oper"], "none was said"


def test_the_container_names_the_endpoint(net: Contiv) -> None:
    """Kubernetes' plug-in says both, Docker's the same; the record is under what ConfigEP says."""
    made = net.endpoint("outer", Container="inner", Host="h")
    assert (made["endpointID"], made["id"]) == ("inner", "net1.blue-inner")
    said = {"TenantName": "blue", "NetworkName": "net1"}
    assert net.ask("POST", "/plugin/deleteEndpoint", said | {"EndpointID": "inner"})[0] == 200
    assert net.ask("POST", "/plugin/createEndpoint", said)[0] == 500


@pytest.mark.parametrize(
    ("verb", "body", "says"),
    [
        ("allocAddress", " ", "EOF"),
        ("allocAddress", [], "json: cannot unmarshal array into Go value of type master.AddressAllocRequest"),
        (
            "releaseAddress",
            {"NetworkID": 5},
            "json: cannot unmarshal number into Go struct field AddressReleaseRequest.NetworkID of type string",
        ),
        (
            "createEndpoint",
            {"ConfigEP": "x"},
            "json: cannot unmarshal string into Go struct field CreateEndpointRequest.ConfigEP of type intent.ConfigEP",
        ),
        (
            "updateEndpoint",
            {"Labels": {"a": True}},
            "json: cannot unmarshal bool into Go struct field UpdateEndpointRequest.Labels of type string",
        ),
        (
            "updateEndpoint",
            {"Labels": []},
            "json: cannot unmarshal array into Go struct field UpdateEndpointRequest.Labels of type map[string]string",
        ),
        (
            "createEndpoint",
            {"ConfigEP": {"ipaddress": 5}},
            "json: cannot unmarshal number into Go struct field ConfigEP.ConfigEP.IPAddress of type string",
        ),
    ],
)
def test_calls_of_wrong_types_are_refused_in_gos_words(net: Contiv, verb: str, body: Any, says: str) -> None:
    assert net.ask("POST", f"/plugin/{verb}", body) == (500, says)


def test_members_of_calls_are_found_in_any_case(net: Contiv) -> None:
    said = {"networkid": "net1.blue", "addresspool": None, "PREFERREDIPV4ADDRESS": "10.1.1.7", "Other": 1}
    assert net.ask("POST", "/plugin/allocAddress", said)[1] == {
        "NetworkID": "net1.blue",
        "IPv4Address": "10.1.1.7/24",
    }


def test_an_address_that_is_not_of_the_network_is_not_released(net: Contiv) -> None:
    outside = "hostIP 10.9.1.77 is exceeding beyond subnet 10.1.1.0/24, hostID 524365"
    assert release(net, "10.9.1.77") == (500, outside)
    assert release(net, "x") == (500, "unable to convert hostIP x to uint32")


def test_endpoints_made_elsewhere_are_shown_as_well(net: Contiv) -> None:
    network = Network.objects.get()
    create_endpoint(actor=SYSTEM, tenant=network.tenant, name="page-made", network=network)
    found = net.get("inspect/networks/blue:net1")["Oper"]["endpoints"]
    assert [one["endpointID"] for one in found] == ["page-made"]
    assert net.get("inspect/endpoints/page-made")["Oper"]["network"] == "net1.blue"


def test_cleaning_up_takes_what_plug_ins_left_and_nothing_else(net: Contiv) -> None:
    network = Network.objects.get()
    create_endpoint(actor=SYSTEM, tenant=network.tenant, name="page-made", network=network)
    for name in ("left", "runs"):
        net.endpoint(name, group="g1")
    said = {"Tenant": "blue", "Network": "net1", "Event": "start", "EndpointID": "runs", "IPAddress": "10.1.1.3"}
    net.ask("POST", "/plugin/updateEndpoint", said | {"ContainerID": "c"})
    for path in ("net/nosuch", "zzz/net1", "group/g9"):
        assert net.ask("DELETE", f"/debug/epcleanup/tenant/blue/{path}") == (200, "")
    assert Endpoint.objects.count() == 3
    assert net.ask("DELETE", "/debug/epcleanup/tenant/blue/group/g1") == (200, "")
    assert sorted(Endpoint.objects.values_list("name", flat=True)) == ["page-made", "runs"]
