"""The LDAP configuration, in auth_proxy's words: the directory that people sign in by, here and at the pages alike."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.actions.directory import drop_directory, set_directory
from accounts.models import Directory
from netmaster.caller import actor_of
from netmaster.proxy.answers import Denied, answer, members_of, said, view
from netmaster.proxy.people import administrator

TEXTS = ("server", "base_dn", "service_account_dn", "service_account_password", "tls_cert_issued_to")
FLAGS = ("start_tls", "insecure_skip_verify")
#: What a configuration must say, with the words for one that does not.
OBLIGATORY = {
    ("server", "port"): "Invalid Server/Port details",
    ("service_account_dn", "service_account_password"): "Empty service account DN/Password",
    ("base_dn",): "Empty base DN",
}


@view("GET", "PUT", "PATCH", "DELETE")
def configuration(request: HttpRequest) -> HttpResponse:
    administrator(request)
    known = Directory.current()
    if known is None and request.method != "PUT":
        raise Denied(404)
    if request.method == "GET":
        assert known is not None
        return answer(200, shown(known))
    if request.method == "DELETE":
        drop_directory(actor=actor_of(request))
        return answer(204)
    given = read(members_of(request))
    if request.method == "PUT":
        given = {"tls_cert_issued_to": "", "start_tls": False, "insecure_skip_verify": False, **given}
        for names, says in OBLIGATORY.items():
            if not all(given.get(name) for name in names):
                raise Denied(400, says)
    else:
        given = {name: value for name, value in given.items() if value != ""}
    _check_tls(given, known if request.method == "PATCH" else None)
    return answer(200, shown(set_directory(actor=actor_of(request), **given)))


def shown(row: Directory) -> dict[str, Any]:
    """All but the password."""
    names = ("server", "port", "base_dn", "service_account_dn", "start_tls", "insecure_skip_verify")
    return {name: getattr(row, name) for name in (*names, "tls_cert_issued_to")}


def read(members: dict[str, Any]) -> dict[str, Any]:
    """What a request gives of it."""
    given: dict[str, Any] = {name: said(members, name) for name in TEXTS if name in members}
    for name in FLAGS:
        if name in members:
            if not isinstance(members[name], bool):
                raise Denied(500, f"{name} is to be true or false.")
            given[name] = members[name]
    if "port" in members:
        port = members["port"]
        if type(port) is not int or not 0 < port < 65536:
            raise Denied(400, "port is to be a number from 1 to 65535")
        given["port"] = port
    return given


def _check_tls(given: dict[str, Any], known: Directory | None) -> None:
    """With StartTLS, Contiv wants to know whose certificate it is, or that it does not matter."""

    def now(name: str) -> Any:
        return given.get(name, getattr(known, name, None))

    if now("start_tls") and not (now("tls_cert_issued_to") or now("insecure_skip_verify")):
        raise Denied(400, "InsecureSkipVerify or TLSCertIssuedTo must be provided for TLS/SSL connection")
