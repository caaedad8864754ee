"""How changes of networks, groups, endpoints, reservations, nodes and the fabric are taken back."""

from __future__ import annotations

from networks import actions
from networks.models import AddressReservation, Fabric, Network
from networks.resources import ENDPOINT, GROUP, NETWORK, NODE, RESERVATION
from tenants.change import Actor
from tenants.undo import Undoable, Values, arguments, never, undoable


def _reservations_back(actor: Actor, row: Network, before: Values) -> None:
    for one in before.get("reservations", ()):
        given = arguments(AddressReservation, ("network", "addresses", "note"), one)
        actions.create_reservation(actor=actor, tenant=row.tenant, pk=one["id"], **given)


def _reserved(row: Network) -> list[str]:
    return [f"{one.addresses} of it was reserved" for one in row.reservations.order_by("pk")]


never["node.token"] = "The token from before was never kept. Give the node another one."

undoable(Undoable.of(NETWORK, recorded=actions.recorded_network, fresh=_reserved, rest=_reservations_back))
undoable(Undoable.of(RESERVATION))
undoable(Undoable.of(GROUP))
undoable(Undoable.of(ENDPOINT))
undoable(Undoable.of(NODE))
undoable(Undoable(Fabric, update=actions.update_fabric))
