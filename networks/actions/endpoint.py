"""The verbs on endpoints: of people, who name rows, and of agents, who name names."""

from __future__ import annotations

from ipaddress import ip_address

from core import ids
from core.labels import Labels
from networks.actions.network import network_of
from networks.allocation import choose_address, free_again, refuse_strange_pool
from networks.kept import FAMILIES
from networks.models import Endpoint, EndpointGroup, Network, Node
from tenants.change import KEEP, Actor, Change, Keep, assign, change, fresh, plain
from tenants.checks import FieldErrors, check_named, named, named_in, owned, refuse
from tenants.lookup import by_key
from tenants.models import Tenant
from tenants.storing import insert


def create_endpoint(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    network: Network,
    group: EndpointGroup | None = None,
    node: Node | None = None,
    ip4: str | None = None,
    ip6: str | None = None,
    labels: Labels | None = None,
    pk: int | None = None,
) -> Endpoint:
    """Give an endpoint its addresses (the lowest free ones unless asked for, of each family the network has) and its
    MAC. Without a node it is addressed, but plugged in nowhere yet."""
    with change(actor=actor, tenant=tenant, verb="endpoint.create") as step:
        row = Endpoint(pk=pk, tenant=tenant, name=name, network=owned("network", network, tenant), labels=labels or {})
        return _make(step, row, _as_it_stands(group, tenant), node, ip4, ip6)


def update_endpoint(
    *,
    actor: Actor,
    row: Endpoint,
    name: str | Keep = KEEP,
    group: EndpointGroup | Keep | None = KEEP,
    node: Node | Keep | None = KEEP,
    network: Network | Keep = KEEP,
    ip4: str | Keep | None = KEEP,
    ip6: str | Keep | None = KEEP,
    labels: Labels | Keep = KEEP,
) -> Endpoint:
    """Rename, put in another group, move to another node. Network and addresses are given once, with the MAC made of
    them; they are arguments only so that another value is refused at its field."""
    with change(actor=actor, tenant=row.tenant, verb="endpoint.update") as step:
        row = fresh(row)
        before = plain(row)
        _refuse_moved(row, network=network, ip4=ip4, ip6=ip6)
        assign(row, name=name, node=node, labels=labels)
        _regroup(row, row.group if group is KEEP else _as_it_stands(group, row.tenant), was_there=step.back)
        if step.same(row, before):
            return row
        _save(step, row)
        step.updated(row, before)
    return row


def delete_endpoint(*, actor: Actor, row: Endpoint) -> None:
    """Delete an endpoint; its addresses are free again and its node unplugs it."""
    with change(actor=actor, tenant=row.tenant, verb="endpoint.delete") as step:
        row = fresh(row)
        before = plain(row)
        row.delete()
        for address in filter(None, (row.ip4, row.ip6)):
            free_again(row.network, address)
        step.deleted(row, before)


def place_endpoint(
    *,
    actor: Actor,
    node: Node,
    tenant: str,
    name: str,
    network: str = "",
    group: str = "",
    ip4: str = "",
    ip6: str = "",
) -> Endpoint:
    """The endpoint of this name is on this node from now on, made when there is none. For agents: everything by name.

    Saying it twice changes nothing. What an existing endpoint is asked to be and is not (another network, another
    address) is refused; "" asks for nothing, and leaves the group of an existing endpoint as it is.
    """
    owner: Tenant | None = named(Tenant).first(tenant)
    if owner is None:
        refuse("tenant", f"There is no tenant {tenant}. Name one that exists.", "unknown")
    with change(actor=actor, tenant=owner, verb="endpoint.place") as step:
        known: Endpoint | None = named_in(owner, Endpoint, name)
        if known is None:
            made = Endpoint(tenant=owner, name=name, network=network_of(owner, network))
            return _make(step, made, _group_of(owner, group), node, ip4 or None, ip6 or None)
        return _settle_here(step, known, node, network, group, ip4, ip6)


