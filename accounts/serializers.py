"""How a person's own sign-in reads in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


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
