"""The pages that show what is free, reserve addresses, and set the fabric."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from networks.models import AddressReservation, EndpointGroup, Fabric, Network
from networks.screens import counted_group, counted_network
from networks.tests.made import endpoint, network
from networks.tests.test_ranges import group, reserve
from tenants.testing import Cast
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_networks_page_shows_what_is_free_as_a_bar_and_a_table(people: Cast) -> None:
    net = network(people.blue)
    for name in ("a", "b"):
        endpoint(net, name)
    kept = reserve(net, "20.1.1.9", "printer")
    group(net, pool4="20.1.1.20-20.1.1.29")
    page = signed_in(people.alice).get(reverse("network.detail", args=[net.pk])).content.decode()
    card = page.split('id="panel-addresses"')[1].split("</section>")[0]
    rows = [text_of(row).strip() for row in re.findall(r"<tr><td>.*?</tr>", card)]
    assert rows == [
        "20.1.1.1-20.1.1.2 in use – 2",
        "20.1.1.3-20.1.1.8 free – 6",
        "20.1.1.9 reserved printer 1",
        "20.1.1.10-20.1.1.19 free – 10",
        "20.1.1.20-20.1.1.29 free in a pool web 10",
        "20.1.1.30-20.1.1.253 free – 224",
        "20.1.1.254 gateway – 1",
    ]
    drawn = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', card)
    assert [state for state, _, _ in drawn] == ["endpoint", "free", "reserved", "free", "pool", "free", "gateway"]
    assert sum(float(width) for _, _, width in drawn) == pytest.approx(1000, abs=0.1)
    assert "Addresses of 20.1.1.0/24: 250 free, 2 in use." in card
    assert reverse("reservation.edit", args=[kept.pk]) in card
    assert "style=" not in card


def test_a_network_that_is_not_routed_says_so(people: Cast) -> None:
    first = network(people.blue, subnet4="20.1.1.10-20.1.1.20/24")
    second = network(people.blue, "second", subnet4="20.1.1.21-20.1.1.30/24")
    client, sentence = signed_in(people.alice), "Nodes do not route it: an older network"
    for row, said in ((first, False), (second, True)):
        page = client.get(reverse("network.detail", args=[row.pk])).content.decode()
        assert (sentence in page) is said


def test_the_bar_has_points_whatever_the_language_writes(people: Cast) -> None:
    net = network(people.blue)
    client = signed_in(people.alice)
    client.cookies["django_language"] = "zh-hans"
    page = client.get(reverse("network.detail", args=[net.pk])).content.decode()
    assert "空闲 253，使用中 0" in page
    assert re.search(r'<rect class="free" x="0.0" y="0" width="994\.\d+"', page)


def test_addresses_are_reserved_on_the_networks_page_by_who_may(people: Cast) -> None:
    net = network(people.blue)
    client, new = signed_in(people.alice), f"{reverse('reservation.create')}?tenant=blue&network={net.pk}"
    assert f"{reverse('reservation.create')}?tenant=blue&amp;network={net.pk}" in (
        client.get(reverse("network.detail", args=[net.pk])).content.decode()
    )
    assert f'value="{net.pk}" selected' in client.get(new).content.decode()
    answer = client.post(new, {"network": net.pk, "addresses": "20.1.1.254-20.1.2.1", "note": "no"})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["addresses"]
    answer = client.post(new, {"network": net.pk, "addresses": "20.1.1.5", "note": "router"})
    assert answer["Location"] == reverse("network.detail", args=[net.pk])
    kept = AddressReservation.objects.get()
    assert (kept.addresses, kept.note) == ("20.1.1.5-20.1.1.5", "router")
    assert "20.1.1.5-20.1.1.5 is reserved." in client.get(answer["Location"]).content.decode()
    edit = reverse("reservation.edit", args=[kept.pk])
    assert client.post(edit, {"addresses": "20.1.1.6", "note": "switch"}).status_code == 302
    kept.refresh_from_db()
    assert (kept.network, kept.addresses, kept.note) == (net, "20.1.1.6-20.1.1.6", "switch")
    viewer = signed_in(people.bob)
    assert reverse("reservation.create") not in viewer.get(reverse("network.detail", args=[net.pk])).content.decode()
    assert viewer.post(new, {"network": net.pk, "addresses": "20.1.1.7"}).status_code == 403
    assert client.post(reverse("reservation.delete", args=[kept.pk])).status_code == 302
    assert not AddressReservation.objects.exists()


def test_ranges_and_pools_are_set_by_the_forms(people: Cast) -> None:
    client = signed_in(people.alice)
    typed = {"name": "net", "subnet4": "20.1.1.10-20.1.1.50/24", "encap": "vxlan", "kind": "infra", "label": "rack-1"}
    assert client.post(f"{reverse('network.create')}?tenant=blue", typed).status_code == 302
    net = Network.objects.get()
    assert (net.subnet4, net.range4, net.kind, net.label) == ("20.1.1.0/24", "20.1.1.10-20.1.1.50", "infra", "rack-1")
    typed = {"name": "web", "network": net.pk, "pool4": "20.1.1.60-20.1.1.70"}
    answer = client.post(f"{reverse('group.create')}?tenant=blue", typed)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["pool4"])
    answer = client.post(f"{reverse('group.create')}?tenant=blue", typed | {"pool4": "20.1.1.10-20.1.1.12"})
    assert answer.status_code == 302
    assert EndpointGroup.objects.get().pool4 == "20.1.1.10-20.1.1.12"


def test_groups_and_endpoints_of_a_network_are_counted_each_by_itself(people: Cast) -> None:
    net = network(people.blue)
    web, _db = group(net), group(net, "db")
    for name in ("a", "b", "c"):
        endpoint(net, name, group=web)
    network(people.blue, "empty", subnet4="30.0.0.0/24", gateway4="")
    rows = counted_network(Network.objects.order_by("name"))
    assert [(row.name, row.n_groups, row.n_endpoints) for row in rows] == [("empty", 0, 0), ("net", 2, 3)]  # type: ignore[attr-defined]
    groups = counted_group(EndpointGroup.objects.order_by("name"))
    assert [(row.name, row.n_endpoints) for row in groups] == [("db", 0), ("web", 3)]  # type: ignore[attr-defined]
    assert "JOIN" not in f"{rows.query} {groups.query}", "pairs of groups and endpoints are millions"
    first = signed_in(people.alice).get(reverse("network.list"), {"sort": "-n_endpoints"}).content.decode()
    assert first.index(">net<") < first.index(">empty<")


def test_the_fabric_is_a_cluster_administrators_page(people: Cast) -> None:
    for person, tag in ((people.blue, 1), (people.green, 7)):
        network(person, tag=tag)
    url = reverse("fabric")
    assert signed_in(people.alice).get(url).status_code == 403
    assert signed_in(people.alice).post(url, {"vlan_first": 2}).status_code == 403
    assert url not in signed_in(people.alice).get(reverse("overview")).content.decode()
    client = signed_in(people.root)
    page = client.get(url).content.decode()
    assert url in client.get(reverse("overview")).content.decode()
    assert "In use 1, 7 Free 2-6, 8-10000" in text_of(page)
    assert "In use – Free 1-4094" in text_of(page)
    typed = {"vlan_first": 100, "vlan_last": 200, "vxlan_first": 1, "vxlan_last": 10000}
    typed |= {"forwarding_mode": "bridge", "arp_mode": "flood", "infra_type": "", "private_subnet": "172.19.0.0/16"}
    answer = client.post(url, typed | {"vxlan_first": 2, "forwarding_mode": "routing"})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"vxlan_first", "forwarding_mode"}
    assert client.post(url, typed)["Location"] == url
    row = Fabric.objects.get()
    assert (row.vlan_first, row.vlan_last, row.arp_mode, row.infra_type) == (100, 200, "flood", "")
    assert "Free 100-200" in text_of(client.get(url).content.decode())
