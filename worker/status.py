"""How a node stands: what it was told beside what it says it has applied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from networks.models import Node
from worker.models import NodeSpec, NodeStatus, SpecSection


class State(StrEnum):
    NEVER_SEEN = "never_seen"
    AWAY = "away"
    REFUSES = "refuses"
    DRIFTS = "drifts"
    APPLYING = "applying"
    IN_SYNC = "in_sync"


def status_of(node: Node) -> NodeStatus:
    """What the node last said of itself; of one that never said anything, a status that says so."""
    return getattr(node, "status", None) or NodeStatus(node=node)


def wanted_of(node: Node) -> int:
    """The revision the node was told last."""
    spec: NodeSpec | None = getattr(node, "spec", None)
    return spec.revision if spec else 0


def state_of(node: Node) -> State:
    status = status_of(node)
    if status.connected_at is None:
        return State.NEVER_SEEN
    if not status.connected:
        return State.AWAY
    if status.problem:
        return State.REFUSES
    if status.drifting:
        return State.DRIFTS
    return State.APPLYING if status.revision < wanted_of(node) else State.IN_SYNC


def in_sync_since(node: Node, sections: Sequence[SpecSection]) -> datetime | None:
    """When the last of what it was told became true on it; None while something is not."""
    if state_of(node) is not State.IN_SYNC:
        return None
    moments = [section.applied_at for section in sections if section.applied_at]
    return max(moments, default=status_of(node).connected_at)
