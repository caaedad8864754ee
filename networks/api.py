"""The API's side of networks, groups, endpoints, nodes, and the fabric they share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contivui.web.api import Done
from contivui.web.strict import require_types
from networks.actions import create_node, new_node_token, update_fabric
from networks.models import Fabric
from networks.resources import ENDPOINT, GROUP, NETWORK, NODE
from networks.serializers import FabricSerializer, NewNodeSerializer, NodeSerializer, NodeTokenSerializer
from tenants.access import require
from tenants.api import ObjectViewSet, TenantWrites, actor_of, viewset


class NodeViewSet(ObjectViewSet):
    """A machine with an agent. Its token is in the answer that made it, and nowhere else."""

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
        """A new token for the node; the old one opens nothing any more."""
        row = self.find(pk)
        self.require("update", row)
        return self.write(lambda: Done({"token": new_node_token(actor=self.actor(), row=row)}))


class FabricView(TenantWrites, APIView):
    """The tags networks may take, for all tenants."""

    serializer_class = FabricSerializer

    @extend_schema(responses=FabricSerializer)
    def get(self, request: Request) -> Response:
        require(request.user, "fabric.view")
        return Response(FabricSerializer(Fabric.objects.filter(pk=1).first() or Fabric()).data)

    @extend_schema(request=FabricSerializer, responses=FabricSerializer)
    def patch(self, request: Request) -> Response:
        require(request.user, "fabric.update")
        form = FabricSerializer(data=request.data)
        require_types(form)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        return self.write(lambda: Done(FabricSerializer(update_fabric(actor=actor_of(request), **given)).data))


VIEWSETS: dict[str, type[Any]] = {
    "networks": viewset(NETWORK),
    "groups": viewset(GROUP),
    "endpoints": viewset(ENDPOINT),
    "nodes": NodeViewSet,
}
