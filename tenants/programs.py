"""The API's side of programs: their tokens, and the events they follow."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from contivui.web.api import Done
from contivui.web.fields import LARGEST_ID
from contivui.web.parameters import only
from contivui.web.strict import require_types
from tenants import events
from tenants.api import TenantWrites, actor_of
from tenants.credentials import end_token, make_token, tokens_of
from tenants.models import Token, TokenRights
from tenants.serializers import EventsSerializer, NewTokenSerializer, TokenSerializer

#: What a token of no tenant is asked to be before it may make others.
OWN_ONLY = "A token that is cut down (to reading, or to a tenant) makes and ends no tokens. Sign in, or use a full one."


@extend_schema(tags=["tokens"])
class TokenViewSet(TenantWrites, GenericViewSet[Any]):
    """One's own tokens, and those that were made for tenants one owns. The header is `Authorization: Token cvui_…`."""

    serializer_class = TokenSerializer
    queryset = Token.objects.none()
    lookup_field = "token_key"
    lookup_value_regex = "[0-9A-Za-z_-]+"
    pagination_class = None
    filter_backends = ()

    def get_queryset(self) -> Any:
        return tokens_of(self.request.user)

    @extend_schema(responses=TokenSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response(TokenSerializer(self.get_queryset(), many=True).data)

    @extend_schema(request=TokenSerializer, responses={201: NewTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token. The answer is the only place it is ever shown in."""
        return self.once(lambda: self.write(lambda: self._make(request)))

    def destroy(self, request: Request, token_key: str) -> Response:
        """End a token: nothing is opened by it any more, from the next request on."""
        return self.write(lambda: self._end(request, token_key))

    def _make(self, request: Request) -> Done:
        _require_full(request)
        form = TokenSerializer(data=request.data, context=self.get_serializer_context())
        require_types(form)
        form.is_valid(raise_exception=True)
        given = dict(form.validated_data)
        made, token = make_token(actor=actor_of(request), user=cast(User, request.user), **given)
        return Done({**TokenSerializer(made).data, "token": token}, status.HTTP_201_CREATED, [made.tenant])

    def _end(self, request: Request, token_key: str) -> Done:
        _require_full(request)
        row = self.get_queryset().filter(token_key=token_key).first()
        if row is None:
            raise Http404
        end_token(actor=actor_of(request), user=cast(User, request.user), row=row)
        return Done(None, status.HTTP_204_NO_CONTENT, [row.tenant])


def _require_full(request: Request) -> None:
    token = request.auth
    if isinstance(token, Token) and (token.tenant_id is not None or token.rights != TokenRights.WRITE):
        raise PermissionDenied(OWN_ONLY)


EVENT = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
#: One server-sent event.
SENT = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
}
ASKED = [
    OpenApiParameter("since", EVENT, description="The event to go on after; left out: from now on."),
    OpenApiParameter("tenant", str, description="Only of this tenant, by name."),
    OpenApiParameter("kind", str, enum=["change", "status"]),
    OpenApiParameter("object", str, description="Only of one kind of object, or of one: network, network.7."),
]

NAMES = tuple(parameter.name for parameter in ASKED)


@extend_schema(tags=["events"])
class EventsView(APIView):
    """What happened."""

    @extend_schema(parameters=ASKED, responses=EventsSerializer)
    def get(self, request: Request) -> Response:
        """At most 500 events after `since`, oldest first; without `since` none, and where to begin."""
        only(request, *NAMES)
        found = events.read(request.user, events.Asked.of(request.query_params.dict()))
        return Response({"events": [events.told(e) for e in found.events], "last": found.last, "missed": found.missed})


class StreamRenderer(BaseRenderer):
    media_type = "text/event-stream"
    format = "stream"
    charset = "utf-8"

    def render(self, data: Any, *_: Any) -> bytes:
        return str(data).encode()


class StreamOnly(BaseContentNegotiation):
    """Whatever is accepted, a stream it is; refusals are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return JSONRenderer(), JSONRenderer.media_type


@extend_schema(tags=["events"])
class StreamView(APIView):
    """What happens, as it happens."""

    content_negotiation_class = StreamOnly
    renderer_classes = [StreamRenderer]

    @extend_schema(
        parameters=[*ASKED, OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER)],
        responses={(200, "text/event-stream"): OpenApiResponse(SENT, "Server-sent events, without end.")},
    )
    def get(self, request: Request) -> HttpResponse:
        """Server-sent events: `change` and `status` with an event as data, `seen` with the id to resume from, `missed`
        when some are not kept any more. Without `since` from now on. This view gives what there is;
        contivui.web.waiting keeps the stream open and asks it again."""
        only(request, *NAMES)
        asked = events.Asked.of(request.query_params.dict(), request.headers.get("Last-Event-ID"))
        answer = HttpResponse(events.as_stream(events.read(request.user, asked)), content_type="text/event-stream")
        answer["Cache-Control"] = "no-store"
        answer["X-Accel-Buffering"] = "no"
        return answer


VIEWSETS: dict[str, type[Any]] = {"tokens": TokenViewSet}
