from __future__ import annotations

import json
import random
from dataclasses import replace
from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire
from core.compile import compile_tenant
from core.model import TenantIntent
from core.spec import Item, NodeSpec, RemoteItem, SpecDelta, by_key
from core.tests.cases import BLUE, repeatable, tenants
from core.wire import WireError

REMOTE = RemoteItem(7, 5, 1, 2, "02:02:14:01:01:02", "192.0.2.1", "20.1.1.2", "fd00::2")


def items_of(intent: TenantIntent) -> dict[str, Item]:
    return by_key(compile_tenant(intent).get(1, ()))


def travel(value: object) -> Any:
    return json.loads(json.dumps(value))


def remotes(count: int) -> list[Item]:
    return [
        RemoteItem(
            7,
            n,
            1,
            2,
            f"02:02:14:01:{n >> 8:02x}:{n & 255:02x}",
            "192.0.2.1",
            f"20.1.{n >> 8}.{n & 255}",
            f"fd00::{n:x}",
        )
        for n in range(1, count + 1)
    ]


@repeatable
@given(tenants())
def test_items_arrive_as_they_left(intent: TenantIntent) -> None:
    items = tuple(items_of(intent).values())
    assert wire.decode_items(travel(wire.encode_items(items))) == items


def test_defaults_do_not_travel() -> None:
    assert wire.encode_items([replace(REMOTE, ip6=None)]) == [
        {
            "kind": "remote",
            "tenant": 7,
            "id": 5,
            "network": 1,
            "group": 2,
            "mac": "02:02:14:01:01:02",
            "vtep": "192.0.2.1",
            "ip4": "20.1.1.2",
        }
    ]


@repeatable
@given(st.lists(tenants(), min_size=1, max_size=4))
def test_deltas_lead_through_any_changes_to_the_same_spec(changes: list[TenantIntent]) -> None:
    spec = NodeSpec()
    for revision, intent in enumerate(changes, start=1):
        delta = wire.delta_between(spec, items_of(intent), revision)
        spec = wire.apply_delta(spec, wire.decode_delta(travel(wire.encode_delta(delta))))
        assert spec == NodeSpec(revision, wire.digest(items_of(intent).values()), items_of(intent))


@repeatable
@given(tenants(), tenants())
def test_the_whole_spec_replaces_whatever_was_there(old: TenantIntent, new: TenantIntent) -> None:
    spec = NodeSpec(8, wire.digest(items_of(new).values()), items_of(new))
    before = NodeSpec(3, wire.digest(items_of(old).values()), items_of(old))
    for start in (NodeSpec(), before, spec):
        assert wire.apply_delta(start, wire.decode_delta(travel(wire.encode_delta(wire.whole(spec))))) == spec


def test_a_step_that_changes_nothing_is_empty() -> None:
    spec = NodeSpec(1, wire.digest(items_of(BLUE).values()), items_of(BLUE))
    delta = wire.delta_between(spec, items_of(BLUE), 2)
    assert (delta.upsert, delta.delete, delta.digest) == ((), (), spec.digest)


def test_the_digest_is_of_the_items_not_of_their_order() -> None:
    items = remotes(50)
    assert wire.digest(items) == wire.digest(random.Random(1).sample(items, 50))
    assert wire.digest(items) == wire.step_digest(wire.digest(items[:20]), [], items[20:])
    assert wire.digest(items[:20]) == wire.step_digest(wire.digest(items), items[20:], [])
    assert wire.digest([]) == wire.EMPTY_DIGEST == wire.step_digest("", [], [])
    assert wire.digest([*items[:-1], replace(items[-1], group=3)]) != wire.digest(items)


def test_it_refuses_a_delta_on_another_base() -> None:
    delta = wire.delta_between(NodeSpec(revision=4), by_key(remotes(1)), 5)
    with pytest.raises(WireError, match="Unknown base: the delta builds on revision 4, here is 3"):
        wire.apply_delta(NodeSpec(revision=3), delta)


def test_it_refuses_a_delta_after_a_lost_one() -> None:
    """Same revision number, other content: what a controller restored from an old copy would send."""
    base = NodeSpec(4, wire.digest(remotes(3)), by_key(remotes(3)))
    other = NodeSpec(4, wire.digest(remotes(2)), by_key(remotes(2)))
    delta = wire.delta_between(base, by_key(remotes(5)), 5)
    with pytest.raises(WireError, match="digest differs"):
        wire.apply_delta(other, delta)


