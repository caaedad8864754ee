"""Asking an LDAP or Active Directory server: whose password this is, and which groups she is in, nested ones too."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ldap3 import BASE, NONE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException, LDAPInvalidCredentialsResult
from ldap3.core.results import RESULT_REFERRAL
from ldap3.utils.conv import escape_filter_chars

from accounts.models import Directory
from accounts.sealed import Unreadable, unseal

log = logging.getLogger(__name__)

#: Seconds a server has to answer: somebody waits at the sign-in page.
ANSWER_S = 5
#: Groups followed upwards for one person.
MOST_GROUPS = 1000
MEMBER_OF = "memberOf"


class DirectoryAway(Exception):
    """The server is not there, does not let us ask, or its certificate is not good. The text says which, for the log
    and for administrators; never what was asked with."""


@dataclass(frozen=True, slots=True)
class Found:
    """A person of the directory: `name` as it spells it, and the DNs of all groups she is in."""

    dn: str
    name: str
    first_name: str
    last_name: str
    groups: frozenset[str]


def find(directory: Directory, name: str, password: str) -> Found | None:
    """Who has this name and this password there; None for nobody. Raises DirectoryAway."""
    if not name or not password:
        return None  # A server takes an empty password for no password at all, and says yes.
    try:
        with _connected(directory) as asking:
            entry = _entry(asking, directory, name)
            if entry is None or not _is_password(directory, entry["dn"], password):
                return None
            return _found(asking, directory, entry)
    except (LDAPException, OSError, ssl.SSLError) as error:
        raise _away(directory, error) from error


def try_out(directory: Directory) -> None:
    """Ask as the service account, to see that it can. Raises DirectoryAway."""
    try:
        with _connected(directory) as asking:
            asking.search(directory.base_dn, "(objectClass=*)", BASE, attributes=["1.1"])
            if asking.result["result"] == RESULT_REFERRAL:
                raise DirectoryAway(f"{directory} refers to another server for {directory.base_dn}: name that one.")
    except (LDAPException, OSError, ssl.SSLError) as error:
        raise _away(directory, error) from error


@contextmanager
def _connected(directory: Directory) -> Iterator[Any]:
    try:
        password = unseal(directory.service_account_password)
    except Unreadable:
        raise DirectoryAway("Its password was sealed with another SECRET_KEY: enter it anew.") from None
    connection = _open(directory, directory.service_account_dn, password)
    try:
        yield connection
    finally:
        connection.unbind()


def _open(directory: Directory, dn: str, password: str) -> Any:
    """A bound connection; nothing is said before TLS where it is asked for."""
    server = Server(directory.server, directory.port, tls=_tls(directory), connect_timeout=ANSWER_S, get_info=NONE)
    options: dict[str, Any] = {"raise_exceptions": True, "read_only": True, "receive_timeout": ANSWER_S}
    # Whoever a server refers to would be told the password.
    connection = Connection(server, dn, password, auto_referrals=False, **options)
    try:
        connection.open()
        if directory.start_tls:
            connection.start_tls()
        connection.bind()
    except BaseException:
        connection.unbind()
        raise
    return connection


def _tls(directory: Directory) -> Tls | None:
    if not directory.start_tls:
        return None
    if directory.insecure_skip_verify:
        return Tls(validate=ssl.CERT_NONE)
    name = directory.tls_cert_issued_to or directory.server
    return Tls(validate=ssl.CERT_REQUIRED, valid_names=[name], ca_certs_data=directory.authority or None)


def _entry(asking: Any, directory: Directory, name: str) -> dict[str, Any] | None:
    """The one entry of this name. Two of them are nobody: which one is meant cannot be told."""
    attribute = directory.name_attribute
    wanted = f"(&(objectClass={directory.user_class})({attribute}={escape_filter_chars(name)}))"
    asking.search(directory.base_dn, wanted, SUBTREE, attributes=[attribute, "givenName", "sn", MEMBER_OF])
    entries = [entry for entry in asking.response or [] if entry["type"] == "searchResEntry"]
    return entries[0] if len(entries) == 1 else None


def _is_password(directory: Directory, dn: str, password: str) -> bool:
    try:
        _open(directory, dn, password).unbind()
    except LDAPInvalidCredentialsResult:
        return False
    return True


def _found(asking: Any, directory: Directory, entry: dict[str, Any]) -> Found:
    said = entry["attributes"]
    return Found(
        dn=entry["dn"],
        name=_first(said, directory.name_attribute),
        first_name=_first(said, "givenName"),
        last_name=_first(said, "sn"),
        groups=frozenset(_groups(asking, _all(said, MEMBER_OF))),
    )


def _groups(asking: Any, first: list[str]) -> set[str]:
    """These and the groups they are in, and so on; groups that are in each other are met once."""
    seen: set[str] = set()
    ahead = list(first)
    while ahead and len(seen) < MOST_GROUPS:
        dn = ahead.pop()
        if dn in seen:
            continue
        seen.add(dn)
        asking.search(dn, "(objectClass=*)", BASE, attributes=[MEMBER_OF])
        for entry in asking.response or []:
            if entry["type"] == "searchResEntry":
                ahead += _all(entry["attributes"], MEMBER_OF)
    return seen


def _all(said: Any, name: str) -> list[str]:
    value = said.get(name) or []
    return [str(one).replace("\0", "") for one in (value if isinstance(value, list) else [value])]


def _first(said: Any, name: str) -> str:
    return next(iter(_all(said, name)), "")


def _away(directory: Directory, error: Exception) -> DirectoryAway:
    log.warning("The directory %s cannot be asked: %s", directory, type(error).__name__)
    look = "Look at its address, its certificate and the account it is asked with"
    return DirectoryAway(f"{directory} cannot be asked. {look} ({type(error).__name__}).")
