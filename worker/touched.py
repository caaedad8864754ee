"""What a change would do on nodes, before it is saved: the intent as it would be, compared with what nodes are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.compile import compile_tenant
from core.spec import ChainItem, EndpointItem, Item, MatchItem, TenantItem, by_key
from networks.models import Node
from policies.snapshot import tenant_intent
from worker.models import SpecSection
from worker.sections import items_of

#: Names given; beyond, numbers only.
MOST_NAMES = 500


def touched_by(tenants: Sequence[Any]) -> Mapping[int, dict[str, Any]]:
    """By tenant's key: `nodes` that would be told something new, by name, how many `endpoints` live there that it is
    about, and their names. Asked inside the transaction that would make the change."""
    return {tenant.pk: _touched(tenant.pk) for tenant in tenants}


def _touched(tenant_id: int) -> dict[str, Any]:
    compiled = compile_tenant(tenant_intent(tenant_id))
    told = {s.node_id: items_of(s) for s in SpecSection.objects.filter(tenant_id=tenant_id)}
    nodes: list[int] = []
    endpoints: dict[int, str] = {}
    for node_id in compiled.keys() | told.keys():
        new, old = by_key(compiled.get(node_id, ())), told.get(node_id, {})
        if new != old:
            nodes.append(node_id)
            endpoints |= _endpoints(new, old)
    names = sorted(Node.objects.filter(pk__in=nodes).values_list("name", flat=True))
    shown = sorted(endpoints.values())[:MOST_NAMES]
    return {"nodes": names, "endpoints": len(endpoints), "endpoint_names": shown}


def _endpoints(new: Mapping[str, Item], old: Mapping[str, Item]) -> dict[int, str]:
    """Endpoints of one node whose own item differs, or the rules of whose group do, or the tenant's default."""
    differing = [item for key in new.keys() | old.keys() for item in _pair(new.get(key), old.get(key))]
    groups = {item.group for item in differing if isinstance(item, ChainItem | MatchItem)}
    everybody = _default(new) != _default(old)
    own = {item.id for item in differing if isinstance(item, EndpointItem)}
    here = [item for items in (old, new) for item in items.values() if isinstance(item, EndpointItem)]
    return {e.id: e.name for e in here if everybody or e.id in own or e.group in groups}


def _pair(new: Item | None, old: Item | None) -> Iterable[Item]:
    return () if new == old else [item for item in (new, old) if item is not None]


def _default(items: Mapping[str, Item]) -> str:
    return next((item.default for item in items.values() if isinstance(item, TenantItem)), "")