def test_it_refuses_another_version_before_anything_else() -> None:
    with pytest.raises(WireError, match="version 1 is spoken here, not 2"):
        wire.decode_delta({"v": 2, "surprise": True})
    with pytest.raises(WireError, match="version 1 is spoken here"):
        wire.decode_delta({"v": True})


GOOD = wire.encode_items([REMOTE])[0]
TENANT = {"kind": "tenant", "tenant": 7, "name": "blue", "default": "allow", "epoch": 1}
NETWORK = {"kind": "network", "tenant": 7, "id": 1, "name": "n", "encap": "vxlan", "tag": 1, "mac": GOOD["mac"]}
MATCH = {
    "kind": "match",
    "tenant": 7,
    "group": 2,
    "direction": "in",
    "rule": 1,
    "index": 0,
    "layer": [1, "deny", "net4", 0],
    "peer": "10.0.0.0/8",
    "protocol": [6, 6],
    "ports": [80, 80],
}
CHAIN = {"kind": "chain", "tenant": 7, "group": 2, "direction": "in", "layers": [[1, "deny", "net4", 0]]}


def test_the_good_examples_are_good() -> None:
    assert len(wire.decode_items([GOOD, TENANT, NETWORK, MATCH, CHAIN])) == 5


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, r"items\[0\]: expected an object, not nothing"),
        ({}, r"items\[0\]\.kind: None is unknown; known are tenant, "),
        ({"kind": ["tenant"]}, r"items\[0\]\.kind"),
        (GOOD | {"colour": "red"}, r"items\[0\]\.colour: a remote has no such field"),
        ({k: v for k, v in GOOD.items() if k != "mac"}, r"items\[0\]: the remote lacks mac"),
        (GOOD | {"id": "5"}, r"items\[0\]\.id: expected a number"),
        (GOOD | {"id": True}, r"items\[0\]\.id: expected a number"),
        (GOOD | {"id": 0}, r"items\[0\]\.id: expected a number from 1"),
        (GOOD | {"group": -1}, r"group: expected a number from 0"),
        (GOOD | {"ip4": "20.1.1.2\nlink del eth0"}, r"ip4: expected an IPv4 address"),
        (GOOD | {"ip4": "20.1.1.02"}, r"ip4: expected"),
        (GOOD | {"ip4": "fd00::2"}, r"ip4: expected"),
        (GOOD | {"ip6": "fd00:0::2"}, r"ip6: expected an IPv6 address"),
        (GOOD | {"ip6": "fe80::1%x;reboot"}, r"ip6: expected"),
        (GOOD | {"ip6": ""}, r"ip6: expected"),
        (GOOD | {"mac": "02:02:14:01:01:2"}, r"mac: expected"),
        (GOOD | {"vtep": None}, r"vtep: expected"),
        (TENANT | {"name": 'blue"; drop'}, r"name: expected a name of letters"),
        (TENANT | {"name": ""}, r"name: expected"),
        (TENANT | {"default": "maybe"}, r"default: expected one of allow, deny, not 'maybe'"),
        (TENANT | {"epoch": 2**31}, r"epoch: expected a number from 1 to 2147483647"),
        (NETWORK | {"tag": 2**24}, r"tag: expected"),
        (NETWORK | {"subnet4": "20.1.1.1/24"}, r"subnet4: expected an IPv4 prefix"),
        (NETWORK | {"subnet4": "20.1.1.0/024"}, r"subnet4: expected"),
        (MATCH | {"protocol": [7, 6]}, r"protocol: expected two numbers from 0 to 255, the lower one first"),
        (MATCH | {"ports": [0, 65536]}, r"ports: expected two numbers"),
        (MATCH | {"ports": [80]}, r"ports: expected two numbers"),
        (MATCH | {"ports": [False, True]}, r"ports: expected two numbers"),
        (MATCH | {"layer": [1, "deny", "net4"]}, r"layer: expected a list of priority"),
        (MATCH | {"layer": [True, "deny", "net4", 0]}, r"layer: expected a number from 1 to 100, not True"),
        (MATCH | {"layer": [101, "deny", "net4", 0]}, r"layer: expected a number from 1 to 100"),
        (MATCH | {"layer": [1, ["deny"], "net4", 0]}, r"layer: expected a list of priority"),
        (MATCH | {"peer": "fd00::/8"}, r"peer: expected an IPv4 prefix or range"),
        (MATCH | {"peer": "10.0.0.1/8"}, r"peer: expected an IPv4 prefix or range"),
        (MATCH | {"peer": "10.0.0.9-10.0.0.2"}, r"peer: expected an IPv4 prefix or range"),
        (MATCH | {"layer": [1, "deny", "group", 0]}, r"peer: expected a group id"),
        (MATCH | {"layer": [1, "deny", "net4", 0, 0]}, r"layer: expected a list of priority"),
        (MATCH | {"layer": [1, "deny", "net4", 0, 5], "own": "20.1.1.2/32"}, r"layer: expected one of 0, 4, 6, not 5"),
        (MATCH | {"layer": [1, "deny", "net4", 0, True], "own": "20.1.1.2/32"}, r"layer: expected one of 0, 4, 6"),
        (MATCH | {"layer": [1, "deny", "net4", 0, 4]}, r"peer: expected an IPv4 prefix or range"),
        (MATCH | {"layer": [1, "deny", "net4", 0, 4], "own": "20.1.1.2"}, r"peer: expected an IPv4 prefix or range"),
        (MATCH | {"layer": [1, "deny", "net4", 0, 6], "own": "fd00::2/128"}, r"own addresses .* do not go with"),
        (MATCH | {"own": "20.1.1.2/32"}, r"own addresses .* do not go with"),
        (MATCH | {"layer": [1, "deny", "net6", 0]}, r"peer: expected an IPv6 prefix or range"),
        (CHAIN | {"layers": {"0": 1}}, r"layers: expected a list of layers"),
        (CHAIN | {"layers": [[1, "deny", "net5", 0]]}, r"layers: expected one of group, net4, net6"),
        (CHAIN | {"direction": "up"}, r"direction: expected one of in, out"),
    ],
)
def test_it_refuses_what_is_no_item_and_says_where(value: object, sentence: str) -> None:
    with pytest.raises(WireError, match=sentence):
        wire.decode_items([value])


