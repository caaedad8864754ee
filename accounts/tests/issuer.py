"""An OpenID Connect provider for tests, on loopback: it holds to the code flow with PKCE, and can be told to cheat."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "contivui", "provider-secret"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


class Issuer(ThreadingHTTPServer):
    """`claims` are those of whoever signs in; `cheat` what is wrong with the next identity token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.claims: dict[str, Any] = {}
        self.cheat: dict[str, Any] = {}
        self.key: Any = KEY
        self.algorithm = "RS256"
        self.asked: dict[str, dict[str, str]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def visit(self, url: str, **claims: Any) -> str:
        """Whoever is sent here signs in; the address she is sent back to."""
        said = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert said["client_id"] == CLIENT
        assert said["code_challenge_method"] == "S256"
        code = f"code-{len(self.asked)}"
        self.asked[code], self.claims = said, {"sub": "42", **claims}
        return f"{said['redirect_uri']}?code={code}&state={said['state']}"

    def token(self, said: dict[str, str]) -> dict[str, Any]:
        asked = self.asked.pop(said["code"])
        digest = hashlib.sha256(said["code_verifier"].encode()).digest()
        assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        claims["auth_time"] = now
        key = None if self.algorithm == "none" else self.key
        signed = jwt.encode({**claims, **self.claims, **self.cheat}, key, self.algorithm, headers={"kid": "1"})
        return {"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": signed}

    def keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}


class Answers(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        here = self.server.address
        if self.path == "/keys":
            return self._answer(self.server.keys())
        paths = {"authorization_endpoint": "/sign-in", "token_endpoint": "/token", "jwks_uri": "/keys"}
        known = {name: f"{here}{path}" for name, path in paths.items()}
        return self._answer({"issuer": here, **known, "id_token_signing_alg_values_supported": ["RS256"]})

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        assert self.headers["Authorization"] == f"Basic {expected}"
        self._answer(self.server.token({name: values[0] for name, values in parse_qs(said).items()}))

    def _answer(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[Issuer]:
    server = Issuer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
