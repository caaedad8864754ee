"""Rendering along a change: one item of ten thousand that differs costs the rendering of one.

The result is the same as that of `core.render.render`; what it is made of is kept from step to step, and objects of
items that do not differ are the very same objects, which makes comparing them cheap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from core.render import Context, NodeFacts, context, render_item
from core.spec import EndpointItem, Item, RemoteItem, TenantItem
from core.state import KernelObject, Key


@dataclass(frozen=True, slots=True)
class Rendering:
    """One tenant's items, what surrounds them, and their objects; `keys` says which objects each item gave."""

    items: Mapping[str, Item]
    around: Context
    objects: dict[Key, KernelObject] = field(default_factory=dict)
    keys: dict[str, tuple[Key, ...]] = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        """Whether two items gave the same object, as no spec that makes sense does. It must stay when one goes."""
        return sum(map(len, self.keys.values())) > len(self.objects)


def rerender(
    before: Rendering | None, items: Mapping[str, Item], attached: Collection[int], node: NodeFacts
) -> Rendering:
    """The rendering of one tenant's `items`, starting from an earlier one of the same tenant on the same node."""
    around = context(items.values(), attached, node)
    if before is None or before.around.node != node or before.shared:
        before = Rendering({}, Context(node))
    altered = {key for key in before.items.keys() | items.keys() if before.items.get(key) is not items.get(key)}
    altered.update(_concerned(items, before.around, around))
    after = Rendering(items, around, dict(before.objects), dict(before.keys))
    for name in altered:
        for key in after.keys.pop(name, ()):
            after.objects.pop(key, None)
    for name in altered & items.keys():
        made = {thing.key: thing for thing in render_item(items[name], around)}
        after.objects.update(made)
        after.keys[name] = tuple(made)
    return after


def _concerned(items: Mapping[str, Item], before: Context, around: Context) -> Iterator[str]:
    """Items that differ in their objects because what surrounds them differs."""
    numbers = before.networks.keys() | around.networks.keys()
    networks = {n for n in numbers if before.networks.get(n) is not around.networks.get(n)}
    groups = {group for _, group in before.chains ^ around.chains}
    attached = before.attached ^ around.attached
    if not (networks or groups or attached or before.dscps != around.dscps):
        return
    for name, item in items.items():
        match item:
            case EndpointItem():
                if item.network in networks or item.group in groups or item.id in attached:
                    yield name
            case RemoteItem():
                if item.network in networks:
                    yield name
            case TenantItem():
                yield name