def test_it_names_the_place_in_a_long_list() -> None:
    with pytest.raises(WireError, match=r"items\[2\]\.vtep"):
        wire.decode_items([TENANT, NETWORK, GOOD | {"vtep": 5}])


def test_it_refuses_an_item_that_comes_twice() -> None:
    with pytest.raises(WireError, match="comes twice"):
        wire.decode_items([GOOD, GOOD])


@pytest.mark.parametrize(
    "change",
    [{"revision": -1}, {"base": "1"}, {"digest": "x" * 64}, {"digest": "0"}, {"upsert": {}}, {"delete": [1]}, {"x": 1}],
)
def test_it_refuses_a_delta_of_another_form(change: dict[str, Any]) -> None:
    good = travel(wire.encode_delta(SpecDelta(None, 1, wire.digest([REMOTE]), (REMOTE,))))
    wire.decode_delta(good)
    with pytest.raises(WireError):
        wire.decode_delta(good | change)


@repeatable
@given(st.binary(min_size=16, max_size=16), st.integers(0, 255))
def test_it_takes_every_ipv6_address_in_its_canonical_form_only(content: bytes, zeros: int) -> None:
    sparse = bytes(byte if zeros >> (index // 2) & 1 else 0 for index, byte in enumerate(content))
    address = IPv6Address(sparse)
    assert wire.decode_items([GOOD | {"ip6": str(address)}])[0].ip6 == str(address)  # type: ignore[union-attr]
    if address.exploded != str(address):
        with pytest.raises(WireError):
            wire.decode_items([GOOD | {"ip6": address.exploded}])


@repeatable
@given(st.from_regex(r"[0-9a-f:]{2,24}", fullmatch=True))
def test_no_other_text_passes_for_an_ipv6_address(text: str) -> None:
    try:
        canonical = str(IPv6Address(text)) == text
    except ValueError:
        canonical = False
    if canonical:
        wire.decode_items([GOOD | {"ip6": text}])
    else:
        with pytest.raises(WireError):
            wire.decode_items([GOOD | {"ip6": text}])
