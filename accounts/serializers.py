"""How signing in reads in the API. What is secret is written and never read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import GRANTED
from contivui.web.fields import TenantName
from tenants.models import Tenant


class SessionSerializer(serializers.Serializer[Any]):
    """A browser that is signed in. `current` is the one that asks; a token is none."""

    id = serializers.CharField(source="public_id", read_only=True)
    address = serializers.IPAddressField(read_only=True, allow_null=True, help_text="Where it signed in from.")
    agent = serializers.CharField(read_only=True, allow_blank=True, help_text="What the browser calls itself.")
    since = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(source="seen_at", read_only=True, help_text="To the minute.")
    current = serializers.SerializerMethodField()

    def get_current(self, row: Any) -> bool:
        session = getattr(self.context["request"]._request, "session", None)
        return bool(session and session.session_key == row.session_key)


class PasswordSerializer(serializers.Serializer[Any]):
    """Both are never answered."""

    current = serializers.CharField(max_length=500, trim_whitespace=False, help_text="The password you have.")
    password = serializers.CharField(max_length=500, trim_whitespace=False, help_text="The one you want.")
    end_tokens = serializers.BooleanField(default=False, help_text="End all your tokens, the one that asks, too.")


class ConfirmSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=500, trim_whitespace=False, help_text="The one you have.")


class ConfirmedSerializer(serializers.Serializer[Any]):
    until = serializers.DateTimeField(help_text="How long it counts, for this token or session.")


class AuthenticatorSerializer(serializers.Serializer[Any]):
    """An app that shows six digits every half minute."""

    made_at = serializers.DateTimeField()


class PasskeySerializer(serializers.Serializer[Any]):
    """A security key, or a device that holds one."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    made_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class FactorsSerializer(serializers.Serializer[Any]):
    """What somebody shows at sign-in besides the password."""

    authenticator = AuthenticatorSerializer(allow_null=True)
    passkeys = PasskeySerializer(many=True)
    recovery_codes = serializers.IntegerField(help_text="How many are left.")
    factor_required = serializers.BooleanField(help_text="The rules want her to have one, and she has none.")


class NewAuthenticatorSerializer(serializers.Serializer[Any]):
    """What a new app is set up with. Nobody can read it again."""

    secret = serializers.CharField()
    uri = serializers.CharField(help_text="The same for an app, as a QR code shows it.")
    setup = serializers.CharField(help_text="Send it back with the first code, within ten minutes.")


class FirstCodeSerializer(serializers.Serializer[Any]):
    setup = serializers.CharField(max_length=1000, help_text="As it was given.")
    code = serializers.CharField(max_length=10, help_text="The six digits the app shows now.")


class NewCodesSerializer(serializers.Serializer[Any]):
    """Nobody can read them again."""

    recovery_codes = serializers.ListField(child=serializers.CharField(), help_text="Each opens the account once.")


class RulesSerializer(serializers.Serializer[Any]):
    factor_for_administrators = serializers.BooleanField(
        required=False, help_text="Administrators need a second factor; whoever has none sets one up at her sign-in."
    )


class DirectorySerializer(serializers.Serializer[Any]):
    """An LDAP or Active Directory server."""

    server = serializers.CharField(max_length=255)
    port = serializers.IntegerField(min_value=1, max_value=65535, default=389)
    base_dn = serializers.CharField(max_length=500, help_text="People are below.")
    service_account_dn = serializers.CharField(max_length=500, help_text="Asked as.")
    service_account_password = serializers.CharField(
        max_length=500, write_only=True, required=False, trim_whitespace=False, help_text="Left out, it stays."
    )
    start_tls = serializers.BooleanField(default=True)
    insecure_skip_verify = serializers.BooleanField(default=False, help_text="Do not check its certificate.")
    tls_cert_issued_to = serializers.CharField(
        max_length=255, default="", allow_blank=True, help_text="When it is another name than the server's."
    )
    authority = serializers.CharField(
        max_length=100_000, default="", allow_blank=True, help_text="Who signed it, as PEM, when not trusted already."
    )
    name_attribute = serializers.CharField(max_length=64, default="sAMAccountName")
    user_class = serializers.CharField(max_length=64, default="user")


class ProviderSerializer(serializers.Serializer[Any]):
    """An OpenID Connect provider."""

    name = serializers.CharField(max_length=64, help_text="What the button at the sign-in page says.")
    issuer = serializers.CharField(max_length=500)
    client_id = serializers.CharField(max_length=255)
    client_secret = serializers.CharField(
        max_length=500, write_only=True, required=False, trim_whitespace=False, help_text="Left out, it stays."
    )
    name_claim = serializers.CharField(max_length=64, default="preferred_username")
    groups_claim = serializers.CharField(max_length=64, default="groups")


class AnswersSerializer(serializers.Serializer[Any]):
    answers = serializers.BooleanField()
    problem = serializers.CharField(allow_null=True, help_text="Why not.")


class GroupGrantSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    group = serializers.CharField(max_length=500, help_text="Its DN in the directory, or its word in the claim.")
    tenant = TenantName(Tenant, required=False, allow_null=True)
    role = serializers.ChoiceField(
        GRANTED,
        help_text="Owner, editor or viewer of the tenant; without one administrator, auditor or operator.",
    )
