"""How a machine becomes a node: a key made here, a join token shown once, a certificate in return; and the next one.

At first contact nothing is known of the controller but the fingerprint in the token. So its authority's certificate is
fetched and compared, and the secret is sent only over a second connection, which that authority has vouched for.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent import identity
from agent.identity import Joined
from core.joining import CONTROLLER_NAME, JoinText, parse

ANSWER_S = 20.0
LONGEST_ANSWER = 64 * 1024


class NotLetIn(ValueError):
    """The controller, or this node, refused. The text says why, and what would be right."""


def join(controller: str, token: JoinText, node: str, vtep: str, state: Path) -> Joined:
    """Become the node of that name. Raises NotLetIn, or OSError while the controller is away."""
    authority = _authority(controller, token.fingerprint)
    key, request = new_request(node)
    trusting = ssl.create_default_context(cadata=authority)
    trusting.minimum_version = ssl.TLSVersion.TLSv1_3
    asked = {"token": token.secret, "node": node, "vtep": vtep, "request": request}
    status, body = _ask(controller, trusting, "POST", "/join/", json.dumps(asked).encode())
    try:
        given = json.loads(body)
        if status != 200:
            raise NotLetIn(given["error"])
        joined = Joined(controller, str(given["node"]), vtep)
        identity.write(state, key, given, joined)
    except (KeyError, TypeError, json.JSONDecodeError):
        raise NotLetIn(f"{controller} answered {status} in words of its own: {body[:200]!r}.") from None
    return joined


def read_token(file: Path) -> JoinText:
    """The token in a file. Raises NotLetIn when it holds none."""
    try:
        return parse(file.read_text())
    except (OSError, ValueError) as error:
        raise NotLetIn(f"The join token in {file} cannot be used: {error}") from None


def new_request(name: str) -> tuple[bytes, str]:
    """A new key, and the request for its certificate, both PEM. The key leaves this machine never."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise NotLetIn("The package cryptography is missing here; install agent/requirements.txt.") from None
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain), request.public_bytes(pem).decode()


def _authority(controller: str, fingerprint: str) -> str:
    """The certificate of the controller's authority, once it is what the token says."""
    unproven = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unproven.check_hostname, unproven.verify_mode = False, ssl.CERT_NONE
    status, body = _ask(controller, unproven, "GET", "/join/authority.pem")
    try:
        pem = body.decode("ascii")
        found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() if status == 200 else ""
    except ValueError:
        found = ""
    if found != fingerprint:
        raise NotLetIn(
            f"{controller} is not the controller this join token is from: its authority is "
            f"{found[:16] or 'none'}…, the token's {fingerprint[:16]}…. Check the address; nothing was sent to it."
        )
    return pem


def _ask(
    controller: str, context: ssl.SSLContext, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    connection = Connection(controller, context)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read(LONGEST_ANSWER)
    except http.client.HTTPException as error:
        raise OSError(f"{controller} does not speak HTTP as expected: {error!r}") from None
    finally:
        connection.close()


class Connection(http.client.HTTPConnection):
    """To a controller at `https://host[:port]` or `unix:/path`, by the one name its certificate has."""

    def __init__(self, controller: str, context: ssl.SSLContext) -> None:
        super().__init__(CONTROLLER_NAME, timeout=ANSWER_S)
        self._url = urlsplit(controller)
        self._context = context

    def connect(self) -> None:
        plain = self._unix() if self._url.scheme == "unix" else self._tcp()
        self.sock: Any = self._context.wrap_socket(plain, server_hostname=CONTROLLER_NAME)

    def _unix(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(ANSWER_S)
        made.connect(self._url.path)
        return made

    def _tcp(self) -> socket.socket:
        return socket.create_connection((self._url.hostname, self._url.port or 443), ANSWER_S)
