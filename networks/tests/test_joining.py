"""How machines become nodes: who is let in, who is turned away, what is given, and what is written down of it."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from agent.joining import new_request
from core.joining import parse
from networks import actions
from networks.actions import TurnedAway
from networks.actions.joining import renew_s, still_good
from networks.actions.knock import MOST_KNOCKS
from networks.authority import BadRequest, at, authority, fingerprint_of, pem_of
from networks.models import JoinToken, Knock, Node, NodeCertificate
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry

pytestmark = pytest.mark.django_db

VTEP = "192.0.2.1"


def node(name: str = "n1", vtep: str = VTEP) -> tuple[Node, str]:
    """A node and the secret of its join token."""
    row, text = actions.create_node(actor=SYSTEM, name=name, vtep=vtep)
    return row, parse(text).secret


def join(secret: str, name: str = "n1", vtep: str = VTEP, request: str = "") -> str:
    """The fingerprint of what is given."""
    request = request or new_request(name)[1]
    given = actions.join_node(actor=SYSTEM, secret=secret, name=name, vtep=vtep, request=request)
    return fingerprint_of(x509.load_pem_x509_certificate(given.pem.encode()))


def refused(secret: str, name: str = "n1", vtep: str = VTEP, request: str = "") -> tuple[str, str | None]:
    with pytest.raises(TurnedAway) as caught:
        join(secret, name, vtep, request)
    return caught.value.why, caught.value.node and caught.value.node.name


def test_a_token_lets_its_node_in_once() -> None:
    row, secret = node()
    held = still_good(join(secret))
    assert (held.node, held.name, held.state) == (row, "n1", "good")
    assert refused(secret) == ("used_token", "n1")
    assert JoinToken.objects.get().state == "used"


def test_a_token_for_any_machine_makes_a_new_node_and_never_stands_for_one_there_is() -> None:
    known, _ = node("old", "192.0.2.9")
    secrets = [parse(actions.make_join_token(actor=SYSTEM)[1]).secret for _ in range(2)]
    assert still_good(join(secrets[0], "new", "192.0.2.7")).node.vtep == "192.0.2.7"
    assert refused(secrets[1], "old", known.vtep) == ("other_name", "old")
    with pytest.raises(ValidationError):
        join(secrets[1], "newer", "192.0.2.7")
    assert JoinToken.objects.filter(node=None).get().state == "open", "what failed used nothing up"


def test_a_token_that_was_withdrawn_has_expired_or_was_never_given_opens_nothing() -> None:
    row, secret = node()
    actions.end_join_token(actor=SYSTEM, row=JoinToken.objects.get())
    assert refused(secret) == ("ended_token", "n1")
    _, text = actions.make_join_token(actor=SYSTEM, node=row)
    JoinToken.objects.filter(ended_at=None).update(expires_at=timezone.now())
    assert refused(parse(text).secret) == ("expired_token", "n1")
    assert refused("guessed-and-guessed-again") == ("unknown_token", None)
    assert not NodeCertificate.objects.exists()


def test_a_node_that_claims_another_name_or_address_is_turned_away_and_its_token_stays_open() -> None:
    _, secret = node()
    node("n2", "192.0.2.2")
    assert refused(secret, "n2", "192.0.2.2") == ("other_name", "n1")
    assert refused(secret, "n1", "192.0.2.2") == ("other_address", "n1")
    assert refused(secret, "n1", VTEP, new_request("n2")[1]) == ("bad_request", "n1")
    assert still_good(join(secret)).node.name == "n1"


def test_joining_again_ends_what_the_node_had_before() -> None:
    row, secret = node()
    first = join(secret)
    tokens = [parse(actions.make_join_token(actor=SYSTEM, node=row)[1]).secret for _ in range(2)]
    assert still_good(join(tokens[0]))
    with pytest.raises(TurnedAway, match="was revoked"):
        still_good(first)
    assert refused(tokens[1]) == ("ended_token", "n1")


def test_a_revoked_node_has_nothing_left_and_renews_nothing() -> None:
    row, secret = node()
    held = still_good(join(secret))
    actions.make_join_token(actor=SYSTEM, node=row)
    actions.revoke_node(actor=SYSTEM, row=row)
    with pytest.raises(TurnedAway, match="was revoked"):
        actions.renew_certificate(actor=SYSTEM, certificate=held, request=new_request("n1")[1])
    assert AuditEntry.objects.filter(verb="node.revoke").get().after == {
        "name": "n1",
        "certificates": 1,
        "join_tokens": 1,
    }
    assert {token.state for token in JoinToken.objects.all()} == {"used", "ended"}


def test_a_renamed_node_renews_under_the_name_it_joined_with() -> None:
    row, secret = node()
    held = still_good(join(secret))
    actions.update_node(actor=SYSTEM, row=row, name="renamed")
    given = actions.renew_certificate(actor=SYSTEM, certificate=held, request=new_request("n1")[1])
    assert (given.row.node.name, given.row.name) == ("renamed", "n1")


def test_it_renews_after_two_thirds_and_at_once_when_late() -> None:
    now = timezone.now()
    certificate = NodeCertificate(issued_at=now, expires_at=now + timedelta(hours=3))
    assert renew_s(certificate, now) == 7200
    assert renew_s(certificate, now + timedelta(hours=2.5)) == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_who_bring_one_token_at_once_one_is_let_in() -> None:
    _, secret = node()
    outcomes: list[str] = []
    requests = [new_request("n1")[1] for _ in range(8)]
    meet = threading.Barrier(len(requests))

    def run(request: str) -> None:
        meet.wait(20)
        try:
            join(secret, request=request)
            outcomes.append("in")
        except TurnedAway as error:
            outcomes.append(error.why)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[request]) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["in", *["used_token"] * 7]
    assert NodeCertificate.objects.count() == 1


def test_the_record_has_neither_secrets_nor_their_hashes() -> None:
    _, secret = node()
    join(secret)
    text = "".join(f"{entry.before}{entry.after}" for entry in AuditEntry.objects.all())
    assert secret not in text
    assert JoinToken.objects.get().token_hash not in text


def test_a_token_lasts_as_long_as_it_is_told_to() -> None:
    row, _ = actions.make_join_token(actor=SYSTEM, hours=2)
    assert timedelta(hours=1.9) < row.expires_at - timezone.now() <= timedelta(hours=2)
    with pytest.raises(Refused, match="from 1 to 720 hours"):
        actions.make_join_token(actor=SYSTEM, hours=0)


def test_who_is_turned_away_is_written_down_once_an_hour_and_only_so_often() -> None:
    row, _ = node()
    for _ in range(3):
        actions.turn_away(Knock.Why.FOREIGN, address=VTEP)
    knock = Knock.objects.get()
    assert (knock.node, knock.times) == (row, 3), "the address is the node's"
    assert AuditEntry.objects.filter(verb="node.turned_away", object_name="n1").count() == 1
    actions.turn_away(Knock.Why.UNKNOWN_TOKEN, claimed="n1", address="10.9.9.9")
    assert row.knocks.count() == 2, "nor is whom it claims to be forgotten"
    for number in range(MOST_KNOCKS + 5):
        actions.turn_away(Knock.Why.UNKNOWN, address=f"10.0.0.{number % 250}", claimed=f"n{number}")
    assert Knock.objects.count() == MOST_KNOCKS


def test_the_authoritys_key_is_its_owners_only_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "authority" / "authority.pem"
    made = at(path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]
    at.cache_clear()
    assert at(path).fingerprint == made.fingerprint


def test_a_nodes_certificate_opens_nothing_as_a_server_and_signs_no_other() -> None:
    _, secret = node()
    join(secret)
    made = authority().sign_node(new_request("n1")[1], "n1", timedelta(hours=1))
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    made.verify_directly_issued_by(authority().certificate)


def test_a_request_for_a_weak_key_is_not_signed() -> None:
    from cryptography.hazmat.primitives import hashes, serialization

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "n1")])
    key = ec.generate_private_key(ec.SECP192R1())
    request = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())
    with pytest.raises(BadRequest, match="P-256"):
        authority().sign_node(request.public_bytes(serialization.Encoding.PEM).decode(), "n1", timedelta(hours=1))
    assert "BEGIN CERTIFICATE" in pem_of(authority().certificate)
