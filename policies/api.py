"""The API's side of policies, rules and bandwidth profiles; a policy's rules as one table; and explain."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contivui.web.api import Done
from contivui.web.parameters import only
from contivui.web.strict import require_types
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
        one without adds a rule; rules that are not in the table go. A table that is the policy's already changes
        nothing, and the answer says so (`Changed: false`)."""
        return self.write(lambda: self._replace(pk, request.data, request.headers.get("If-Match")))

    def _replace(self, pk: str, body: Any, if_match: str | None) -> Done:
        row = self.find(pk)
        self.require("update", row, row.tenant)
        self.unless_changed(row, row.tenant, if_match)
        context = self.context_of(row.tenant)
        form = TableLineSerializer(data=body, many=True, context=context)
        require_types(form)
        form.is_valid(raise_exception=True)
        try:
            changed = replace_rules(actor=self.actor(), policy=row, rules=form.validated_data)
        except ValidationError as error:
            raise ValidationError(_in_body(error)) from None
        rules = RULE.model._default_manager.filter(policy=row).select_related(*RULE.select).order_by("id")
        said = {} if changed else {"Changed": "false"}
        return Done(RuleSerializer(rules, many=True, context=context).data, tenants=[row.tenant], headers=said)


class ExplainView(APIView):
    """Would this connection pass, and which rule says so?"""

    serializer_class = QuestionSerializer
    #: A token for reading may ask, though the question is too long for an address.
    only_reads = True

    @extend_schema(request=QuestionSerializer, responses=ExplanationSerializer)
    def post(self, request: Request) -> Response:
        only(request)
        form = QuestionSerializer(data=request.data, context={"request": request})
        require_types(form)
        form.is_valid(raise_exception=True)
        return Response(ExplanationSerializer(explain(**form.validated_data)).data)


def _in_body(error: ValidationError) -> dict[str, Any]:
    """The verb's "rules.2.ports" where it is in the body, which is the table itself: "2.ports"."""
    found = error.update_error_dict({})
    return {re.sub(r"^rules\.?", "", place) or NON_FIELD_ERRORS: errors for place, errors in found.items()}


VIEWSETS: dict[str, type[Any]] = {
    "policies": PolicyViewSet,
    "rules": viewset(RULE),
    "profiles": viewset(PROFILE),
}
