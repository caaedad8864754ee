"""How changes of networks, groups, endpoints, reservations, nodes and the fabric are taken back."""

from __future__ import annotations

from networks import actions
from networks.credentials import JoinToken
from networks.models import AddressReservation, Fabric, Network, Node
from networks.resources import ENDPOINT, GROUP, NETWORK, RESERVATION
from tenants.change import Actor
from tenants.undo import Undoable, Values, arguments, left, never, undoable


def _reservations_back(actor: Actor, row: Network, before: Values) -> None:
    for one in before.get("reservations", ()):
        given = arguments(AddressReservation, ("network", "addresses", "note", "labels"), one)
        actions.create_reservation(actor=actor, tenant=row.tenant, pk=one["id"], **given)


def _reserved(row: Network) -> list[str]:
    return [f"{one.addresses} of it was reserved" for one in row.reservations.order_by("pk")]


never |= {
    "node.token_end": "A join token that was withdrawn opens nothing any more: its text was never kept. Make another.",
    "node.join": "A machine joined with this. Revoke the node to put it out.",
    "node.renew": "A node renewed its certificate. Revoke the node to put it out.",
    "node.revoke": "What was revoked opens nothing any more. Let the machine join again.",
    "node.turned_away": "Somebody was not let in. There is nothing to undo.",
}

left.add("node.token_end")
undoable(Undoable.of(NETWORK, recorded=actions.recorded_network, fresh=_reserved, rest=_reservations_back))
undoable(Undoable.of(RESERVATION))
undoable(Undoable.of(GROUP))
undoable(Undoable.of(ENDPOINT))
#: Coming back it is let in by no token that nobody was shown.
undoable(Undoable(Node, actions.add_node, actions.update_node, actions.delete_node))
undoable(Undoable(JoinToken, delete=actions.end_join_token))
undoable(Undoable(Fabric, update=actions.update_fabric))
