"""Second factors: one's own, but for adding a security key, which takes a browser; and an administrator's look at
others'."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.actions import factors
from accounts.api.own import OwnView
from accounts.confirming import require_confirmed
from accounts.factors import codes, setup
from accounts.models import Authenticator, Passkey, RecoveryCode
from accounts.serializers import FactorsSerializer, FirstCodeSerializer, NewAuthenticatorSerializer, NewCodesSerializer
from contivui.web.api import Done
from contivui.web.strict import require_types
from tenants.access import require
from tenants.api import TenantWrites, actor_of
from tenants.models import Account


def held_by(user: User) -> dict[str, Any]:
    return {
        "authenticator": Authenticator.objects.filter(user=user).first(),
        "passkeys": Passkey.objects.filter(user=user),
        "recovery_codes": RecoveryCode.objects.filter(user=user).count(),
        "factor_required": factors.needs_factor(user),
    }


class OwnFactorView(TenantWrites, OwnView):
    """What is done to one's second factors asks for the password (`me/confirm/`)."""

    serializer_class: type[BaseSerializer[Any]] = FactorsSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            require_confirmed(request)

    @property
    def herself(self) -> dict[str, Any]:
        return {"actor": actor_of(self.request), "user": cast(User, self.request.user)}

    def drop(self, row: Authenticator | Passkey | None) -> Response:
        if row is None:
            raise Http404

        def run() -> Done:
            factors.remove_factor(actor=actor_of(self.request), row=row)
            return Done(None, 204)

        return self.write(run)


@extend_schema(tags=["me"])
class FactorsView(OwnFactorView):
    """What one shows besides the password."""

    @extend_schema(responses=FactorsSerializer)
    def get(self, request: Request) -> Response:
        return Response(FactorsSerializer(held_by(cast(User, request.user))).data)


@extend_schema(tags=["me"])
class AuthenticatorView(OwnFactorView):
    """An app that shows six digits."""

    serializer_class = NewAuthenticatorSerializer

    @extend_schema(request=None, responses=NewAuthenticatorSerializer)
    def post(self, request: Request) -> Response:
        """Begin with a new app: the secret to put into it. Nothing is kept until its first code is confirmed."""
        secret, user = codes.new_secret(), cast(User, request.user)
        new = {"secret": secret, "uri": codes.uri(secret, user.get_username()), "setup": setup.begin(user, secret)}
        return _unkept(self.write(lambda: Done(NewAuthenticatorSerializer(new).data)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Remove it. With the last factor the recovery codes go, too."""
        return self.drop(Authenticator.objects.filter(user=cast(User, request.user)).first())


@extend_schema(tags=["me"])
class FirstCodeView(OwnFactorView):
    """The first code of a new app."""

    serializer_class = FirstCodeSerializer

    @extend_schema(request=FirstCodeSerializer, responses={201: NewCodesSerializer})
    def post(self, request: Request) -> Response:
        """From now on one is asked for it at every sign-in; it takes the place of the app before. Answers recovery
        codes when it is the first factor, this once only."""
        form = FirstCodeSerializer(data=request.data)
        require_types(form)
        form.is_valid(raise_exception=True)
        secret = setup.secret_of(cast(User, request.user), form.validated_data["setup"])

        def run() -> Done:
            made = factors.add_authenticator(**self.herself, secret=secret, code=form.validated_data["code"])
            return Done({"recovery_codes": made}, 201)

        return _unkept(self.write(run))


@extend_schema(tags=["me"])
class RecoveryCodesView(OwnFactorView):
    """Codes that open once, for when everything else is lost."""

    serializer_class = NewCodesSerializer

    @extend_schema(request=None, responses=NewCodesSerializer)
    def post(self, request: Request) -> Response:
        """New ones; those before open nothing any more. Shown this once only."""
        if not factors.has_factor(cast(User, request.user)):
            raise Http404
        return _unkept(self.write(lambda: Done({"recovery_codes": factors.renew_codes(**self.herself)})))


@extend_schema(tags=["me"])
class PasskeyView(OwnFactorView):
    """A security key, as added in a browser."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, passkey: str) -> Response:
        """Remove it."""
        return self.drop(Passkey.objects.filter(user=cast(User, request.user), pk=int(passkey)).first())


@extend_schema(tags=["users"])
class OthersFactorsView(APIView):
    """Whether somebody has a second factor."""

    serializer_class = FactorsSerializer

    @extend_schema(responses=FactorsSerializer)
    def get(self, request: Request, id: str) -> Response:
        return Response(FactorsSerializer(held_by(_account(request, id))).data)


@extend_schema(tags=["users"])
class ResetView(TenantWrites, APIView):
    """For somebody who lost all she had."""

    serializer_class = FactorsSerializer

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, id: str) -> Response:
        """Take all second factors from her: her password alone opens her account again, and her sessions end."""
        row = _account(request, id)
        require(request.user, "user.update")
        require_confirmed(request)

        def run() -> Done:
            factors.reset_factors(actor=actor_of(request), user=row)
            return Done(None, 204)

        return self.write(run)


def _account(request: Request, pk: str) -> Account:
    row: Account = get_object_or_404(Account.objects.visible_to(request.user), pk=pk)
    return row


def _unkept(answer: Response) -> Response:
    answer["Cache-Control"] = "no-store"
    return answer
