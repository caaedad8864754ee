"""The lab as the product knows it: nodes with their ways in, the demonstration once, containers as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cryptography import x509

from agent.identity import AUTHORITY, CERTIFICATE
from core.joining import parse
from lab import containers, fabric
from lab.containers import Container
from launcher import demo
from launcher.settings import Settings
from launcher.stamps import write_private
from networks.actions import TurnedAway, create_node, make_join_token
from networks.actions.join_token import token_hash
from networks.actions.joining import still_good
from networks.authority import authority, fingerprint_of
from networks.models import Endpoint, JoinToken
from networks.models import Node as NodeRow
from tenants.change import SYSTEM


def make(settings: Settings) -> None:
    """What is missing of it. Called at every start."""
    settings.lab_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    nodes = fabric.nodes(settings.lab_nodes, settings.lab_folder)
    for node in nodes:
        register(node)
    if settings.demo and not demo.was_made():
        # The list first: cut short here, the next start makes the demonstration and the same list again.
        containers.save(settings.containers_file, demo.containers([node.name for node in nodes]))
        demo.make()
    elif noted := containers.load(settings.containers_file):
        containers.save(settings.containers_file, as_they_are(noted))


def register(node: fabric.Node) -> None:
    """Make the node known and leave its agent a token to join with, unless it has one, or a certificate, that is still
    good."""
    node.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    row = NodeRow.objects.filter(name=node.name).first()
    if row is None:
        _, token = create_node(actor=SYSTEM, name=node.name, vtep=node.vtep)
    elif not may_connect(node.folder) and not may_join(node.join_token_file):
        _, token = make_join_token(actor=SYSTEM, node=row)
    else:
        return
    write_private(node.join_token_file, token + "\n")


def may_connect(folder: Path) -> bool:
    """Whether an agent with this state folder trusts us and holds a certificate that opens something here."""
    try:
        trusted, held = (
            fingerprint_of(x509.load_pem_x509_certificate((folder / name).read_bytes()))
            for name in (AUTHORITY, CERTIFICATE)
        )
        return trusted == authority().fingerprint and still_good(held) is not None
    except (OSError, ValueError, TurnedAway):
        return False


def may_join(file: Path) -> bool:
    """Whether the file holds a join token of ours that is open."""
    try:
        token = parse(file.read_text())
    except (OSError, ValueError):
        return False
    row = JoinToken.objects.filter(token_hash=token_hash(token.secret)).first()
    return token.fingerprint == authority().fingerprint and row is not None and row.state == "open"


def as_they_are(noted: Sequence[Container]) -> list[Container]:
    """The containers by what their endpoints are now: renamed, moved, or deleted, and then unplugged."""
    ids = [container.endpoint for container in noted if container.endpoint]
    rows = Endpoint.objects.select_related("tenant", "node").in_bulk(ids)
    return [_as_it_is(c, rows.get(c.endpoint)) if c.endpoint else c for c in noted]


def _as_it_is(container: Container, row: Endpoint | None) -> Container:
    if row is None:
        return replace(container, endpoint=None, plugged=False)
    return replace(container, name=row.name, tenant=row.tenant.name, node=row.node.name if row.node else container.node)
