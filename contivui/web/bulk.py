"""Many writes of one kind of object in one request and one transaction: all of them, or none."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from contivui.web.api import Done, ResourceViewSet
from contivui.web.errors import Several, answer_of
from contivui.web.fields import LARGEST_ID
from contivui.web.strict import require_types

#: One transaction holds its tenants for as long as it takes; more is for several requests.
MOST = 500


class OperationSerializer(serializers.Serializer[Any]):
    """One write: what a request of its own would send. `id` for update and delete, `body` for create and update."""

    op = serializers.ChoiceField(["create", "update", "delete"])
    id = serializers.IntegerField(required=False, min_value=1)
    if_match = serializers.CharField(required=False, help_text="As the header If-Match.")
    body = serializers.DictField(required=False, help_text="As the body of a POST, or of a PATCH.")


class OperationsSerializer(serializers.Serializer[Any]):
    operations = serializers.ListField(child=OperationSerializer(), min_length=1, max_length=MOST)


class ResultSerializer(serializers.Serializer[Any]):
    status = serializers.IntegerField(help_text="As a request of its own would have been answered.")
    body = serializers.DictField(allow_null=True)


class ResultsSerializer(serializers.Serializer[Any]):
    """One result per operation, in their order."""

    results = ResultSerializer(many=True)


class BulkViewSet(ResourceViewSet):
    """Adds `bulk/`. Operations are done in the order given; a later one may name by name what an earlier one made.
    Each is a change of its own in the record; nodes are woken once, after the last."""

    @extend_schema(request=OperationsSerializer, responses=ResultsSerializer)
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def bulk(self, request: Request) -> Response:
        """Create, change and delete any number of these in one transaction. When one is refused nothing is done, and
        each refusal is told at the place of its operation."""
        return self.once(lambda: self.write(lambda: self._all(request.data)))

    def _all(self, body: Any) -> Done:
        form = OperationsSerializer(data=body)
        require_types(form)
        form.is_valid(raise_exception=True)
        operations = body["operations"]
        self.lock(*self._concerned(operations))
        done, refused = [], []
        for position, operation in enumerate(operations):
            try:
                done.append(self._one(operation))
            except Exception as error:
                if (answer := answer_of(error, "POST")) is None:
                    raise
                refused.append((f"operations.{position}", answer.data))
        if refused:
            raise Several(refused)
        tenants = {getattr(t, "pk", 0): t for each in done for t in each.tenants}
        results = [{"status": each.status, "body": each.data} for each in done]
        return Done({"results": results}, tenants=list(tenants.values()))

    def _one(self, operation: dict[str, Any]) -> Done:
        verb, pk, body = operation["op"], operation.get("id"), operation.get("body")
        if verb == "create":
            return self.make(_needed(body, "body", "Give the body of the new object."))
        pk = str(int(_needed(pk, "id", "Give the id of the object.")))  # JSON writes 3 as 3.0, too.
        if verb == "delete":
            return self.remove(pk, operation.get("if_match"))
        return self.alter(pk, _needed(body, "body", "Give what changes."), True, operation.get("if_match"))

    def _concerned(self, operations: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
        """Tenants and rows the operations are about, as far as that can be known: locked before anything is done."""
        keys = [operation["id"] for operation in operations if 0 < (operation.get("id") or 0) <= LARGEST_ID]
        named = {str((operation.get("body") or {}).get("tenant", "")) for operation in operations}
        rows = list(self.get_queryset().filter(pk__in=keys))
        return [*map(self.tenant_of, rows), *self.tenants_named(named)], rows

    def tenants_named(self, names: set[str]) -> list[Any]:
        """Hook: the tenants of these names that the person may see."""
        return []


def _needed(value: Any, name: str, sentence: str) -> Any:
    if value is None:
        raise ValidationError({name: [sentence]}, "required")
    return value
