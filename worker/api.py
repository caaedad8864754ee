"""The API's side of what nodes report: their state, drift, denied flows, counters."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from networks import api as networks_api
from tenants.api import ObjectViewSet, viewset
from worker.resources import DENIED, DRIFT, DROPS, HITS, TRAFFIC
from worker.serializers import NodeStatusSerializer


class NodeViewSet(networks_api.NodeViewSet):
    """A machine with an agent. Its token is in the answer that made it, and nowhere else."""

    @extend_schema(responses=NodeStatusSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def status(self, request: Request, pk: str) -> Response:
        """What it was told beside what it says it has applied, what its kernel can do, and what it refuses."""
        self.require("view")
        return Response(NodeStatusSerializer(self.find(pk), context=self.get_serializer_context()).data)


class NewestFirst(ObjectViewSet):
    default_ordering = "-id"


#: In the place of what rooms before this one have of the same name.
VIEWSETS: dict[str, type[Any]] = {
    "nodes": NodeViewSet,
    "drift": viewset(DRIFT, NewestFirst),
    "denied": viewset(DENIED, NewestFirst),
    "rule-hits": viewset(HITS, ObjectViewSet),
    "traffic": viewset(TRAFFIC, ObjectViewSet),
    "drops": viewset(DROPS, ObjectViewSet),
}
