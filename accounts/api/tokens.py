"""Making tokens with a session: as on the page."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from accounts.confirming import require_confirmed
from tenants import programs


@extend_schema(tags=["tokens"])
class TokenViewSet(programs.TokenViewSet):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A browser that was left open makes no token. A program that may make tokens has one already."""
        super().initial(request, *args, **kwargs)
        if self.action == "create" and isinstance(request.successful_authenticator, SessionAuthentication):
            require_confirmed(request)


TokenViewSet.__doc__ = programs.TokenViewSet.__doc__
