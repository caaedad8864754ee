from __future__ import annotations

from collections.abc import Callable

import pytest

from core import ids


@pytest.mark.parametrize(
    ("name", "reverse", "text"),
    [
        (ids.namespace, ids.tenant_of_namespace, "ct-7"),
        (ids.bridge, ids.network_of_bridge, "br7"),
        (ids.port, ids.endpoint_of_port, "ep7"),
        (ids.ifb, ids.endpoint_of_ifb, "fb7"),
    ],
)
def test_a_name_leads_back_to_its_id(
    name: Callable[[int], str], reverse: Callable[[str], int | None], text: str
) -> None:
    assert (name(7), reverse(text)) == (text, 7)
    largest = 10 ** (15 - len(text) + 1) - 1
    assert (len(name(largest)), reverse(name(largest))) == (15, largest)


def test_devices_of_one_network_have_different_names() -> None:
    assert {ids.bridge(12), ids.vxlan(12), ids.vlan(12)} == {"br12", "vx12", "vl12"}


@pytest.mark.parametrize("name", ["ct-", "ct-07", "ct-x", "ct-7 ", "xct-7", "CT-7", "ct-٧", "ct-0", "ct--7", "ct-7\n"])
def test_a_name_we_would_never_write_is_not_ours(name: str) -> None:
    assert ids.tenant_of_namespace(name) is None


@pytest.mark.parametrize("number", [0, -1, 10**13])
def test_it_refuses_an_id_that_gives_no_name(number: int) -> None:
    with pytest.raises(ValueError, match="ids are 1 to 9999999999999"):
        ids.port(number)


def test_an_endpoints_mac_holds_its_ipv4_address() -> None:
    assert ids.endpoint_mac("20.1.1.2") == "02:02:14:01:01:02"
    assert ids.endpoint_mac("255.255.255.255") == "02:02:ff:ff:ff:ff"


def test_macs_of_endpoints_without_ipv4_and_of_gateways_are_apart_from_all_others() -> None:
    assert ids.endpoint_mac(258) == "02:06:00:00:01:02"
    assert ids.gateway_mac(258) == "02:01:00:00:01:02"


def test_it_refuses_what_makes_no_mac() -> None:
    with pytest.raises(ValueError, match=r"such as 20\.1\.1\.2, not from 'fd00::2'"):
        ids.endpoint_mac("fd00::2")
    with pytest.raises(ValueError, match="does not fit a MAC"):
        ids.endpoint_mac(2**32)
    with pytest.raises(ValueError, match="does not fit a MAC"):
        ids.gateway_mac(0)