def release_endpoint(*, actor: Actor, row: Endpoint, node: Node) -> Endpoint:
    """The endpoint is not on this node any more, and on no other; its addresses stay its own. Saying it twice changes
    nothing, nor does saying it of one that was placed elsewhere meanwhile."""
    with change(actor=actor, tenant=row.tenant, verb="endpoint.release") as step:
        row = fresh(row)
        before = plain(row)
        if row.node_id != node.pk:
            step.unchanged()
            return row
        row.node = None
        _save(step, row)
        step.updated(row, before)
    return row


def _make(
    step: Change, row: Endpoint, group: EndpointGroup | None, node: Node | None, ip4: str | None, ip6: str | None
) -> Endpoint:
    row.group, row.node = _fits(row, group), node
    row.ip4 = choose_address(row, 4, ip4, had_it=step.back)
    row.ip6 = choose_address(row, 6, ip6, had_it=step.back)
    if row.ip4:
        row.mac = ids.endpoint_mac(row.ip4)
    _save(step, row)
    if not row.mac:
        # Without IPv4 the MAC is made of the id, which is known only now.
        row.mac = ids.endpoint_mac(row.pk)
        row.save(update_fields=["mac"])
    step.created(row)
    return row


def _settle_here(step: Change, row: Endpoint, node: Node, network: str, group: str, ip4: str, ip6: str) -> Endpoint:
    before, asked = plain(row), _group_of(row.tenant, group)
    _refuse_moved(
        row,
        network=network_of(row.tenant, network) if network else KEEP,
        ip4=ip4 or KEEP,
        ip6=ip6 or KEEP,
    )
    row.node = node
    _regroup(row, asked or row.group)
    if step.same(row, before):
        return row
    _save(step, row)
    step.updated(row, before)
    return row


def _save(step: Change, row: Endpoint) -> None:
    check_named(row, exclude=["mac"])
    if row.node is not None and by_key(Node).first(row.node.pk) is None:
        refuse("node", f"The cluster has no node {row.node}. Choose one from its list.", "unknown")
    row.generation = step.generation or 0
    if row._state.adding:
        insert(row)
    else:
        row.save()


def _as_it_stands(group: EndpointGroup | None, tenant: Tenant) -> EndpointGroup | None:
    return owned("group", group, tenant) if group is not None else None


def _fits(row: Endpoint, group: EndpointGroup | None) -> EndpointGroup | None:
    """The group, read with the tenant locked, when the endpoint can be in it."""
    if group is not None and group.network_id != row.network_id:
        where = group.network.name
        refuse("group", f"Group {group} is in network {where}. Choose a group of {row.network}.", "elsewhere")
    return group


def _regroup(row: Endpoint, group: EndpointGroup | None, *, was_there: bool = False) -> None:
    """Put an endpoint that has its addresses into a group; they must not be of another group's pool, nor outside its
    own. Staying where it is, or was, is always right, whatever became of the pool."""
    before = row.group_id
    row.group = _fits(row, group)
    for family in FAMILIES if row.group_id != before else ():
        if address := getattr(row, f"ip{family}"):
            refuse_strange_pool(row, family, address, "group", was_there=was_there)


def _refuse_moved(row: Endpoint, *, network: Network | Keep, ip4: str | Keep | None, ip6: str | Keep | None) -> None:
    wanted = {"network": network, "ip4": _canonical(ip4), "ip6": _canonical(ip6)}
    errors = FieldErrors()
    for field, value in wanted.items():
        if value is not KEEP and (value or None) != getattr(row, field):
            said = getattr(row, field) or "none"
            errors.add(field, f"Endpoint {row.name} keeps its {field}, {said}. Make another endpoint instead.", "fixed")
    errors.settle()


def _canonical(address: str | Keep | None) -> str | Keep | None:
    """An address as it is kept, however it is written; what is none stays as it is, and is another one."""
    try:
        return str(ip_address(address)) if isinstance(address, str) else address
    except ValueError:
        return address


def _group_of(tenant: Tenant, name: str) -> EndpointGroup | None:
    if not name:
        return None
    found: EndpointGroup | None = named_in(tenant, EndpointGroup, name)
    if found is None:
        refuse("group", f"Tenant {tenant.name} has no group {name}. Choose one from its list.", "unknown")
    return found
