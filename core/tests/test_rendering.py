"""Rendering step by step gives what rendering at once gives, whatever the steps were."""

from __future__ import annotations

import random

from core.render import NodeFacts, render
from core.rendering import Rendering, rerender
from core.spec import ChainItem, EndpointItem, Item, Layer, MatchItem, NetworkItem, RemoteItem, TenantItem, by_key

NODE = NodeFacts("192.0.2.1", "up0", 1500)
LAYER = Layer(10, "allow", "group")


def _endpoint(chance: random.Random, number: int) -> Item:
    mac, ip4 = f"02:02:14:01:01:{number:02x}", f"20.{number % 3}.1.{number}"
    network, group = number % 3 + 1, chance.randrange(4)
    if chance.random() < 0.5:
        return RemoteItem(7, number, network, group, mac, f"192.0.2.{chance.randrange(2, 5)}", ip4)
    dscp = chance.choice([None, None, 10, 46])
    return EndpointItem(7, number, f"e{number}", network, group, mac, ip4, None, chance.choice([0, 8_000_000]), 0, dscp)


def _network(chance: random.Random, number: int) -> NetworkItem:
    tag, subnet = 100 + chance.choice([number, number + 50]), f"20.{number - 1}.1"
    mac = f"02:01:00:00:00:{number:02x}"
    return NetworkItem(7, number, f"n{number}", "vxlan", tag, mac, f"{subnet}.0/24", f"{subnet}.254")


def _state(chance: random.Random) -> tuple[dict[str, Item], set[int]]:
    """A tenant as it might be; attached endpoints need not be among its own, as after a move."""
    items: list[Item] = [TenantItem(7, "blue", chance.choice(["allow", "deny"]), chance.randrange(1, 9))]
    items += [_network(chance, number) for number in (1, 2, 3) if chance.random() < 0.9]
    items += [_endpoint(chance, number) for number in range(1, 20) if chance.random() < 0.7]
    for group in (1, 2, 3):
        if chance.random() < 0.5:
            items.append(ChainItem(7, group, "in", (LAYER,)))
            items.append(MatchItem(7, group, "in", 5, 0, LAYER, "2", (6, 6), (80, chance.choice([80, 90]))))
    chosen = {} if chance.random() < 0.05 else by_key(items)
    return chosen, {number for number in range(1, 20) if chance.random() < 0.5}


def test_any_walk_of_steps_ends_where_rendering_at_once_does() -> None:
    chance = random.Random(20)
    now: Rendering | None = None
    kept: dict[str, Item] = {}
    for _ in range(400):
        wanted, attached = _state(chance)
        # Most items stay the same objects from step to step, as in a spec that a delta was applied to.
        kept = {key: kept[key] if kept.get(key) == item else item for key, item in wanted.items()}
        now = rerender(now, kept, attached, NODE)
        assert now.objects == render(wanted.values(), attached, NODE)


def test_what_does_not_differ_is_the_same_object() -> None:
    items, attached = _state(random.Random(3))
    before = rerender(None, items, attached, NODE)
    new = RemoteItem(7, 99, 1, 1, "02:02:14:01:01:63", "192.0.2.2", "20.0.1.99")
    after = rerender(before, {**items, new.key: new}, attached, NODE)
    assert after.objects.keys() - before.objects.keys() == {
        key for key in after.objects if "20.0.1.99" in key or "02:02:14:01:01:63" in key
    }
    assert all(after.objects[key] is thing for key, thing in before.objects.items())


def test_another_node_is_rendered_from_the_start() -> None:
    items, attached = _state(random.Random(4))
    small = NodeFacts("192.0.2.9", "up0", 1400)
    assert rerender(rerender(None, items, attached, NODE), items, attached, small).objects == render(
        items.values(), attached, small
    )


def test_what_two_items_gave_stays_when_one_of_them_goes() -> None:
    first = _network(random.Random(1), 1)
    twin = NetworkItem(7, 2, "twin", "vxlan", 900, "02:01:00:00:00:02", first.subnet4, first.gateway4)
    one, both = (
        by_key([TenantItem(7, "blue", "deny", 1), first]),
        by_key([TenantItem(7, "blue", "deny", 1), first, twin]),
    )
    now = rerender(rerender(None, one, (), NODE), both, (), NODE)
    assert rerender(now, one, (), NODE).objects == render(one.values(), (), NODE)
