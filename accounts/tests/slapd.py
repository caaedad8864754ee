"""A real LDAP server for tests: OpenLDAP's slapd on loopback, with people and nested groups as Active Directory has
them. Where it is not installed, the tests say so."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ldap3 import MODIFY_ADD, NONE, Connection, Server

BASE = "dc=example,dc=org"
SERVICE, SERVICE_PASSWORD = f"cn=service,{BASE}", "service-secret"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
PASSWORD = "known-to-the-directory-4"

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP top AUXILIARY MAY sAMAccountName )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
security simple_bind={strength}
database mdb
suffix "{base}"
rootdn "{service}"
rootpw {password}
directory {folder}
overlay memberof
memberof-dangling ignore
"""


def slapd() -> str | None:
    return shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextmanager
def running(folder: Path, *, only_tls: bool) -> Iterator[int]:
    """A server with the people and groups below; its port. `only_tls`: it refuses passwords in the clear."""
    program = slapd()
    assert program is not None
    _certificate(folder)
    config = folder / "slapd.conf"
    strength = 128 if only_tls else 0
    config.write_text(
        CONFIG.format(folder=folder, base=BASE, service=SERVICE, password=SERVICE_PASSWORD, strength=strength)
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [program, "-d", "0", "-f", str(config), "-h", f"ldap://127.0.0.1:{port}"], stderr=subprocess.DEVNULL
    )
    try:
        _await(port, process)
        _fill(port, only_tls)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "slapd ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("slapd did not answer within 30 s")


def _certificate(folder: Path) -> None:
    """One that signs itself, issued to ldap.example.org."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ldap.example.org")])
    names = x509.SubjectAlternativeName([x509.DNSName("ldap.example.org"), x509.IPAddress(ip_address("192.0.2.9"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    (folder / "server.pem").write_bytes(made.public_bytes(form))
    (folder / "server.key").write_bytes(
        key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _fill(port: int, only_tls: bool) -> None:
    connection = Connection(Server("127.0.0.1", port, get_info=NONE), SERVICE, SERVICE_PASSWORD, raise_exceptions=True)
    connection.open()
    if only_tls:
        connection.start_tls()
    connection.bind()
    connection.add(BASE, ["domain"], {"dc": "example"})
    for part in ("people", "groups"):
        connection.add(f"ou={part},{BASE}", ["organizationalUnit"], {"ou": part})
    people = {"erin": "Erin", "frank": "Frank", "star*name": "Star", "root": "Root", "jane doe": "Jane"}
    for name, kind in people.items():
        dn = f"cn={kind},{PEOPLE}"
        said = {"sn": "Example", "givenName": kind, "sAMAccountName": name, "userPassword": PASSWORD}
        connection.add(dn, ["inetOrgPerson", "user"], said)
    groups = {
        "netadmins": [f"cn=Erin,{PEOPLE}"],
        "staff": [f"cn=netadmins,{GROUPS}", f"cn=everybody,{GROUPS}", f"cn=Frank,{PEOPLE}"],
        "everybody": [f"cn=staff,{GROUPS}"],
    }
    for group in groups:  # all of them first: the server notes memberOf at members that are there
        connection.add(f"cn={group},{GROUPS}", ["groupOfNames"], {"member": SERVICE})
    for group, members in groups.items():
        connection.modify(f"cn={group},{GROUPS}", {"member": [(MODIFY_ADD, members)]})
    connection.unbind()
