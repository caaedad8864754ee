"""The API's side of networks, groups, endpoints, nodes, and the fabric they share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contivui.web.api import Done
from contivui.web.preconditions import etag_of, has_it_already, require_match
from contivui.web.strict import require_types
from core import ipam
from networks.actions import create_node, make_join_token, revoke_node, update_fabric
from networks.kept import FAMILIES
from networks.occupancy import occupancy
from networks.resources import ENDPOINT, GROUP, JOIN_TOKEN, KNOCK, NETWORK, NODE, NODE_CERTIFICATE, RESERVATION
from networks.serializers import (
    FabricSerializer,
    JoinTokenSerializer,
    NetworkAddressesSerializer,
    NewJoinTokenSerializer,
    NewNodeSerializer,
    NodeSerializer,
    NodeTokenSerializer,
)
from networks.tags import current_fabric, locked_fabric
from tenants.access import require
from tenants.api import LiveViewSet, ObjectViewSet, TenantWrites, actor_of, viewset
from tenants.models import ClusterRecord


class NodeViewSet(ObjectViewSet):
    """A machine with an agent. The token it joins with is in the answer that made it, and nowhere else."""

    resource = NODE

    @extend_schema(request=NodeSerializer, responses={201: NewNodeSerializer})
    def create(self, request: Request) -> Response:
        return super().create(request)

    def make(self, body: Any) -> Done:
        row, token = create_node(actor=self.actor(), **self.read(self.get_serializer(data=body)))
        return self.made(row, token=token)

    @extend_schema(request=None, responses=NodeTokenSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filter_backends=[])
    def token(self, request: Request, pk: str) -> Response:
        """A token for its machine to join with, once, within a day."""
        row = self.find(pk)
        self.require("token", row)
        return self.write(lambda: Done({"token": make_join_token(actor=self.actor(), node=row)[1]}))

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], pagination_class=None, filter_backends=[])
    def revoke(self, request: Request, pk: str) -> Response:
        """End everything the node was given: it is off at once, and must join anew to come back."""
        row = self.find(pk)
        self.require("revoke", row)

        def run() -> Done:
            revoke_node(actor=self.actor(), row=row)
            return Done(None, 204)

        return self.write(run)


class JoinTokenViewSet(ObjectViewSet):
    """Lets one machine in as a node, once, until it expires. Deleting one withdraws it; it stays in the list."""

    resource = JOIN_TOKEN

    @extend_schema(request=JoinTokenSerializer, responses={201: NewJoinTokenSerializer})
    def create(self, request: Request) -> Response:
        return super().create(request)

    def make(self, body: Any) -> Done:
        row, token = make_join_token(actor=self.actor(), **self.read(self.get_serializer(data=body)))
        return self.made(row, token=token)


class NetworkViewSet(LiveViewSet):
    """A layer-2 segment with a subnet. Any two networks of a tenant are routed to each other, on every node."""

    resource = NETWORK

    @extend_schema(
        parameters=[OpenApiParameter("from", str, description="An address: leave out the ranges before it.")],
        responses=NetworkAddressesSerializer,
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def addresses(self, request: Request, pk: str) -> Response:
        """What is free, and who has the rest: as ranges in order, at most 500 of a family at once."""
        network = self.find(pk)
        try:
            start = request.query_params.get("from", "")
            found = occupancy(network, ipam.address(start) if start else "")
        except ipam.AddressError as error:
            raise ValidationError({"from": [str(error)]}, "address") from None
        return Response(NetworkAddressesSerializer({f"ip{family}": found.get(family) for family in FAMILIES}).data)


class FabricView(TenantWrites, APIView):
    """What all tenants share: the tags networks may take, and the modes Contiv's clients know."""

    serializer_class = FabricSerializer

    @extend_schema(responses=FabricSerializer)
    def get(self, request: Request) -> Response:
        require(request.user, "fabric.view")
        data = FabricSerializer(current_fabric()).data
        tag = etag_of(data)
        if has_it_already(request, tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        return Response(data, headers={"ETag": tag})

    @extend_schema(request=FabricSerializer, responses=FabricSerializer)
    def patch(self, request: Request) -> Response:
        require(request.user, "fabric.update")
        form = FabricSerializer(data=request.data)
        require_types(form)
        form.is_valid(raise_exception=True)
        return self.write(lambda: self._alter(form.validated_data, request.headers.get("If-Match")))

    def _alter(self, given: dict[str, Any], if_match: str | None) -> Done:
        if if_match is not None:
            ClusterRecord.locked()  # Before the fabric, as every change of it does.
            require_match(if_match, FabricSerializer(locked_fabric()).data)
        return Done(FabricSerializer(update_fabric(actor=actor_of(self.request), **given)).data, whole=True)


VIEWSETS: dict[str, type[Any]] = {
    "networks": NetworkViewSet,
    "reservations": viewset(RESERVATION, ObjectViewSet),
    "groups": viewset(GROUP),
    "endpoints": viewset(ENDPOINT),
    "nodes": NodeViewSet,
    "join-tokens": JoinTokenViewSet,
    "node-certificates": viewset(NODE_CERTIFICATE, ObjectViewSet),
    "knocks": viewset(KNOCK, ObjectViewSet),
}
