"""The verbs by which a machine becomes a node, stays it, and ceases to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from networks.actions.join_token import token_hash
from networks.actions.knock import TurnedAway
from networks.actions.node import add_node
from networks.authority import BadRequest, authority, fingerprint_of, pem_of
from networks.credentials import JoinToken, Knock, NodeCertificate
from networks.models import Node
from tenants.change import Actor, change
from tenants.models import ClusterRecord


@dataclass(frozen=True, slots=True)
class Given:
    """What a node gets: its certificate and when it should ask for the next one (seconds from now)."""

    row: NodeCertificate
    pem: str

    @property
    def described(self) -> dict[str, Any]:
        return {
            "node": self.row.node.name,
            "certificate": self.pem,
            "authority": authority().pem,
            "renew_s": renew_s(self.row),
        }


def renew_s(certificate: NodeCertificate, now: datetime | None = None) -> float:
    """Seconds until two thirds of its time are over; 0 when they are."""
    due = certificate.issued_at + (certificate.expires_at - certificate.issued_at) * 2 / 3
    return max(0.0, (due - (now or timezone.now())).total_seconds())


def join_node(*, actor: Actor, secret: str, name: str, vtep: str, request: str) -> Given:
    """Let a machine in as the node of that name, which is made where the token is for a new one. Whatever the node had
    before opens nothing any more. Raises TurnedAway, or ValidationError for a name or address that will not do."""
    with transaction.atomic():
        ClusterRecord.locked()  # Before the token, as all others do that change both.
        token = _used(secret)
        node = token.node or _new(actor, token, name, vtep)
        if name != node.name:
            raise TurnedAway(
                Knock.Why.OTHER_NAME,
                f"This join token is for node {node.name}, not for {name}. Give --node {node.name}, or make a token "
                f"for {name}.",
                node,
            )
        if vtep != node.vtep:
            raise TurnedAway(
                Knock.Why.OTHER_ADDRESS,
                f"Node {node.name} has the underlay address {node.vtep}, not {vtep}. Give --vtep {node.vtep}, or "
                "change the node's address first.",
                node,
            )
        with change(actor=actor, tenant=None, verb="node.join") as step:
            _revoke(node)
            given = _sign(node, request)
            step.created(given.row)
    return given


def _used(secret: str) -> JoinToken:
    """The open token with that secret, used from now on: of several who bring it at once, one gets it."""
    rows, now = JoinToken.objects.filter(token_hash=token_hash(secret)), timezone.now()
    opened = rows.filter(used_at=None, ended_at=None, expires_at__gt=now).update(used_at=now)
    token = rows.select_related("node").first()
    if token is None:
        raise TurnedAway(Knock.Why.UNKNOWN_TOKEN, "This join token was never given to anybody here. Make a new one.")
    if not opened:
        why = {
            "used": (Knock.Why.USED_TOKEN, "was used before, and a token opens once"),
            "ended": (Knock.Why.ENDED_TOKEN, "was withdrawn"),
        }.get(token.state, (Knock.Why.EXPIRED_TOKEN, "has expired"))
        raise TurnedAway(why[0], f"This join token {why[1]}. Make a new one for this machine.", token.node)
    return token


def _new(actor: Actor, token: JoinToken, name: str, vtep: str) -> Node:
    if known := Node.objects.filter(name=name).first():
        raise TurnedAway(
            Knock.Why.OTHER_NAME,
            f"There is a node {name} already, and this join token is for a new one. Make a token on that node's page.",
            known,
        )
    node = add_node(actor=actor, name=name, vtep=vtep)
    JoinToken.objects.filter(pk=token.pk).update(node=node)
    return node


def renew_certificate(*, actor: Actor, certificate: NodeCertificate, request: str) -> Given:
    """The next certificate of a node that has a good one; that one stays good until it expires. Raises TurnedAway."""
    with change(actor=actor, tenant=None, verb="node.renew") as step:
        # In line with a revocation: what begins after it finds the certificate revoked.
        list(Node.objects.select_for_update().filter(pk=certificate.node_id))
        held = still_good(certificate.fingerprint)
        given = _sign(held.node, request, held.name)
        step.created(given.row)
    return given


def revoke_node(*, actor: Actor, row: Node) -> None:
    """Nothing this node was given opens anything any more, its connection ends, and it must join anew to come back."""
    with change(actor=actor, tenant=None, verb="node.revoke") as step:
        row = Node.objects.select_for_update().get(pk=row.pk)
        certificates, tokens = _revoke(row)
        step.updated(row, {}, {"name": row.name, "certificates": certificates, "join_tokens": tokens})


def _revoke(node: Node) -> tuple[int, int]:
    """How many certificates and join tokens of the node were good, and are not any more."""
    now = timezone.now()
    list(Node.objects.select_for_update().filter(pk=node.pk))
    certificates = NodeCertificate.objects.filter(node=node, revoked_at=None, expires_at__gt=now)
    tokens = JoinToken.objects.filter(node=node, used_at=None, ended_at=None)
    return certificates.update(revoked_at=now), tokens.update(ended_at=now)


def _sign(node: Node, request: str, name: str = "") -> Given:
    lasts = timedelta(hours=settings.NODE_CERTIFICATE_HOURS)
    try:
        made = authority().sign_node(request, name or node.name, lasts)
    except BadRequest as error:
        raise TurnedAway(Knock.Why.BAD_REQUEST, str(error), node) from None
    row = NodeCertificate.objects.create(
        node=node,
        fingerprint=fingerprint_of(made),
        name=name or node.name,
        issued_at=timezone.now(),
        expires_at=made.not_valid_after_utc,
    )
    return Given(row, pem_of(made))


def still_good(fingerprint: str) -> NodeCertificate:
    """The certificate as it stands, with its node. Raises TurnedAway when it opens nothing (any more)."""
    row = NodeCertificate.objects.select_related("node").filter(fingerprint=fingerprint).first()
    if row is None:
        raise TurnedAway(Knock.Why.UNKNOWN, "This certificate is not known here (any more); join again.")
    if row.state == "revoked":
        raise TurnedAway(Knock.Why.REVOKED, "This node's certificate was revoked; join again.", row.node)
    if row.state == "expired":
        raise TurnedAway(Knock.Why.EXPIRED, "This node's certificate has expired; join again.", row.node)
    return row
