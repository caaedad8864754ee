"""One's own sessions and password, and showing it again."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import door
from accounts.actions.passwords import change_password
from accounts.actions.sessions import end_session, end_sessions, sessions_of
from accounts.confirming import confirm_api
from accounts.directory import DirectoryAway
from accounts.gate import done
from accounts.models import FromProvider
from accounts.patience import Wait
from accounts.serializers import ConfirmedSerializer, ConfirmSerializer, PasswordSerializer, SessionSerializer
from contivui.web.api import Done
from contivui.web.parameters import flag, only
from contivui.web.strict import require_types
from tenants.api import TenantWrites, actor_of
from tenants.change import Refused
from tenants.models import Token

#: A token that was cut to a tenant or to reading is not the person herself.
HERSELF = "A token that is cut down (to reading, or to a tenant) does nothing about its maker's account. Sign in."


class OwnView(APIView):
    """What is a person's own: her session may, and a token that can do all she can."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, Token) and request.auth.tenant_id is not None:
            raise PermissionDenied(HERSELF)


def own_key(request: Request) -> str | None:
    """The key of the session that asks; None when a token does."""
    return None if request.auth is not None else request._request.session.session_key


@extend_schema(tags=["me"])
class SessionsView(TenantWrites, OwnView):
    """Where one is signed in."""

    serializer_class = SessionSerializer

    @extend_schema(responses=SessionSerializer(many=True))
    def get(self, request: Request) -> Response:
        rows = sessions_of(cast(User, request.user))
        return Response(SessionSerializer(rows, many=True, context={"request": request}).data)

    @extend_schema(operation_id="me_sessions_destroy_others", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out everywhere else."""

        def run() -> Done:
            end_sessions(actor=actor_of(request), user=cast(User, request.user), keep=own_key(request))
            return Done(None, 204)

        return self.write(run)


@extend_schema(tags=["me"])
class SessionView(TenantWrites, OwnView):
    """One browser that is signed in."""

    serializer_class = SessionSerializer

    @extend_schema(responses={204: None})
    def delete(self, request: Request, session: str) -> Response:
        """Sign it out, from its next request on."""
        row = sessions_of(cast(User, request.user)).filter(public_id=session).first()
        if row is None:
            raise Http404

        def run() -> Done:
            end_session(actor=actor_of(request), row=row)
            return Done(None, 204)

        return self.write(run)


@extend_schema(tags=["me"])
class PasswordView(TenantWrites, OwnView):
    """One's own password."""

    serializer_class = PasswordSerializer

    @extend_schema(request=PasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Change it. All sessions end but the one that asks; tokens stay unless `end_tokens` says so."""
        form = PasswordSerializer(data=request.data)
        require_types(form)
        form.is_valid(raise_exception=True)
        user = judged(request, form.validated_data["current"], "current")
        keep, given = own_key(request), form.validated_data

        def run() -> Done:
            change_password(
                actor=actor_of(request), user=user, password=given["password"], keep=keep, tokens=given["end_tokens"]
            )
            return Done(None, 204)

        answer = self.write(run)
        if keep is not None and not flag(request, "dry_run"):
            user.refresh_from_db()
            update_session_auth_hash(request._request, user)
            done(request._request, "password")
        return answer


@extend_schema(tags=["me"])
class ConfirmView(OwnView):
    """Showing one's password again."""

    serializer_class = ConfirmSerializer

    @extend_schema(request=ConfirmSerializer, responses=ConfirmedSerializer)
    def post(self, request: Request) -> Response:
        """What lets somebody in asks for the password: shown here, it counts for ten minutes, for the token or the
        session that shows it."""
        only(request)
        form = ConfirmSerializer(data=request.data)
        require_types(form)
        form.is_valid(raise_exception=True)
        judged(request, form.validated_data["password"], "password")
        return Response(ConfirmedSerializer({"until": confirm_api(request)}).data)


def judged(request: Request, password: str, field: str) -> User:
    """Herself, whose password this is; else an error at `field`. Wrong ones are counted as at the login."""
    user = cast(User, request.user)
    if FromProvider.objects.filter(user=user).exists():
        raise Refused("You sign in by a provider, which is asked in a browser. Use its session here.", code="elsewhere")
    try:
        found = door.check(request._request, user.get_username(), password, "api")
    except Wait as wait:
        raise Throttled(wait.seconds, "Too many wrong passwords.") from None
    except DirectoryAway:
        raise Refused("The directory that knows this password does not answer.", code="away") from None
    except door.Wrong:
        found = None
    if found != user:
        raise ValidationError({field: ValidationError("This is not your password.", code="wrong")})
    return user
