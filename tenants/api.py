"""The API's side of people: whose request it is, what she may, her tokens, the record, and how far a change is live."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from knox.models import get_token_model
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from contivui.web.api import ResourceViewSet
from contivui.web.facts import facts
from contivui.web.resource import Resource
from tenants.access import require, rights_of
from tenants.change import Actor
from tenants.models import Membership
from tenants.resources import AUDIT, MEMBER, TENANT
from tenants.serializers import MeSerializer, RealizationSerializer, TokenSerializer


def actor_of(request: Request) -> Actor:
    """How the record names who asks through the API."""
    user = request.user
    return Actor(user.get_username(), "api", user.pk, request.META.get("REMOTE_ADDR") or None)


class ObjectViewSet(ResourceViewSet):
    """A resource's view set that knows people and their rights."""

    def actor(self) -> Actor:
        return actor_of(self.request)

    def require(self, action: str, row: Any = None, tenant: Any = None) -> None:
        """What belongs to a tenant is seen by whoever `visible_to` shows it; so is what there is of tenants."""
        if action == "view" and (self.resource.scope == "tenant" or self.resource is TENANT):
            return
        require(self.request.user, f"{self.resource.name}.{action}", tenant)


class LiveViewSet(ObjectViewSet):
    """A resource whose objects become live on nodes."""

    @extend_schema(responses=RealizationSerializer)
    @action(detail=True, methods=["get"])
    def realization(self, request: Request, pk: str) -> Response:
        """How far the change that made this object what it is has come."""
        return Response(RealizationSerializer(realization_of(self.get_object())).data)


def viewset(resource: Resource, base: type[ObjectViewSet] = LiveViewSet) -> type[ObjectViewSet]:
    """The view set of a resource that has nothing particular."""
    name = resource.name.title()
    return type(f"{name}ViewSet", (base,), {"resource": resource, "__doc__": resource.model.__doc__})


def realization_of(row: Any) -> dict[str, Any]:
    """How far the generation that last changed the row is live, as the worker knows it."""
    known = facts("realization", [row])[row.pk]
    live_at = known.saved_at + timedelta(milliseconds=known.ms) if known.saved_at and known.ms is not None else None
    return {
        "generation": row.generation,
        "stage": known.stage,
        "saved_at": known.saved_at,
        "live_at": live_at,
        "live_ms": known.ms,
        "nodes": known.nodes,
        "live": known.live,
        "waiting": known.waiting,
        "refused": known.refused,
    }


class TenantViewSet(ObjectViewSet):
    """A VRF: its networks reach each other, nothing else reaches them."""

    resource = TENANT

    def tenant_of(self, row: Any) -> Any:
        """A tenant's own owners may change it: the rights asked for are those in itself."""
        return row


class AuditViewSet(ObjectViewSet):
    """The record: every change, who made it, when, from where, before and after. Newest first."""

    resource = AUDIT
    default_ordering = "-id"


@extend_schema(tags=["me"])
class MeView(APIView):
    """Who asks."""

    serializer_class = MeSerializer

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        roles = Membership.objects.filter(user__username=request.user.get_username())
        roles = roles.select_related("tenant").order_by("tenant__name")
        rights = rights_of(request.user)
        me = {"name": request.user.get_username(), "administrator": rights.administrator, "tenants": roles}
        return Response(MeSerializer(me).data)


@extend_schema(tags=["tokens"])
class TokenViewSet(GenericViewSet[Any]):
    """One's own tokens. The header is `Authorization: Token cvui_…`."""

    serializer_class = TokenSerializer
    queryset = get_token_model().objects.none()
    lookup_field = "token_key"
    lookup_value_regex = "[0-9A-Za-z_-]+"
    pagination_class = None
    filter_backends = ()

    def get_queryset(self) -> Any:
        return get_token_model().objects.filter(user_id=self.request.user.pk).order_by("created")

    @extend_schema(responses=TokenSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response(TokenSerializer(self.get_queryset(), many=True).data)

    def create(self, request: Request) -> Response:
        form = TokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        days = form.validated_data.get("days")
        made, token = get_token_model().objects.create(request.user, timedelta(days=days) if days else None)
        return Response({**TokenSerializer(made).data, "token": token}, status.HTTP_201_CREATED)

    def destroy(self, request: Request, token_key: str) -> Response:
        if not self.get_queryset().filter(token_key=token_key).delete()[0]:
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


class NoSuchThing(APIView):
    """What the API answers where it has nothing: its own kind of 404, not a page."""

    schema = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.http_method_names = [request.method.lower()]
        setattr(self, request.method.lower(), self.nothing)
        return super().dispatch(request, *args, **kwargs)

    def nothing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise Http404


VIEWSETS: dict[str, type[Any]] = {
    "tenants": TenantViewSet,
    "members": viewset(MEMBER, ObjectViewSet),
    "audit": AuditViewSet,
    "tokens": TokenViewSet,
}
