"""Search as the API answers it and as the page shows it: the same objects, in the same order."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contivui.web.errors import BadParameter
from contivui.web.parameters import only
from contivui.web.problem import Problem
from contivui.web.request import PageRequest
from contivui.web.screens import registry
from contivui.web.search import LONGEST, Answer, search

#: What was met, in words.
FIELDS = {
    **{name: _("Name") for name in ("name", "username")},
    **{name: _("Full name") for name in ("first_name", "last_name")},
    "label": _("Second name"),
    "labels": _("Labels"),
    "note": _("Note"),
    "description": _("Description"),
    "subnet4": _("IPv4 subnet"),
    "subnet6": _("IPv6 subnet"),
    "gateway4": _("IPv4 gateway"),
    "gateway6": _("IPv6 gateway"),
    "ip4": _("IPv4 address"),
    "ip6": _("IPv6 address"),
    "mac": "MAC",
    **{name: _("Addresses") for name in ("address", "addresses", "vtep", "neighbor")},
}
#: Objects of each kind: unless asked for otherwise, at most, and on the page.
USUAL, MOST, ON_PAGE = 5, 20, 10


class SearchQuerySerializer(serializers.Serializer[Any]):
    q = serializers.CharField(
        max_length=LONGEST, help_text="Words of a name or note; a whole address; or a selector of labels, as tier=web."
    )
    limit = serializers.IntegerField(
        required=False, default=USUAL, min_value=1, max_value=MOST, help_text="Objects of each kind."
    )
    tenant = serializers.CharField(required=False, default="", help_text="Name of the only tenant to look in.")


class MatchSerializer(serializers.Serializer[Any]):
    """What of the object was met."""

    field = serializers.CharField()
    value = serializers.CharField()


class FoundSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="For example endpoint.")
    id = serializers.IntegerField()
    name = serializers.CharField()
    tenant = serializers.CharField(allow_null=True, help_text="None: it belongs to the cluster.")
    url = serializers.CharField(help_text="Of the object in this API.")
    page = serializers.CharField(help_text="The page that shows it to people.")
    matched = MatchSerializer()


class AnswerSerializer(serializers.Serializer[Any]):
    results = FoundSerializer(many=True)
    more = serializers.ListField(child=serializers.CharField(), help_text="Kinds of which more would be found.")


@extend_schema(tags=["search"])
class SearchView(APIView):
    """All kinds of objects at once."""

    serializer_class = AnswerSerializer

    @extend_schema(operation_id="search", parameters=[SearchQuerySerializer], responses=AnswerSerializer)
    def get(self, request: Request) -> Response:
        """Objects one may see, of every kind, that these words, this address or these labels find; kind after kind,
        what is called exactly so first. An address finds the endpoint that has it, and the networks and reservations
        that hold it."""
        form = SearchQuerySerializer(data=request.query_params)
        only(request, *form.fields)
        if not form.is_valid():
            raise BadParameter({name: str(sentences[0]) for name, sentences in form.errors.items()})
        asked = form.validated_data
        try:
            answer = search(request.user, asked["q"], asked["limit"], asked["tenant"])
        except Problem as problem:
            raise BadParameter({"q": problem.message}, problem.code) from None
        return Response(AnswerSerializer(told(answer)).data)


def told(answer: Answer) -> dict[str, Any]:
    results = [
        {
            "kind": one.findable.kind,
            "id": one.row.pk,
            "name": str(one.row),
            "tenant": one.tenant,
            "url": reverse(f"api-{one.findable.resource.plural}-detail", args=[one.row.pk]),
            "page": one.page,
            "matched": {"field": one.field, "value": one.value},
        }
        for one in answer.found
    ]
    return {"results": results, "more": answer.more}


def search_page(request: PageRequest) -> HttpResponse:
    """What the box at the top of every page finds."""
    text, problem, answer = request.GET.get("q", "").strip()[:LONGEST], "", Answer()
    try:
        answer = search(request.user, text, ON_PAGE) if text and "\0" not in text else answer
    except Problem as refused:
        problem = refused.message
    kinds = [
        {
            "screen": registry.get(kind.kind),
            "found": [(one, FIELDS[one.field]) for one in found],
            "more": kind.kind in answer.more,
        }
        for kind, found in groupby(answer.found, key=lambda one: one.findable)
    ]
    context = {"looked_for": text, "kinds": kinds, "problem": problem, "topics": [], "most": ON_PAGE}
    return render(request, "web/search.html", context, status=422 if problem else 200)
