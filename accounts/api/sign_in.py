"""How people of this installation sign in: the rules, the directory and the provider, and what groups bring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts import directory, provider
from accounts.actions.directory import drop_directory, set_directory
from accounts.actions.factors import change_rules
from accounts.actions.provider import drop_provider, set_provider
from accounts.confirming import require_confirmed
from accounts.models import Directory, Provider, Rules
from accounts.resources import GROUP_GRANT
from accounts.serializers import AnswersSerializer, DirectorySerializer, ProviderSerializer, RulesSerializer
from contivui.web.api import Done
from contivui.web.parameters import only
from contivui.web.preconditions import etag_of, has_it_already, require_match
from contivui.web.strict import require_types
from tenants.access import require
from tenants.api import ObjectViewSet, TenantWrites, actor_of
from tenants.models import ClusterRecord


class OneView(TenantWrites, APIView):
    """One thing of the cluster, which lets people in: changing it asks for the password (`me/confirm/`)."""

    kind: ClassVar[str]
    serializer_class: type[BaseSerializer[Any]]

    def current(self) -> Any:
        """The row, or 404."""
        raise NotImplementedError

    def show(self) -> Response:
        require(self.request.user, f"{self.kind}.view")
        data = self.serializer_class(self.current()).data
        tag = etag_of(data)
        if has_it_already(self.request, tag):
            return Response(status=304, headers={"ETag": tag})
        return Response(data, headers={"ETag": tag})

    def change(self, verb: Callable[..., Any], *, partial: bool, new: bool = False) -> Response:
        """`new`: there need be none yet."""
        self.may("update")
        form = self.serializer_class(data=self.request.data, partial=partial)
        require_types(form)
        form.is_valid(raise_exception=True)

        def run() -> Done:
            self.unless_changed()
            if not new:
                self.current()
            row = verb(actor=actor_of(self.request), **form.validated_data)
            return Done(self.serializer_class(row).data, whole=True)

        return self.write(run)

    def end(self, verb: Callable[..., None]) -> Response:
        self.may("delete")

        def run() -> Done:
            self.unless_changed()
            self.current()
            verb(actor=actor_of(self.request))
            return Done(None, 204)

        return self.write(run)

    def may(self, action: str) -> None:
        require(self.request.user, f"{self.kind}.{action}")
        require_confirmed(self.request)

    def unless_changed(self) -> None:
        """What If-Match is compared with stays so: writers of the cluster are in line."""
        if (if_match := self.request.headers.get("If-Match")) is not None:
            ClusterRecord.locked()
            require_match(if_match, self.serializer_class(self.current()).data)


@extend_schema(tags=["sign-in"])
class RulesView(OneView):
    """How people sign in."""

    kind, serializer_class = "sign_in", RulesSerializer

    def current(self) -> Rules:
        return Rules.current()

    @extend_schema(responses=RulesSerializer)
    def get(self, request: Request) -> Response:
        return self.show()

    @extend_schema(request=RulesSerializer, responses=RulesSerializer)
    def patch(self, request: Request) -> Response:
        """They hold from everybody's next sign-in on."""
        return self.change(change_rules, partial=True)


class OutsideView(OneView):
    """Who vouches for people from outside: there is one, or none."""

    model: ClassVar[type[Directory | Provider]]
    keep: ClassVar[Callable[..., Any]]
    drop: ClassVar[Callable[..., None]]

    def current(self) -> Any:
        return there(self.model)

    def get(self, request: Request) -> Response:
        return self.show()

    def put(self, request: Request) -> Response:
        """Say which, whole. Without its secret it keeps the one it has."""
        return self.change(self.keep, partial=False, new=True)

    def patch(self, request: Request) -> Response:
        return self.change(self.keep, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Nobody signs in by it any more; the accounts it brought stay, and open nothing."""
        return self.end(self.drop)


@extend_schema(tags=["sign-in"])
class DirectoryView(OutsideView):
    """The LDAP or Active Directory server people may sign in by. Its password is never answered."""

    kind, serializer_class, model = "directory", DirectorySerializer, Directory
    keep, drop = staticmethod(set_directory), staticmethod(drop_directory)


@extend_schema(tags=["sign-in"])
class ProviderView(OutsideView):
    """The OpenID Connect provider people may sign in by. The client's secret is never answered."""

    kind, serializer_class, model = "provider", ProviderSerializer, Provider
    keep, drop = staticmethod(set_provider), staticmethod(drop_provider)


class OutsideTestView(APIView):
    """Asking it, as somebody who signs in would."""

    serializer_class = AnswersSerializer
    away: ClassVar[type[Exception]]

    def tried(self, kind: str, model: type[Directory | Provider], try_out: Callable[[Any], None]) -> Response:
        require(self.request.user, f"{kind}.update")
        only(self.request)
        try:
            try_out(there(model))
        except self.away as away:
            return Response(AnswersSerializer({"answers": False, "problem": str(away)}).data)
        return Response(AnswersSerializer({"answers": True, "problem": None}).data)


@extend_schema(tags=["sign-in"])
class DirectoryTestView(OutsideTestView):
    away = directory.DirectoryAway

    @extend_schema(request=None, responses=AnswersSerializer)
    def post(self, request: Request) -> Response:
        """Ask the directory whether it answers, and lets itself be asked with what is set."""
        return self.tried("directory", Directory, directory.try_out)


@extend_schema(tags=["sign-in"])
class ProviderTestView(OutsideTestView):
    away = provider.ProviderFailed

    @extend_schema(request=None, responses=AnswersSerializer)
    def post(self, request: Request) -> Response:
        """Ask the provider what it says of itself."""
        return self.tried("provider", Provider, provider.try_out)


def there(model: type[Directory | Provider]) -> Directory | Provider:
    """The row, or 404."""
    row = model.current()
    if row is None:
        raise Http404
    return row


class GroupGrantViewSet(ObjectViewSet):
    """A role that a group of the directory or the provider brings, in a tenant, or without one in the cluster. Making
    and taking one asks for the password (`me/confirm/`)."""

    resource = GROUP_GRANT

    def require(self, action: str, row: Any = None, tenant: Any = None) -> None:
        super().require(action, row, tenant)
        if action != "view":
            require_confirmed(self.request)
