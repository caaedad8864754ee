"""Security keys: what the browser is asked for, and whether its answer is good. The page's form carries the answer."""

from __future__ import annotations

import json
import secrets
from typing import Any

import webauthn
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils import timezone
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor

from accounts.factors.asking import asked_again, take_asked
from accounts.models import Passkey

#: Where the session keeps what the browser was asked: of a new key, and of one she has.
OF_NEW, OF_KNOWN = "asked_of_new_key", "asked_of_key"


class NotGood(Exception):
    """The answer is none, is to another question, or is of another key."""


def site(request: HttpRequest) -> str:
    """The name keys are bound to. A number is no such name: browsers offer keys at localhost and at real names only."""
    return str(split_domain_port(request.get_host())[0])


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def ask_for_new(request: HttpRequest, user: User) -> str:
    """Options for the browser, as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=site(request),
        rp_name="ContivUI",
        user_name=user.get_username(),
        user_id=str(user.pk).encode(),
        exclude_credentials=_descriptors(user),
        challenge=_question(request, OF_NEW),
    )
    return webauthn.options_to_json(options)


def ask_for_known(request: HttpRequest, user: User) -> str:
    """Options for the browser, as JSON; "" when she has no key."""
    known = _descriptors(user)
    if not known:
        return ""
    options = webauthn.generate_authentication_options(
        rp_id=site(request), allow_credentials=known, challenge=_question(request, OF_KNOWN)
    )
    return webauthn.options_to_json(options)


def read_new(request: HttpRequest, answer: str) -> dict[str, Any]:
    """The fields of a new key. Raises NotGood."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=_asked(request, OF_NEW),
            expected_rp_id=site(request),
            expected_origin=_origin(request),
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotGood from error
    return {
        "credential_id": bytes_to_base64url(made.credential_id),
        "public_key": bytes_to_base64url(made.credential_public_key),
        "sign_count": made.sign_count,
    }


def take(request: HttpRequest, user: User, answer: str) -> bool:
    """Whether one of her keys answered what was asked. Within a transaction."""
    try:
        said = json.loads(answer)
        row = Passkey.objects.select_for_update().get(user=user, credential_id=str(said["id"]).replace("\0", ""))
        found = webauthn.verify_authentication_response(
            credential=said,
            expected_challenge=_asked(request, OF_KNOWN),
            expected_rp_id=site(request),
            expected_origin=_origin(request),
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
        )
    except (WebAuthnException, Passkey.DoesNotExist, ValueError, KeyError, TypeError, RecursionError):
        return False
    row.sign_count, row.last_used_at = found.new_sign_count, timezone.now()
    row.save(update_fields=["sign_count", "last_used_at"])
    return True


def _question(request: HttpRequest, name: str) -> bytes:
    return base64url_to_bytes(asked_again(request.session, name, lambda: secrets.token_urlsafe(64)))


def _asked(request: HttpRequest, name: str) -> bytes:
    """Each question is answered once."""
    asked = take_asked(request.session, name)
    if asked is None:
        raise ValueError("nothing was asked")
    return base64url_to_bytes(asked)


def _descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    ids = Passkey.objects.filter(user=user).values_list("credential_id", flat=True)
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in ids]
