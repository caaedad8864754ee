"""The installation's own certificate authority: it signs what nodes and the controller prove themselves with.

Its key is made at first use and never leaves the data folder. Nothing outside this installation trusts it, so whoever
holds one of its certificates was given it here.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from core.joining import CONTROLLER_NAME

AUTHORITY_LASTS = timedelta(days=3650)
#: The controller makes itself a new one every day it runs.
SERVER_LASTS = timedelta(days=30)
#: Certificates begin a day ago: a node whose clock is behind must not refuse its controller.
BACK = timedelta(days=1)
#: A request of a P-256 key is some 500 bytes.
LONGEST_REQUEST = 8_000


class BadRequest(ValueError):
    """A certificate request that is not signed. Its text says what would be right."""


@dataclass(frozen=True)
class Authority:
    """Key and certificate, as they are in the data folder."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return pem_of(self.certificate)

    @property
    def fingerprint(self) -> str:
        """What a join token carries, so that a node knows this authority at first contact."""
        return fingerprint_of(self.certificate)

    def sign_node(self, request: str, name: str, lasts: timedelta) -> x509.Certificate:
        """A client's certificate for the node of that name. Raises BadRequest."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._sign(_requested_key(request, name), name, lasts, usage)

    def make_server(self) -> bytes:
        """A fresh key with the controller's certificate, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return key_pem(key) + pem_of(self._sign(key.public_key(), CONTROLLER_NAME, SERVER_LASTS, usage)).encode()

    def _sign(
        self, key: ec.EllipticCurvePublicKey, name: str, lasts: timedelta, usage: x509.ExtendedKeyUsage
    ) -> x509.Certificate:
        issuer = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = _begin(name, key, lasts).issuer_name(self.certificate.subject)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        known = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer)
        return builder.add_extension(known, critical=False).sign(self.key, hashes.SHA256())


def authority() -> Authority:
    """This installation's, made at first use."""
    return at(settings.DATA_DIR / "authority" / "authority.pem")


@cache
def at(path: Path) -> Authority:
    if not path.exists():
        _make(path)
    content = path.read_bytes()
    key = serialization.load_pem_private_key(content, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(key, x509.load_pem_x509_certificate(content))


def _make(path: Path) -> None:
    """Write key and certificate as one file, whole or not at all; of several who do at once, one is first."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    # Names of two installations' authorities differ, so that it can be told which of them a certificate is from.
    name = f"ContivUI authority {secrets.token_hex(4)}"
    builder = _begin(name, public, AUTHORITY_LASTS).issuer_name(_named(name))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_signs_certificates(), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key_pem(key) + pem_of(certificate).encode())
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _begin(name: str, key: ec.EllipticCurvePublicKey, lasts: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject_name=_named(name), public_key=key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - BACK).not_valid_after(now + lasts)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signs_certificates() -> x509.KeyUsage:
    never = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    rest = {"key_cert_sign": True, "crl_sign": True, "encipher_only": False, "decipher_only": False}
    return x509.KeyUsage(**dict.fromkeys(never, False), **rest)


def _requested_key(text: str, name: str) -> ec.EllipticCurvePublicKey:
    try:
        if len(text) > LONGEST_REQUEST:
            raise ValueError
        request = x509.load_pem_x509_csr(text.encode())
        sound = request.is_signature_valid
        key = request.public_key()
    except Exception:  # The parser fails in many ways on what it cannot read.
        raise BadRequest("The certificate request cannot be read; send a PKCS #10 request as PEM.") from None
    if not sound:
        raise BadRequest("The certificate request is not signed with the key it is for.")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadRequest("The certificate request is for another kind of key; make one on the curve P-256.")
    if request.subject != _named(name):
        raise BadRequest(f"The certificate request is for {request.subject.rfc4514_string()!r}, not for CN={name}.")
    return key


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def fingerprint_of(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()
