"""Why something is refused, in words that name what a person knows by name and say what to do."""

from __future__ import annotations

from collections.abc import Mapping

from agent.kernel.interface import ApplyError
from core import ids
from core.spec import Item, NetworkItem
from core.state import Vlan

#: What the kernel says to a device of a kind it cannot make.
CANNOT_TAG = "Unknown device type"
REMEDY = (
    "its kernel cannot tag frames. Choose VXLAN for the network, load the module 8021q on the node, "
    "or delete the network."
)


def told(error: ApplyError, items: Mapping[str, Item]) -> str:
    """The reason of an error that came of making `items`."""
    network = items.get(network_of(error, items))
    if not isinstance(network, NetworkItem):
        return error.reason
    which = f"The network {network.name} with the VLAN {network.tag} cannot be made on this node"
    return f"{which}: {REMEDY}" if CANNOT_TAG in error.reason else f"{which}: {error.reason}"


def network_of(error: ApplyError, items: Mapping[str, Item]) -> str:
    """The key of the network whose tagged device was refused; "" when something else was."""
    made = error.op.new if error.op else None
    if not isinstance(made, Vlan):
        return ""
    keys = (key for key, item in items.items() if isinstance(item, NetworkItem) and ids.vlan(item.id) == made.name)
    return next(keys, "")
