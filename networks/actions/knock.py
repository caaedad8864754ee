"""The verb that writes down who was not let in as a node."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from networks.credentials import Knock
from networks.models import Node
from tenants.change import Actor, Refused, change

#: The same knock within this time is one.
KNOCK_AGAIN = timedelta(hours=1)
#: New knocks written down within that time; whoever tries more often than that fills no table.
MOST_KNOCKS = 200


class TurnedAway(Refused):
    """A machine that is not let in. `why` is one of Knock.Why; `node` whom it is about, where that is known."""

    status = 403

    def __init__(self, why: Knock.Why, sentence: str, node: Node | None = None) -> None:
        super().__init__(sentence, code=why.value)
        self.why, self.node = why, node


def turn_away(why: Knock.Why, *, node: Node | None = None, claimed: str = "", address: str | None = None) -> None:
    """Write down that somebody was not let in: in the record, and on the page of the node it is about. Where that is
    not certain it is the one whose name the caller gave itself, or whose underlay address it has."""
    claimed = claimed.replace("\0", "")[:64]
    if node is None:
        node = Node.objects.filter(name=claimed).first() or Node.objects.filter(vtep=address).first()
    now = timezone.now()
    same = Knock.objects.filter(node=node, why=why, address=address, claimed=claimed)
    if same.filter(last_at__gt=now - KNOCK_AGAIN).update(last_at=now, times=F("times") + 1):
        return
    if Knock.objects.filter(first_at__gt=now - KNOCK_AGAIN).count() >= MOST_KNOCKS:
        return
    actor = Actor(node.name if node else claimed or "unknown", "agent", address=address)
    with change(actor=actor, tenant=None, verb="node.turned_away") as step:
        row = Knock(node=node, why=why, claimed=claimed, address=address, first_at=now, last_at=now)
        row.save()
        recorded = {"why": str(why), "claimed": row.claimed, "address": address}
        if node:
            step.updated(node, {}, recorded)
        else:
            step.created(row, recorded)
