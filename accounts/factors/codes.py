"""Codes that are typed: six digits of an authenticator app, or one of the recovery codes."""

from __future__ import annotations

import base64
import hmac
import re
import secrets

import pyotp
import segno
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Authenticator, RecoveryCode
from accounts.sealed import Unreadable, unseal

ISSUER = "ContivUI"
STEP_S = 30
#: Clocks of phones may be one step off either way.
DRIFT = 1
CODES, CODE_BYTES = 10, 10
NOT_IN_CODES = re.compile(r"[^a-z2-7]")


def new_secret() -> str:
    return pyotp.random_base32()


def uri(secret: str, name: str) -> str:
    """What an app is set up with, as text."""
    found: str = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    return found


def qr(secret: str, name: str) -> str:
    """The picture an app reads the secret from, as markup without style or script."""
    code = segno.make_qr(uri(secret, name), error="m")
    picture: str = code.svg_inline(border=2, omitsize=True, svgclass="qr", lineclass=None)
    return picture


def step_of(secret: str, digits: str, after: int = 0) -> int | None:
    """The half minute these digits belong to, when it is now and later than `after`; else None."""
    now, totp = int(timezone.now().timestamp()) // STEP_S, pyotp.TOTP(secret)
    for step in range(max(now - DRIFT, after + 1), now + DRIFT + 1):
        if hmac.compare_digest(totp.at(step * STEP_S).encode(), digits.encode()):
            return step
    return None


def take(user: User, typed: str) -> bool:
    """Whether this code is right; then it is used up. Within a transaction."""
    digits = re.sub(r"\s", "", typed)
    if digits.isascii() and digits.isdigit():
        return _take_digits(user, digits)
    return RecoveryCode.objects.filter(user=user, digest=digest_of(user, typed)).delete()[0] > 0


def _take_digits(user: User, digits: str) -> bool:
    row = Authenticator.objects.select_for_update().filter(user=user).first()
    if row is None:
        return False
    try:
        step = step_of(unseal(row.secret), digits, row.last_step)
    except Unreadable:
        return False
    if step is None:
        return False
    row.last_step = step
    row.save(update_fields=["last_step"])
    return True


def new_codes() -> list[str]:
    """ "abcd-efgh-ijkl-mnop": 80 bits of chance, so that a plain digest keeps them."""
    found = [base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES)]
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in found]


def digest_of(user: User, code: str) -> str:
    plain = NOT_IN_CODES.sub("", code.lower())
    return salted_hmac("accounts.recovery", f"{user.pk}:{plain}", algorithm="sha256").hexdigest()
