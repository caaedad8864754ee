"""A node's connection: who it is, what it last said of itself, what it is to be told next."""

from __future__ import annotations

import hashlib
import logging
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import wire
from networks.actions import TurnedAway, turn_away
from networks.actions.joining import still_good
from networks.models import Knock, Node, NodeCertificate
from tenants import events
from worker.announce import announce
from worker.models import NodeSpec, NodeStatus, SpecSection, SpecStep

log = logging.getLogger(__name__)

#: A connected node reports every two seconds; three missed reports and a bit is silence.
SILENT_AFTER = timedelta(seconds=8)


def presented(scope: Mapping[str, Any]) -> str:
    """The fingerprint of the certificate a connection was made with, "" when there is none. It is in the scope where
    the web process ended TLS itself and checked that our authority signed it; no header says so."""
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain") or ()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(chain[0])).hexdigest() if chain else ""


def address_of(scope: Mapping[str, Any]) -> str | None:
    """Where a connection comes from; None for one through a unix socket."""
    client = scope.get("client")
    return str(client[0]) if client and client[0] else None


def identify(scope: Mapping[str, Any]) -> NodeCertificate:
    """The certificate of the node that connects. Raises TurnedAway, and it is written down."""
    try:
        fingerprint = presented(scope)
        if not fingerprint:
            raise TurnedAway(Knock.Why.NO_CERTIFICATE, "A node proves itself with a certificate; join first.")
        return still_good(fingerprint)
    except TurnedAway as error:
        turn_away(error.why, node=error.node, address=address_of(scope))
        raise


def hello(node: Node, channel: str, message: Mapping[str, Any]) -> str:
    """A node's agent is here. Answers the channel of an older connection of the same node, or ""."""
    now = timezone.now()
    before = NodeStatus.objects.filter(node=node).values_list("channel", flat=True).first()
    NodeStatus.objects.update_or_create(
        node=node,
        defaults={
            "connected": True,
            "channel": channel,
            "seen_at": now,
            "connected_at": now,
            "revision": int(message.get("revision", 0)),
            "digest": str(message.get("digest", ""))[:64],
            "agent_version": str(message.get("version", ""))[:40],
            "features": features(message.get("features")),
        },
    )
    _note("node.connected", node)
    return before if before and before != channel else ""


def features(said: Any) -> list[dict[str, Any]]:
    """The abilities a node names, cut to what is shown: name, present, why."""
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    return [
        {
            "name": str(row.get("name", ""))[:60],
            "present": bool(row.get("present")),
            "why": str(row.get("why", ""))[:300],
        }
        for row in rows[:50]
    ]


def goodbye(node_id: int, channel: str) -> None:
    """The connection is gone; a newer one of the same node stays."""
    its = NodeStatus.objects.filter(node_id=node_id, channel=channel)
    if its.filter(connected=True).update(connected=False, channel=""):
        _gone(node_id)
    else:
        its.update(channel="")


def note_silent() -> None:
    """Its connection is still its own, should it speak again (`heard`)."""
    silent = NodeStatus.objects.filter(connected=True, seen_at__lt=timezone.now() - SILENT_AFTER)
    for node_id in list(silent.values_list("node_id", flat=True)):
        if silent.filter(node_id=node_id).update(connected=False):
            _gone(node_id)


def heard(node: Node, at: datetime) -> None:
    """The node spoke; of one that was silent it is told that it is back."""
    status = NodeStatus.objects.filter(node=node)
    if not status.filter(connected=True).update(seen_at=at) and status.update(seen_at=at, connected=True):
        _note("node.connected", node)
        _tell(node.pk)


def _gone(node_id: int) -> None:
    node = Node.objects.filter(pk=node_id).first()
    if node is not None:
        _note("node.away", node)
    _tell(node_id)


def _note(what: str, node: Node) -> None:
    events.note(what, object_type="node", object_id=node.pk, object_name=node.name)


def _tell(node_id: int) -> None:
    announce(f"node.{node_id}", "status")
    announce("cluster", "status")


def deltas_since(node_id: int, revision: int | None, digest: str = "") -> list[dict[str, Any]]:
    """What a node at `revision` is to be sent, in wire form and in order: nothing, the steps from there, or, when they
    are not all kept (or `revision` is None, or `digest` is not what that revision had), the whole spec."""
    if revision is None:
        return [whole(node_id)]
    head = _head(node_id)  # Before the steps: what is published in between is then among them.
    steps = SpecStep.objects.filter(node_id=node_id, revision__gt=revision).order_by("revision")
    deltas = list(steps.values_list("delta", flat=True))
    if deltas:
        return deltas if deltas[0]["base"] == revision else [whole(node_id)]
    in_step = revision == head.revision and digest in ("", head.digest)
    return [] if in_step else [whole(node_id)]


def _head(node_id: int) -> NodeSpec:
    return NodeSpec.objects.filter(node_id=node_id).first() or NodeSpec(node_id=node_id, digest=wire.digest(()))


@transaction.atomic
def mend(node_id: int) -> bool:
    """Make the digest of a node's spec what its sections come to, should it not be; whether it was not. A node takes no
    spec whose digest is another, so nothing else would ever set it right."""
    head = NodeSpec.objects.select_for_update().filter(node_id=node_id).first()
    if head is None:
        return False
    sections = SpecSection.objects.filter(node_id=node_id).values_list("items", flat=True)
    found = wire.digest(wire.decode_items([item for items in sections for item in items]))
    if found == head.digest:
        return False
    log.error("The digest of node %s at revision %s was not that of its spec. It is now.", node_id, head.revision)
    head.digest = found
    head.save(update_fields=["digest"])
    return True


def whole(node_id: int) -> dict[str, Any]:
    """A node's complete spec in wire form, of one moment: read again where a publish came between its parts."""
    head, read = None, _head(node_id)
    while head is None or read.revision != head.revision:
        head = read
        sections = SpecSection.objects.filter(node_id=node_id).order_by("tenant_id")
        upsert = [item for items in sections.values_list("items", flat=True) for item in items]
        read = _head(node_id)
    return {
        "v": wire.WIRE_VERSION,
        "base": None,
        "revision": head.revision,
        "digest": head.digest,
        "upsert": upsert,
        "delete": [],
    }
