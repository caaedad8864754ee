"""TLS of pages and API, with a certificate that a person brings."""

from __future__ import annotations

import ssl
from ipaddress import ip_address

from django.core.exceptions import ImproperlyConfigured


def context(cert: str, key: str) -> ssl.SSLContext | None:
    """For TLS_CERT and TLS_KEY; None when neither is set. Raises ImproperlyConfigured when they cannot be used."""
    if bool(cert) != bool(key):
        given, other = ("TLS_CERT", "TLS_KEY") if cert else ("TLS_KEY", "TLS_CERT")
        raise ImproperlyConfigured(f"{given} is set and {other} is not. Set both, to PEM files.")
    if not cert:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Nobody is there to be asked for a passphrase.
        made.load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"TLS_CERT {cert} and TLS_KEY {key} cannot be used ({error}). Give PEM files that belong together, the key "
            "without a passphrase."
        ) from None
    return made


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address. A name other than localhost is not looked up."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
