"""The API's side of policies, rules and bandwidth profiles; a policy's rules as one table; and explain."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from policies.actions import replace_rules
from policies.explain import explain
from policies.resources import POLICY, PROFILE, RULE
from policies.serializers import (
    ExplanationSerializer,
    QuestionSerializer,
    RuleSerializer,
    TableLineSerializer,
)
from tenants.api import LiveViewSet, viewset


class PolicyViewSet(LiveViewSet):
    """A set of rules on any number of groups. Rules of all policies on a group count as one set."""

    resource = POLICY

    @extend_schema(request=TableLineSerializer(many=True), responses=RuleSerializer(many=True))
    @action(detail=True, methods=["put"], pagination_class=None, filter_backends=[])
    def rules(self, request: Request, pk: str) -> Response:
        """Make these the policy's rules, all in one step. A line with an id changes that rule, which keeps its hits;
        one without adds a rule; rules that are not in the table go."""
        row = self.get_object()
        self.require("update", row, row.tenant)
        context = self.context_of(row.tenant)
        form = TableLineSerializer(data=request.data, many=True, context=context)
        form.is_valid(raise_exception=True)
        replace_rules(actor=self.actor(), policy=row, rules=form.validated_data)
        rules = RULE.model._default_manager.filter(policy=row).select_related(*RULE.select).order_by("id")
        return Response(RuleSerializer(rules, many=True, context=context).data)


class ExplainView(APIView):
    """Would this connection pass, and which rule says so?"""

    serializer_class = QuestionSerializer

    @extend_schema(request=QuestionSerializer, responses=ExplanationSerializer)
    def post(self, request: Request) -> Response:
        form = QuestionSerializer(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        return Response(ExplanationSerializer(explain(**form.validated_data)).data)


VIEWSETS: dict[str, type[Any]] = {
    "policies": PolicyViewSet,
    "rules": viewset(RULE),
    "profiles": viewset(PROFILE),
}
